/**
 * @file What ranks compare of a collective: the kernel and its operands as a row of numbers, with buffers as offsets in the arena, so that
 * equal calls are equal rows on every rank. Of a buffer outside, that it is, and how far from a multiple of 16: kernels are chosen by that.
 */
import { describeLaunch, type LaunchText } from '../describe.ts';
import { type Arena, emptyLaunch, type Launch } from '../engine.ts';
import { NAMES } from './functions.ts';
import { MAX_WORLD } from './layout.ts';

/** Where unequal parts begin: how many, and the elements of each; of groups that are larger than our kernels serve, of the first. */
const PARTS = 20;
/** Numbers of a row. */
export const ROW: number = PARTS + 1 + MAX_WORLD;
/** In place of a kernel's number: a replay. */
const REPLAY = -1;

/** Writes a row. `kernel` is an index into NAMES. Allocates nothing. */
export function writeRow(
  row: Float64Array,
  from: number,
  kernel: number,
  launch: Launch,
  arena: Arena,
): void {
  let at = from;
  row[at++] = kernel;
  row[at++] = launch.dtype;
  row[at++] = launch.reduceOp;
  row[at++] = launch.count;
  row[at++] = place(launch.input, arena);
  row[at++] = place(launch.output, arena);
  row[at++] = launch.root;
  row[at++] = launch.tokens;
  row[at++] = launch.hidden;
  row[at++] = launch.residual === 0 ? 0 : 1;
  row[at++] = place(launch.residualOut, arena);
  row[at++] = launch.weight === 0 ? 0 : 1;
  row[at++] = launch.weightBias;
  row[at++] = launch.epsilon;
  row[at++] = launch.quantization * 2 + (launch.castBeforeWeight ? 1 : 0);
  row[at++] = place(launch.quantOut, arena);
  row[at++] = place(launch.scaleOut, arena);
  row[at++] = launch.scale;
  row[at++] = launch.chunkBytes;
  // A block has fewer than 4096 threads.
  row[at++] = launch.blocks * 4096 + launch.threads;
  const { parts } = launch;
  row[at++] = parts?.length ?? 0;
  for (let rank = 0; rank < MAX_WORLD; rank++) row[at++] = parts?.[rank] ?? 0;
}

/** Offsets are kept plus one, so that 0 stays what is absent, and below 0 is what lies outside. */
function place(address: number, { base, bytes }: Arena): number {
  if (address === 0) return 0;
  return address >= base && address <= base + bytes ? address - base + 1 : -1 - (address % 16);
}

/** The row of a replay: which recording, counted from 1, and how often. */
export function writeReplay(row: Float64Array, from: number, recording: number, times: number): void {
  row.fill(0, from, from + ROW);
  row[from] = REPLAY;
  row[from + 1] = recording;
  row[from + 2] = times;
}

/**
 * Hash of a row, given as its 32-bit words, on top of the hash of those before it. Products carry differences only upwards; without the rotation,
 * two operands that differ in their signs alone would cancel.
 */
export function hashRow(words: Int32Array, from: number, before: number): number {
  let hash = before;
  for (let i = 2 * from; i < 2 * (from + ROW); i++) {
    hash = Math.imul(hash ^ words[i]!, 0x9e3779b1);
    hash = ((hash << 13) | (hash >>> 19)) + 1;
  }
  return hash | 0;
}

export function describeRow(row: Float64Array, from: number): LaunchText {
  const n = (i: number): number => row[from + i]!;
  if (n(0) === REPLAY) return { text: `a replay of recording ${n(1)}, ${n(2)} times`, rest: {} };
  const launch = {
    ...emptyLaunch(),
    dtype: n(1),
    reduceOp: n(2),
    count: n(3),
    input: n(4),
    output: n(5),
    root: n(6),
    tokens: n(7),
    hidden: n(8),
    residual: n(9),
    residualOut: n(10),
    weight: n(11),
    weightBias: n(12),
    epsilon: n(13),
    quantization: Math.floor(n(14) / 2),
    castBeforeWeight: n(14) % 2 === 1,
    quantOut: n(15),
    scaleOut: n(16),
    scale: n(17),
    chunkBytes: n(18),
    blocks: Math.floor(n(19) / 4096),
    threads: n(19) % 4096,
    parts: n(PARTS)
      ? Array.from({ length: Math.min(n(PARTS), MAX_WORLD) }, (_, rank) => n(PARTS + 1 + rank))
      : undefined,
  };
  return describeLaunch(NAMES[n(0)]!, launch, 1);
}
