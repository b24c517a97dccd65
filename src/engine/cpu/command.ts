/**
 * @file Launches as command records in shared memory, and back into words for error messages.
 */
import { describeLaunch, type LaunchText } from '../describe.ts';
import type { Launch } from '../engine.ts';
import type { Kernels } from './kernels.ts';

/** Writes and reads commands. All state is offsets, fetched once; `write` allocates nothing. */
export class CommandCodec {
  readonly #words: Uint32Array;
  readonly #floats: Float32Array;
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #names: readonly string[];
  // Word offsets of the fields, each in a field of its own: reads of constants, where a map or array would cost a lookup.
  readonly #kernel: number;
  readonly #dtype: number;
  readonly #reduceOp: number;
  readonly #count: number;
  readonly #input: number;
  readonly #output: number;
  readonly #root: number;
  readonly #tokens: number;
  readonly #hidden: number;
  readonly #residual: number;
  readonly #residualOut: number;
  readonly #weight: number;
  readonly #weightBias: number;
  readonly #castBeforeWeight: number;
  readonly #epsilon: number;
  readonly #quantization: number;
  readonly #quantOut: number;
  readonly #scaleOut: number;
  readonly #scale: number;
  readonly #chunkBytes: number;
  readonly #unequal: number;
  readonly #begins: number;
  readonly #signature: number;

  constructor(memory: WebAssembly.Memory, kernels: Kernels) {
    this.#words = new Uint32Array(memory.buffer);
    this.#floats = new Float32Array(memory.buffer);
    this.#numbers = kernels.numbers;
    this.#names = [...kernels.numbers].sort((a, b) => a[1] - b[1]).map(([name]) => name);
    const word = (name: keyof Launch | 'unequal' | 'begins' | 'signature'): number =>
      kernels.field(name) >>> 2;
    this.#kernel = word('kernel');
    this.#dtype = word('dtype');
    this.#reduceOp = word('reduceOp');
    this.#count = word('count');
    this.#input = word('input');
    this.#output = word('output');
    this.#root = word('root');
    this.#tokens = word('tokens');
    this.#hidden = word('hidden');
    this.#residual = word('residual');
    this.#residualOut = word('residualOut');
    this.#weight = word('weight');
    this.#weightBias = word('weightBias');
    this.#castBeforeWeight = word('castBeforeWeight');
    this.#epsilon = word('epsilon');
    this.#quantization = word('quantization');
    this.#quantOut = word('quantOut');
    this.#scaleOut = word('scaleOut');
    this.#scale = word('scale');
    this.#chunkBytes = word('chunkBytes');
    this.#unequal = word('unequal');
    this.#begins = word('begins');
    this.#signature = word('signature');
  }

  write(address: number, launch: Launch): void {
    const at = address >>> 2;
    const words = this.#words;
    const floats = this.#floats;
    words[at + this.#kernel] = this.#numbers.get(launch.kernel)!;
    words[at + this.#dtype] = launch.dtype;
    words[at + this.#reduceOp] = launch.reduceOp;
    words[at + this.#count] = launch.count;
    words[at + this.#input] = launch.input;
    words[at + this.#output] = launch.output;
    words[at + this.#root] = launch.root;
    words[at + this.#tokens] = launch.tokens;
    words[at + this.#hidden] = launch.hidden;
    words[at + this.#residual] = launch.residual;
    words[at + this.#residualOut] = launch.residualOut;
    words[at + this.#weight] = launch.weight;
    floats[at + this.#weightBias] = launch.weightBias;
    words[at + this.#castBeforeWeight] = launch.castBeforeWeight ? 1 : 0;
    floats[at + this.#epsilon] = launch.epsilon;
    words[at + this.#quantization] = launch.quantization;
    words[at + this.#quantOut] = launch.quantOut;
    words[at + this.#scaleOut] = launch.scaleOut;
    floats[at + this.#scale] = launch.scale;
    words[at + this.#chunkBytes] = launch.chunkBytes;
    words[at + this.#unequal] = 0;
    if (launch.parts !== undefined) this.#writeParts(at, launch.parts);
  }

  #writeParts(at: number, parts: readonly number[]): void {
    this.#words[at + this.#unequal] = parts.length;
    let begin = 0;
    for (let rank = 0; rank <= parts.length; rank++) {
      this.#words[at + this.#begins + rank] = begin;
      begin += parts[rank] ?? 0;
    }
  }

  /** A command in words, and what the kernels compare. */
  describe(address: number, arena: number): CommandText {
    const at = address >>> 2;
    const word = (field: number): number => this.#words[at + field]!;
    const float = (field: number): number => this.#floats[at + field]!;
    const launch = {
      dtype: word(this.#dtype),
      reduceOp: word(this.#reduceOp),
      count: word(this.#count),
      parts: word(this.#unequal)
        ? Array.from(
            { length: word(this.#unequal) },
            (_, r) => word(this.#begins + r + 1) - word(this.#begins + r),
          )
        : undefined,
      input: word(this.#input),
      output: word(this.#output),
      root: word(this.#root),
      tokens: word(this.#tokens),
      hidden: word(this.#hidden),
      residual: word(this.#residual),
      residualOut: word(this.#residualOut),
      weight: word(this.#weight),
      weightBias: float(this.#weightBias),
      castBeforeWeight: word(this.#castBeforeWeight) !== 0,
      epsilon: float(this.#epsilon),
      quantization: word(this.#quantization),
      quantOut: word(this.#quantOut),
      scaleOut: word(this.#scaleOut),
      scale: float(this.#scale),
      chunkBytes: word(this.#chunkBytes),
      blocks: 0,
      threads: 0,
    };
    const kernel = this.#names[word(this.#kernel)]!;
    return { signature: word(this.#signature), ...describeLaunch(kernel, launch, arena) };
  }
}

/** What ranks compare when they disagree. */
export interface CommandText extends LaunchText {
  /** What the kernels compare: equal when everything else is. */
  readonly signature: number;
}
