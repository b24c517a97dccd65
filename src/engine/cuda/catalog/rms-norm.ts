/**
 * @file RMSNorm alone and fused with all-reduce, and the other local kernels of the unfused sequence.
 *
 * A row is some warps' work, and a block has whole rows, or a cluster of blocks has one. How many warps follows from the bytes that a thread
 * has of a row (kernels/cuda/norm.cuh), which kernels have in their names.
 */
import type { Launch } from '../../engine.ts';
import { hasWholeRows, MOST_CLUSTER, mostRowBytes, rowBytes } from '../../rows.ts';
import type { GridShape, Kernel, ShapeTarget } from './kernel.ts';
import { elementBytes } from './shape.ts';

const WARP = 32;
/** Threads of a block that has several rows. */
const SEVERAL_ROWS_THREADS = 128;
/** Rows a multiprocessor from which on more bytes a thread, and fewer threads a row, keep the memory busier. */
const MANY_ROWS = 4;

/** Blocks of whole rows, `warps` a row: one row while that keeps all multiprocessors busy. */
function blocksOfRows(warps: number, tokens: number, { multiprocessors }: ShapeTarget): GridShape {
  const fit = Math.max(1, Math.floor(SEVERAL_ROWS_THREADS / WARP / warps));
  const rows = Math.max(1, Math.min(fit, Math.ceil(tokens / multiprocessors)));
  return { grid: Math.max(1, Math.ceil(tokens / rows)), block: rows * warps * WARP, sharedBytes: 0 };
}

/** Local kernels: `shares` of 16 bytes a thread. */
function local(shares: number): Kernel['shape'] {
  const most = shares === 1 ? 1024 : 512;
  return (launch, target) =>
    blocksOfRows(warpsFor(rowBytes(launch), 16 * shares, most), launch.tokens, target);
}

function warpsFor(row: number, threadBytes: number, mostThreads: number): number {
  return Math.max(1, Math.min(Math.ceil(row / (WARP * threadBytes)), mostThreads / WARP));
}

/** `packBytes` a thread, of each rank's part in two-shot kernels. */
function packed(packBytes: number, twoShot: boolean): Kernel['shape'] {
  return (launch, target) => {
    const { worldSize } = target;
    const threadBytes = packBytes * (twoShot ? worldSize : 1);
    const most = mostRowBytes(packBytes, worldSize, twoShot) / threadBytes;
    return blocksOfRows(warpsFor(rowBytes(launch), threadBytes, most), launch.tokens, target);
  };
}

/**
 * A row a cluster of `blocks` blocks, or of as many more as it takes. Two at least: a block that was not launched as part of a cluster may not store
 * asynchronously as these kernels do (an illegal instruction on H200).
 */
function clustered(packBytes: number, twoShot: boolean): Kernel['shape'] {
  return (launch, { worldSize, clusters = true }) => {
    const row = rowBytes(launch);
    const threadBytes = packBytes * (twoShot ? worldSize : 1);
    const most = mostRowBytes(packBytes, worldSize, twoShot);
    let cluster = clusters ? 2 : 1;
    while (cluster < MOST_CLUSTER && (cluster < launch.blocks || row > cluster * most)) cluster *= 2;
    const block = warpsFor(row, threadBytes * cluster, most / threadBytes) * WARP;
    return { grid: Math.max(1, launch.tokens) * cluster, block, sharedBytes: 0, cluster };
  };
}

const FUSED = ['world', 'dtype', 'quant'] as const;

function fused(name: string, shape: Kernel['shape'], needs?: number): Kernel {
  return { source: `all_reduce_rms_norm_${name}.cu`, by: FUSED, shape, ...(needs ? { needs } : {}) };
}

const LOCAL = ['dtype', 'quant'] as const;
const KIB = 1024;

function rmsNorm(shares: number): Kernel {
  return { source: 'rms_norm.cu', by: LOCAL, shape: local(shares) };
}

/** A block a row, in passes. */
const passes: Kernel = {
  source: 'rms_norm_any.cu',
  by: LOCAL,
  shape: (launch) => ({
    grid: Math.max(1, launch.tokens),
    block: warpsFor(rowBytes(launch), 16, 512) * WARP,
    sharedBytes: 0,
  }),
};

function rmsNormFor(launch: Launch, { multiprocessors }: ShapeTarget): string {
  const row = rowBytes(launch);
  if (row > 32 * KIB || !hasWholeRows(launch)) return 'rms_norm_any';
  return row > 16 * KIB || launch.tokens > MANY_ROWS * multiprocessors ? 'rms_norm_4' : 'rms_norm';
}

function quantizeFor(launch: Launch): string {
  return rowBytes(launch) > 32 * KIB || !hasWholeRows(launch) ? 'quantize_any' : 'quantize';
}

/** A thread 16 bytes. */
const addition: Kernel = {
  source: 'add.cu',
  by: ['dtype'],
  shape: (launch) => {
    const block = 256;
    const packs = Math.ceil((launch.count * elementBytes(launch.dtype)) / 16);
    return { grid: Math.max(1, Math.ceil(packs / block)), block, sharedBytes: 0 };
  },
};

function addFor({ input, output, residual, count, dtype }: Launch): string {
  return ((input | output | residual | ((count % 16) * elementBytes(dtype))) & 15) === 0 ? 'add' : 'add_any';
}

/** Compute capability of the devices that have clusters. */
const CLUSTERS = 90;

export const RMS_NORM: Readonly<Record<string, Kernel>> = {
  add: { ...addition, variant: addFor },
  add_any: addition,
  quantize: { source: 'quantize.cu', by: LOCAL, shape: local(4), variant: quantizeFor },
  quantize_any: passes,
  rms_norm: { ...rmsNorm(1), variant: rmsNormFor },
  rms_norm_4: rmsNorm(4),
  rms_norm_any: passes,
  all_reduce_rms_norm_one_shot_push_8: fused('one_shot_push', packed(8, false)),
  all_reduce_rms_norm_one_shot_push_16: fused('one_shot_push', packed(16, false)),
  all_reduce_rms_norm_one_shot_push_4_cluster: fused('one_shot_push', clustered(4, false), CLUSTERS),
  all_reduce_rms_norm_one_shot_push_8_cluster: fused('one_shot_push', clustered(8, false), CLUSTERS),
  all_reduce_rms_norm_one_shot_push_16_cluster: fused('one_shot_push', clustered(16, false), CLUSTERS),
  all_reduce_rms_norm_one_shot_push_any: fused('one_shot_push', clustered(16, false)),
  all_reduce_rms_norm_two_shot_push_4: fused('two_shot_push', packed(4, true)),
  all_reduce_rms_norm_two_shot_push_8: fused('two_shot_push', packed(8, true)),
  all_reduce_rms_norm_two_shot_push_16: fused('two_shot_push', packed(16, true)),
  all_reduce_rms_norm_two_shot_push_4_cluster: fused('two_shot_push', clustered(4, true), CLUSTERS),
  all_reduce_rms_norm_two_shot_push_8_cluster: fused('two_shot_push', clustered(8, true), CLUSTERS),
  all_reduce_rms_norm_two_shot_push_any: fused('two_shot_push', packed(16, true)),
};
