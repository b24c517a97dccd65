/** @file All-reduce. */
import type { Launch } from '../../engine.ts';
import { STAGE_BYTES } from '../layout.ts';
import type { GridShape, Kernel, ShapeTarget } from './kernel.ts';
import { clamp, elementBytes, gridForThreads, MAX_SIGNAL_BLOCKS, SLOT_BYTES } from './shape.ts';

const BY = ['world', 'dtype', 'reduce'] as const;

function messageBytes(launch: Launch): number {
  return launch.count * elementBytes(launch.dtype);
}

/** A thread for every `packBytes` of a slice, of which the message has `slices`; packets are whole. Blocks that are not resident at first wait for none before them. */
function packets(packBytes: number, slices: (worldSize: number) => number): Kernel['shape'] {
  return (launch, { worldSize }) => {
    const block = launch.threads || 128;
    const span = 32 * packBytes * slices(worldSize);
    const warps = Math.ceil(messageBytes(launch) / span);
    return { grid: Math.max(1, Math.ceil((warps * 32) / block)), block, sharedBytes: 0 };
  };
}

function packetKernels(name: string, slices: (worldSize: number) => number): Record<string, Kernel> {
  const kernel = (packBytes: number): Kernel => ({
    source: `${name}.cu`,
    by: BY,
    shape: packets(packBytes, slices),
  });
  return {
    [`${name}_4`]: kernel(4),
    [`${name}_8`]: kernel(8),
    [`${name}_16`]: kernel(16),
    [`${name}_any`]: kernel(8),
  };
}

/** A thread a slot of this rank's slice. */
function threadPerSlot(launch: Launch, target: ShapeTarget): GridShape {
  const slots = Math.ceil(messageBytes(launch) / SLOT_BYTES);
  return gridForThreads(Math.ceil(slots / target.worldSize), 512, launch, target);
}

/** A thread a slot of the whole message. */
function threadPerMessageSlot(launch: Launch, target: ShapeTarget): GridShape {
  return gridForThreads(Math.ceil(messageBytes(launch) / SLOT_BYTES), 512, launch, target);
}

/** A block a chunk, of `chunkBytes` a slice; two chunks of every block fit the stage. */
function blockPerChunk(launch: Launch, target: ShapeTarget): GridShape {
  const chunk = launch.chunkBytes * target.worldSize;
  const fit = Math.min(Math.floor(STAGE_BYTES / (2 * chunk)), MAX_SIGNAL_BLOCKS);
  const most = Math.min(launch.blocks || target.multiprocessors, fit);
  return {
    grid: clamp(Math.ceil(messageBytes(launch) / chunk), most),
    block: launch.threads || 512,
    sharedBytes: 0,
  };
}

export const ALL_REDUCE: Readonly<Record<string, Kernel>> = {
  ...packetKernels('all_reduce_one_shot_push', () => 1),
  ...packetKernels('all_reduce_two_shot_push', (worldSize) => worldSize),
  all_reduce_one_shot: { source: 'all_reduce_one_shot.cu', by: BY, shape: threadPerMessageSlot },
  all_reduce_two_shot: { source: 'all_reduce_two_shot.cu', by: BY, shape: threadPerSlot },
  all_reduce_two_shot_staged: { source: 'all_reduce_two_shot_staged.cu', by: BY, shape: blockPerChunk },
};
