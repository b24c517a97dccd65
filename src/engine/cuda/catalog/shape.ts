/**
 * @file Arithmetic that shapes of launches share.
 */
import type { Launch } from '../../engine.ts';
import type { GridShape, ShapeTarget } from './kernel.ts';

/** UNIT_BYTES of kernels/cuda/layout.cuh: what a warp moves at a time, 16 bytes a lane. */
export const UNIT_BYTES = 512;

const WARP = 32;
const DEFAULT_THREADS = 128;
/** Blocks of 128 threads that a multiprocessor holds of any kernel here: blocks that wait for peers must all be resident. */
const BLOCKS_PER_MULTIPROCESSOR = 4;

/** Bytes of an element, by the dtype's code: 0 f32, 1 f16, 2 bf16. */
export function elementBytes(dtype: number): number {
  return dtype === 0 ? 4 : 2;
}

/** Enough blocks for that many warps, as far as the launch and the device allow; kernels go round for the rest. */
export function gridForWarps(warps: number, launch: Launch, target: ShapeTarget): GridShape {
  const block = launch.threads || DEFAULT_THREADS;
  const most = launch.blocks || target.multiprocessors * BLOCKS_PER_MULTIPROCESSOR;
  return { grid: Math.max(1, Math.min(Math.ceil(warps / (block / WARP)), most)), block, sharedBytes: 0 };
}
