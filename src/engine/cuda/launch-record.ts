/**
 * @file Launches as the struct that kernels take, kernels/cuda/launch.cuh, together with what cuLaunchKernelEx wants, in one block of memory
 * whose addresses never change. `write` allocates nothing and converts no big integers.
 */
import { allocate, type NativeBlock } from '../../ffi/memory.ts';
import { DTYPES, dtypeBytes } from '../../tensor/dtype.ts';
import type { Launch } from '../engine.ts';
import type { GridShape } from './catalog/kernel.ts';
import { CONFIG_BYTES, LaunchConfig } from './launch-config.ts';

/** Byte offsets of the fields of `Launch` in launch.cuh, in its order; a test compares them. */
export const OFFSETS = {
  peers: 0,
  input: 64,
  output: 72,
  residual: 80,
  residual_out: 88,
  weight: 96,
  quant_out: 104,
  scale_out: 112,
  status: 120,
  count: 128,
  part: 136,
  deadline: 208,
  multicast: 216,
  rank: 224,
  root: 228,
  tokens: 232,
  hidden: 236,
  weight_bias: 240,
  epsilon: 244,
  scale: 248,
  chunk_bytes: 252,
  aligned: 256,
  element_bytes: 260,
  cast_before_weight: 264,
} as const;

export const LAUNCH_BYTES = 272;

// Behind the struct: the list of parameters (one), and the launch's configuration.
const PARAMS = LAUNCH_BYTES;
const CONFIG = PARAMS + 8;
const BYTES = CONFIG + CONFIG_BYTES;

/** How a launch's `count` is split over the ranks: not at all, or equal parts of `count`, or of `count` each. */
export type Parts = 'none' | 'split' | 'each';

/** What is the same for all launches of an engine. */
export interface RecordSetup {
  readonly rank: number;
  /** Address of every rank's memory block. */
  readonly peers: readonly number[];
  /** Device address of the status words. */
  readonly status: number;
  readonly deadlineNanoseconds: number;
  readonly stream: bigint;
  /** Launch with programmatic stream serialization: a kernel's blocks may start while the one before ends. */
  readonly programmatic: boolean;
}

const ELEMENT_BYTES = DTYPES.map(dtypeBytes);

export class LaunchRecord {
  /** Of the CUlaunchConfig and of the list of parameters, for cuLaunchKernelEx. */
  readonly config: bigint;
  readonly params: bigint;
  readonly #block: NativeBlock;
  readonly #words: Uint32Array;
  readonly #floats: Float32Array;
  readonly #configuration: LaunchConfig;
  readonly #world: number;
  readonly #programmatic: number;

  constructor(setup: RecordSetup) {
    this.#block = allocate(BYTES);
    const { address, bytes } = this.#block;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, BYTES / 4);
    this.#floats = new Float32Array(bytes.buffer, bytes.byteOffset, BYTES / 4);
    this.config = address + BigInt(CONFIG);
    this.params = address + BigInt(PARAMS);
    this.#world = setup.peers.length;
    this.#programmatic = setup.programmatic ? 1 : 0;
    for (const [rank, peer] of setup.peers.entries()) this.#address(OFFSETS.peers + 8 * rank, peer);
    this.#address(OFFSETS.status, setup.status);
    this.#address(OFFSETS.deadline, setup.deadlineNanoseconds);
    this.#words[OFFSETS.rank >> 2] = setup.rank;
    this.#address(PARAMS, Number(address));
    this.#configuration = new LaunchConfig(this.#words, CONFIG, address, setup.stream);
  }

  /** `programmatic` is 0 for a launch that starts only after the one before has ended. */
  write(launch: Launch, shape: GridShape, parts: Parts, programmatic: number = this.#programmatic): void {
    const words = this.#words;
    const floats = this.#floats;
    const { input, output, residual, residualOut, weight, quantOut, scaleOut, count } = launch;
    this.#address(OFFSETS.input, input);
    this.#address(OFFSETS.output, output);
    this.#address(OFFSETS.residual, residual);
    this.#address(OFFSETS.residual_out, residualOut);
    this.#address(OFFSETS.weight, weight);
    this.#address(OFFSETS.quant_out, quantOut);
    this.#address(OFFSETS.scale_out, scaleOut);
    this.#address(OFFSETS.count, count);
    if (launch.parts !== undefined) this.#writeUnequalParts(launch.parts);
    else if (parts !== 'none') this.#writeParts(parts === 'each' ? count : count / this.#world);
    words[OFFSETS.root >> 2] = launch.root;
    words[OFFSETS.tokens >> 2] = launch.tokens;
    words[OFFSETS.hidden >> 2] = launch.hidden;
    floats[OFFSETS.weight_bias >> 2] = launch.weightBias;
    floats[OFFSETS.epsilon >> 2] = launch.epsilon;
    floats[OFFSETS.scale >> 2] = launch.scale;
    words[OFFSETS.chunk_bytes >> 2] = launch.chunkBytes;
    const all = input | output | residual | residualOut | weight | quantOut | scaleOut;
    words[OFFSETS.aligned >> 2] = (all & 15) === 0 ? 1 : 0;
    words[OFFSETS.element_bytes >> 2] = ELEMENT_BYTES[launch.dtype]!;
    words[OFFSETS.cast_before_weight >> 2] = launch.castBeforeWeight ? 1 : 0;

    const { grid, block, sharedBytes, cluster = 1 } = shape;
    this.#configuration.write(grid, 1, 1, block, sharedBytes, cluster, programmatic);
  }

  /** The struct as kernels get it, for tests. */
  get bytes(): Uint8Array {
    return this.#block.bytes.subarray(0, LAUNCH_BYTES);
  }

  release(): void {
    this.#block.release();
  }

  #writeParts(part: number): void {
    for (let rank = 0; rank <= this.#world; rank++) this.#address(OFFSETS.part + 8 * rank, rank * part);
  }

  #writeUnequalParts(parts: readonly number[]): void {
    let begin = 0;
    for (let rank = 0; rank <= this.#world; rank++) {
      this.#address(OFFSETS.part + 8 * rank, begin);
      begin += parts[rank] ?? 0;
    }
  }

  /** A number below 2^53 as 64 bits. */
  #address(offset: number, value: number): void {
    this.#words[offset >> 2] = value;
    this.#words[(offset >> 2) + 1] = value / 0x1_0000_0000;
  }
}
