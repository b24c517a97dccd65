/**
 * @file Arithmetic that shapes of launches share. Numbers of kernels/cuda/layout.cuh, which a test compares.
 */
import type { Launch } from '../../engine.ts';
import type { GridShape, ShapeTarget } from './kernel.ts';

/** What a lane moves at a time. */
export const SLOT_BYTES = 16;
/** What a warp moves at a time. */
export const UNIT_BYTES = 512;
/** Blocks of kernels that meet at signals. */
export const MAX_SIGNAL_BLOCKS = 512;

const WARP = 32;
const DEFAULT_THREADS = 128;
/** When the launch does not say. At 128 threads and 128 registers all of them are resident, so no block waits for another's end. */
const BLOCKS_PER_MULTIPROCESSOR = 4;

/** Bytes of an element, by the dtype's code: 0 f32, 1 f16, 2 bf16. */
export function elementBytes(dtype: number): number {
  return dtype === 0 ? 4 : 2;
}

/** Enough blocks for that many warps, as far as the launch and the device allow; kernels go round for the rest. */
export function gridForWarps(warps: number, launch: Launch, target: ShapeTarget): GridShape {
  const block = launch.threads || DEFAULT_THREADS;
  const most = launch.blocks || target.multiprocessors * BLOCKS_PER_MULTIPROCESSOR;
  return { grid: clamp(Math.ceil(warps / (block / WARP)), most), block, sharedBytes: 0 };
}

/** Enough blocks for that many threads, of a kernel that meets at signals: one block a multiprocessor at most, when the launch does not say. */
export function gridForThreads(
  threads: number,
  defaultThreads: number,
  launch: Launch,
  target: ShapeTarget,
): GridShape {
  const block = launch.threads || defaultThreads;
  const most = Math.min(launch.blocks || target.multiprocessors, MAX_SIGNAL_BLOCKS);
  return { grid: clamp(Math.ceil(threads / block), most), block, sharedBytes: 0 };
}

/** At least one: a launch of no block is refused by the driver. */
export function clamp(blocks: number, most: number): number {
  return Math.max(1, Math.min(blocks, most));
}
