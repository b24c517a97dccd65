/** @file Fused all-reduce + residual + RMSNorm (+ quantization), one-shot push. */
import type { Engine } from '../../engine/engine.ts';
import { hasWholeRows, MOST_CLUSTER, mostRowBytes, rowBytes } from '../../engine/rows.ts';
import type { Algorithm, Request, Tunables } from '../algorithm.ts';
import { onDevices, rowBytesOf, rowsRefusal } from './push.ts';

const KERNEL = 'all_reduce_rms_norm_one_shot_push';
const BLOCK_KERNELS = new Map([8, 16].map((bytes) => [bytes, `${KERNEL}_${bytes}`]));
const CLUSTER_KERNELS = new Map([4, 8, 16].map((bytes) => [bytes, `${KERNEL}_${bytes}_cluster`]));
const ANY = `${KERNEL}_any`;

/** Rows that a cluster of several blocks each may gain from, at most. */
const FEW_ROWS = 64;

/** `blocks` is blocks a row: more than one are a cluster. */
const FEW: readonly Tunables[] = [
  { pack_bytes: 8, blocks: 4 },
  { pack_bytes: 4, blocks: 4 },
  { pack_bytes: 4, blocks: 8 },
  { pack_bytes: 8, blocks: 2 },
  { pack_bytes: 8, blocks: 1 },
];
const MANY: readonly Tunables[] = [
  { pack_bytes: 8, blocks: 1 },
  { pack_bytes: 16, blocks: 1 },
  { pack_bytes: 8, blocks: 2 },
];

function mostCluster(engine: Engine): number {
  return engine.missing(CLUSTER_KERNELS.get(8)!) === undefined ? MOST_CLUSTER : 1;
}

function settings(request: Request, engine: Engine): readonly Tunables[] {
  const rows = request.bytes / Math.max(1, rowBytesOf(request));
  const most = mostCluster(engine);
  return (rows <= FEW_ROWS ? FEW : MANY).filter(({ blocks = 1 }) => blocks <= most);
}

export const fusedOneShotPush: Algorithm = {
  operation: 'all_reduce_rms_norm',
  name: 'one_shot_push',
  summary:
    'every rank sends its rows into the mailboxes of all others and does every row itself: one hop, no synchronization, all arithmetic N times',
  source:
    'the one-shot fusion of TensorRT-LLM and FlashInfer through the mailboxes of all-reduce, with the roundings of the unfused sequence',
  bits: 'rank-order',
  kernels: [...BLOCK_KERNELS.values(), ANY],
  refuses(request, engine) {
    const most = mostRowBytes(16, request.worldSize, false) * mostCluster(engine);
    return rowsRefusal(request, engine, most, 1, 128);
  },
  tunables: onDevices(settings),
  enqueue(engine, launch, { pack_bytes = 8, blocks = 1 }) {
    const { size } = engine.group;
    const row = rowBytes(launch);
    // More bytes a thread, and then more blocks, for rows that do not fit otherwise.
    let bytes = blocks === 1 ? Math.max(8, pack_bytes) : pack_bytes;
    while (bytes < 16 && row > mostRowBytes(bytes, size, false) * blocks) bytes *= 2;
    const inOne = blocks === 1 && row <= mostRowBytes(bytes, size, false);
    const kernel = (inOne ? BLOCK_KERNELS : CLUSTER_KERNELS).get(bytes);
    launch.kernel = kernel !== undefined && hasWholeRows(launch) ? kernel : ANY;
    launch.blocks = launch.kernel === ANY ? 1 : blocks;
    launch.threads = 0;
    launch.chunkBytes = 0;
    engine.enqueue(launch);
  },
};
