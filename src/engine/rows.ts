/**
 * @file What both sides of a launch on [tokens, hidden] have to know alike: the algorithm, which picks the kernel, and the CUDA engine, which shapes it.
 */
import { DTYPES, dtypeBytes } from '../tensor/dtype.ts';
import type { Launch } from './engine.ts';

const ELEMENT_BYTES = DTYPES.map(dtypeBytes);

/** Bytes of a row of `input`. */
export function rowBytes(launch: Launch): number {
  return launch.hidden * ELEMENT_BYTES[launch.dtype]!;
}

/** Whether every row of every tensor begins at a multiple of 16 bytes. Buffers begin equally far from one on all ranks. */
export function hasWholeRows(launch: Launch): boolean {
  const { input, output, residual, residualOut, weight, quantOut, scaleOut } = launch;
  const all = input | output | residual | residualOut | weight | quantOut | scaleOut | rowBytes(launch);
  return (all & 15) === 0;
}

/**
 * Bytes of a row that a block of a fused push kernel can have: `packBytes` a thread, of each rank's part in the two-shot ones, and as many threads as
 * registers allow (the launch bounds of the kernels).
 */
export function mostRowBytes(packBytes: number, worldSize: number, twoShot: boolean): number {
  const bytes = packBytes * worldSize;
  if (twoShot && worldSize < 6) return bytes * (bytes <= 32 ? 1024 : 512);
  if (twoShot) return bytes * (packBytes === 16 ? 256 : 512);
  return packBytes * (packBytes === 16 && worldSize > 4 ? 512 : 1024);
}

/** Blocks of a cluster at most. */
export const MOST_CLUSTER = 8;
