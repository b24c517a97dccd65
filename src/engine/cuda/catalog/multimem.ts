/** @file All-reduce in the NVLink switch, and the same emulated, for tests. */
import type { Launch } from '../../engine.ts';
import type { GridShape, Kernel, ShapeTarget } from './kernel.ts';
import { elementBytes, gridForThreads, SLOT_BYTES } from './shape.ts';

const BY = ['world', 'dtype', 'reduce'] as const;

function slots(launch: Launch): number {
  return Math.ceil((launch.count * elementBytes(launch.dtype)) / SLOT_BYTES);
}

/** A thread a slot of the message. */
function threadPerSlot(launch: Launch, target: ShapeTarget): GridShape {
  return gridForThreads(slots(launch), 512, launch, target);
}

/** A thread a slot of this rank's slice. */
function threadPerOwnSlot(launch: Launch, target: ShapeTarget): GridShape {
  return gridForThreads(Math.ceil(slots(launch) / target.worldSize), 512, launch, target);
}

const ONE_SHOT: Kernel = { source: 'all_reduce_multimem_one_shot.cu', by: BY, shape: threadPerSlot };
const TWO_SHOT: Kernel = { source: 'all_reduce_multimem_two_shot.cu', by: BY, shape: threadPerOwnSlot };

export const MULTIMEM: Readonly<Record<string, Kernel>> = {
  all_reduce_multimem_one_shot: ONE_SHOT,
  all_reduce_multimem_one_shot_emulated: ONE_SHOT,
  all_reduce_multimem_two_shot: TWO_SHOT,
  all_reduce_multimem_two_shot_emulated: TWO_SHOT,
};
