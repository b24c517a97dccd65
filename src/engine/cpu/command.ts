/**
 * @file Launches as command records in shared memory, and back into words for error messages.
 */
import { QUANTIZATIONS, REDUCE_OPS } from '../../operations.ts';
import { DTYPES } from '../../tensor/dtype.ts';
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
  readonly #epsilon: number;
  readonly #quantization: number;
  readonly #quantOut: number;
  readonly #scaleOut: number;
  readonly #scale: number;
  readonly #chunkBytes: number;
  readonly #signature: number;

  constructor(memory: WebAssembly.Memory, kernels: Kernels) {
    this.#words = new Uint32Array(memory.buffer);
    this.#floats = new Float32Array(memory.buffer);
    this.#numbers = kernels.numbers;
    this.#names = [...kernels.numbers].sort((a, b) => a[1] - b[1]).map(([name]) => name);
    const word = (name: keyof Launch | 'signature'): number => kernels.field(name) >>> 2;
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
    this.#epsilon = word('epsilon');
    this.#quantization = word('quantization');
    this.#quantOut = word('quantOut');
    this.#scaleOut = word('scaleOut');
    this.#scale = word('scale');
    this.#chunkBytes = word('chunkBytes');
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
    floats[at + this.#epsilon] = launch.epsilon;
    words[at + this.#quantization] = launch.quantization;
    words[at + this.#quantOut] = launch.quantOut;
    words[at + this.#scaleOut] = launch.scaleOut;
    floats[at + this.#scale] = launch.scale;
    words[at + this.#chunkBytes] = launch.chunkBytes;
  }

  /** A command in words and in what the words leave out, with buffers as offsets in the arena, so that equal calls read equal on every rank. */
  describe(address: number, arena: number): CommandText {
    const at = address >>> 2;
    const word = (field: number): number => this.#words[at + field]!;
    const float = (field: number): number => shortest(this.#floats[at + field]!);
    const place = (field: number): string => (word(field) ? `@${word(field) - arena}` : 'absent');
    const named = (name: string, field: number): string => (word(field) ? `, ${name} ${place(field)}` : '');
    const name = this.#names[word(this.#kernel)]!;
    const rows = word(this.#hidden) > 0;
    const shape = rows ? `[${word(this.#tokens)}, ${word(this.#hidden)}]` : `${word(this.#count)} elements`;
    const detail = rows
      ? `${QUANTIZATIONS[word(this.#quantization)]}, ${word(this.#residual) ? 'with' : 'without'} residual, epsilon ${float(this.#epsilon)}`
      : name.startsWith('broadcast')
        ? `root ${word(this.#root)}`
        : name.includes('reduce')
          ? REDUCE_OPS[word(this.#reduceOp)]!
          : 'gather';
    const text =
      `${name} ${DTYPES[word(this.#dtype)]} ${shape} (${detail}` +
      `${named('input', this.#input)}${named('output', this.#output)}${named('residual out', this.#residualOut)})`;
    const rest = {
      weight: word(this.#weight) ? 'given' : 'absent',
      'weight bias': float(this.#weightBias),
      scale: float(this.#scale),
      'quantized output': place(this.#quantOut),
      'scale output': place(this.#scaleOut),
      chunk_bytes: word(this.#chunkBytes),
    };
    return { signature: word(this.#signature), text, rest };
  }
}

/** What ranks compare when they disagree. */
export interface CommandText {
  /** What the kernels compare: equal when everything else is. */
  readonly signature: number;
  readonly text: string;
  /** Operands that the text leaves out, by name. */
  readonly rest: Readonly<Record<string, string | number>>;
}

/** The float64 with the fewest digits that is this float32: 1e-6 and not 9.999999974752427e-7. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
