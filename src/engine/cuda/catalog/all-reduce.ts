/** @file All-reduce. */
import type { Launch } from '../../engine.ts';
import { STAGE_BYTES } from '../layout.ts';
import type { GridShape, Kernel, ShapeTarget } from './kernel.ts';
import { clamp, elementBytes, gridForThreads, gridForWarps, SLOT_BYTES, UNIT_BYTES } from './shape.ts';

const BY = ['world', 'dtype', 'reduce'] as const;

function messageBytes(launch: Launch): number {
  return launch.count * elementBytes(launch.dtype);
}

/** A warp a unit. */
function warpPerUnit(launch: Launch, target: ShapeTarget): GridShape {
  return gridForWarps(Math.ceil(messageBytes(launch) / UNIT_BYTES), launch, target);
}

/** A warp a row, which is a unit of every owner. */
function warpPerRow(launch: Launch, target: ShapeTarget): GridShape {
  return gridForWarps(Math.ceil(messageBytes(launch) / (UNIT_BYTES * target.worldSize)), launch, target);
}

/** A thread a slot of this rank's slice. */
function threadPerSlot(launch: Launch, target: ShapeTarget): GridShape {
  const slots = Math.ceil(messageBytes(launch) / SLOT_BYTES);
  return gridForThreads(Math.ceil(slots / target.worldSize), 512, launch, target);
}

/** A block a chunk, of `chunkBytes` a slice; two chunks of every block fit the stage. */
function blockPerChunk(launch: Launch, target: ShapeTarget): GridShape {
  const chunk = launch.chunkBytes * target.worldSize;
  const most = Math.min(launch.blocks || target.multiprocessors, Math.floor(STAGE_BYTES / (2 * chunk)));
  return {
    grid: clamp(Math.ceil(messageBytes(launch) / chunk), most),
    block: launch.threads || 512,
    sharedBytes: 0,
  };
}

export const ALL_REDUCE: Readonly<Record<string, Kernel>> = {
  all_reduce_one_shot_push: { source: 'all_reduce_one_shot_push.cu', by: BY, shape: warpPerUnit },
  all_reduce_two_shot_push: { source: 'all_reduce_two_shot_push.cu', by: BY, shape: warpPerRow },
  all_reduce_two_shot: { source: 'all_reduce_two_shot.cu', by: BY, shape: threadPerSlot },
  all_reduce_two_shot_staged: { source: 'all_reduce_two_shot_staged.cu', by: BY, shape: blockPerChunk },
};
