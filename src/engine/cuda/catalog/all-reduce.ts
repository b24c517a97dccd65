/** @file All-reduce. */
import type { Launch } from '../../engine.ts';
import type { GridShape, Kernel, ShapeTarget } from './kernel.ts';
import { elementBytes, gridForWarps, UNIT_BYTES } from './shape.ts';

/** A warp a unit of 512 bytes. */
function warpPerUnit(launch: Launch, target: ShapeTarget): GridShape {
  const warps = Math.ceil((launch.count * elementBytes(launch.dtype)) / UNIT_BYTES);
  return gridForWarps(warps, launch, target);
}

export const ALL_REDUCE: Readonly<Record<string, Kernel>> = {
  all_reduce_one_shot_push: {
    source: 'all_reduce_one_shot_push.cu',
    by: ['world', 'dtype', 'reduce'],
    shape: warpPerUnit,
  },
};
