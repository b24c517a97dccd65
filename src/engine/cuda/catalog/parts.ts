/** @file All-gather, reduce-scatter and broadcast. All ranks shape a launch by the longest part, so that every block has its counterparts. */
import { DTYPES, dtypeBytes } from '../../../tensor/dtype.ts';
import type { Launch } from '../../engine.ts';
import type { GridShape, Kernel, ShapeTarget } from './kernel.ts';
import { clamp, gridForThreads, gridForWarps, MAX_SIGNAL_BLOCKS, SLOT_BYTES, UNIT_BYTES } from './shape.ts';

/** PAYLOAD_BYTES of kernels/cuda/escape.cuh: what a unit carries of bytes of any kind. */
export const PAYLOAD_BYTES = 496;
/** STAGES and STAGE_TILE of kernels/cuda/bulk.cuh. */
export const BULK_STAGES = 4;
export const BULK_TILE_BYTES: number = 24 * 1024;

const BULK_BLOCKS = 8;
const BULK_THREADS = 256;

type Bytes = (launch: Launch, target: ShapeTarget) => number;
type Shape = Kernel['shape'];

const sizes = DTYPES.map(dtypeBytes);

/** Of the message of a broadcast, and of the longest part of an all-gather: what `count` counts. */
const counted: Bytes = (launch) => launch.count * sizes[launch.dtype]!;
/** Of the longest part of a reduce-scatter, whose `count` is the whole input. */
const scattered: Bytes = (launch, { worldSize }) =>
  (launch.parts === undefined ? launch.count / worldSize : Math.max(...launch.parts)) * sizes[launch.dtype]!;

/** A warp a unit. */
function push(bytes: Bytes, unit: number): Shape {
  return (launch, target) => gridForWarps(Math.ceil(bytes(launch, target) / unit), launch, target);
}

/** A thread for every `packBytes` of a part; packets are whole. `payload`: bytes of a part that a warp has. */
function packets(bytes: Bytes, payload: number): Shape {
  return (launch, target) => {
    const block = launch.threads || 128;
    const warps = Math.ceil(bytes(launch, target) / payload);
    return { grid: Math.max(1, Math.ceil((warps * 32) / block)), block, sharedBytes: 0 };
  };
}

function reduceScatterPackets(packBytes: number): Kernel {
  return { source: 'reduce_scatter_packets.cu', by: REDUCED, shape: packets(scattered, 32 * packBytes) };
}

/** A thread a slot. */
function direct(bytes: Bytes): Shape {
  return (launch, target) =>
    gridForThreads(Math.ceil(bytes(launch, target) / SLOT_BYTES), 512, launch, target);
}

/** A block a tile, and few blocks. */
function bulk(bytes: Bytes): Shape {
  return (launch, target): GridShape => ({
    grid: clamp(
      Math.ceil(bytes(launch, target) / BULK_TILE_BYTES),
      Math.min(launch.blocks || BULK_BLOCKS, target.multiprocessors, MAX_SIGNAL_BLOCKS),
    ),
    block: launch.threads || BULK_THREADS,
    sharedBytes: BULK_STAGES * BULK_TILE_BYTES,
  });
}

/** A block a chunk, which is a piece of `chunkBytes` for every rank but the root. */
const broadcastScatter: Shape = (launch, target) => ({
  grid: clamp(
    Math.ceil(counted(launch, target) / (Math.max(SLOT_BYTES, launch.chunkBytes) * (target.worldSize - 1))),
    Math.min(launch.blocks || target.multiprocessors, MAX_SIGNAL_BLOCKS),
  ),
  block: launch.threads || 512,
  sharedBytes: 0,
});

const MOVED = ['world'] as const;
const REDUCED = ['world', 'dtype', 'reduce'] as const;

export const PARTS: Readonly<Record<string, Kernel>> = {
  all_gather_packets: { source: 'all_gather_packets.cu', by: MOVED, shape: packets(counted, 124) },
  reduce_scatter_packets_4: reduceScatterPackets(4),
  reduce_scatter_packets_8: reduceScatterPackets(8),
  reduce_scatter_packets_16: reduceScatterPackets(16),
  all_gather_push: { source: 'all_gather_push.cu', by: MOVED, shape: push(counted, PAYLOAD_BYTES) },
  all_gather_direct: { source: 'all_gather_direct.cu', by: MOVED, shape: direct(counted) },
  all_gather_bulk: { source: 'all_gather_bulk.cu', by: MOVED, shape: bulk(counted) },
  reduce_scatter_push: { source: 'reduce_scatter_push.cu', by: REDUCED, shape: push(scattered, UNIT_BYTES) },
  reduce_scatter_direct: { source: 'reduce_scatter_direct.cu', by: REDUCED, shape: direct(scattered) },
  reduce_scatter_bulk: { source: 'reduce_scatter_bulk.cu', by: REDUCED, shape: bulk(scattered) },
  broadcast_push: { source: 'broadcast_push.cu', by: MOVED, shape: push(counted, PAYLOAD_BYTES) },
  broadcast_direct: { source: 'broadcast_direct.cu', by: MOVED, shape: direct(counted) },
  broadcast_scatter: { source: 'broadcast_scatter.cu', by: MOVED, shape: broadcastScatter },
};
