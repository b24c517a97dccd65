/** @file Fused all-reduce + residual + RMSNorm (+ quantization), two-shot push. */
import type { Engine, Launch } from '../../engine/engine.ts';
import { hasWholeRows, mostRowBytes, rowBytes } from '../../engine/rows.ts';
import type { Algorithm, Request, Tunables } from '../algorithm.ts';
import { onDevices, rowBytesOf, rowsRefusal } from './push.ts';

const KERNEL = 'all_reduce_rms_norm_two_shot_push';
const KERNELS = new Map([4, 8, 16].map((bytes) => [bytes, `${KERNEL}_${bytes}`]));
const CLUSTER_KERNELS = new Map([4, 8].map((bytes) => [bytes, `${KERNEL}_${bytes}_cluster`]));
const ANY = `${KERNEL}_any`;
const WARP = 32;
const KIB = 1024;

/** Rows that keep all multiprocessors busy without clusters. */
const MANY_ROWS = 256;
/** Bytes of a row that clusters take, for each byte a thread has: the exchange of a cluster holds 256 sums. */
const CLUSTER_ROW_BYTES = 4 * KIB;

/** `blocks` is blocks a row: more than one are a cluster. */
const FEW: readonly Tunables[] = [
  { pack_bytes: 4, blocks: 1 },
  { pack_bytes: 4, blocks: 2 },
  { pack_bytes: 4, blocks: 4 },
  { pack_bytes: 8, blocks: 4 },
  { pack_bytes: 8, blocks: 1 },
];
const MANY: readonly Tunables[] = [
  { pack_bytes: 8, blocks: 1 },
  { pack_bytes: 4, blocks: 1 },
  { pack_bytes: 16, blocks: 1 },
];

function settings(request: Request, engine: Engine): readonly Tunables[] {
  if (request.bytes > MANY_ROWS * rowBytesOf(request)) return MANY;
  const clusters = engine.missing(CLUSTER_KERNELS.get(4)!) === undefined;
  return clusters ? FEW : FEW.filter(({ blocks }) => blocks === 1);
}

/** The kernel of a cluster a row, where every block of it gets a part of the row for each rank. */
function clusterKernel(launch: Launch, bytes: number, blocks: number, worldSize: number): string | undefined {
  const row = rowBytes(launch);
  const fits = row <= bytes * CLUSTER_ROW_BYTES && launch.tokens <= MANY_ROWS;
  return fits && row >= blocks * WARP * bytes * worldSize ? CLUSTER_KERNELS.get(bytes) : undefined;
}

export const fusedTwoShotPush: Algorithm = {
  operation: 'all_reduce_rms_norm',
  name: 'two_shot_push',
  summary:
    'part j of every row goes to rank j, which sums it and sends the sum to all; every rank finishes every row: two hops through mailboxes, no synchronization',
  source:
    'two-shot Lamport of FlashInfer and TensorRT-LLM, unicast and by parts of rows, fused with what follows',
  bits: 'rank-order',
  kernels: [...KERNELS.values(), ANY],
  refuses(request, engine) {
    const { worldSize } = request;
    // What a warp takes of a row at a time, at most: 16 bytes a thread for every rank.
    const granule = WARP * 16 * worldSize;
    return rowsRefusal(request, engine, mostRowBytes(16, worldSize, true), worldSize, granule);
  },
  tunables: onDevices(settings),
  enqueue(engine, launch, { pack_bytes = 8, blocks = 1 }) {
    const { size } = engine.group;
    let bytes = pack_bytes;
    while (bytes < 16 && rowBytes(launch) > mostRowBytes(bytes, size, true)) bytes *= 2;
    const cluster = blocks > 1 ? clusterKernel(launch, bytes, blocks, size) : undefined;
    launch.kernel = hasWholeRows(launch) ? (cluster ?? KERNELS.get(bytes) ?? ANY) : ANY;
    launch.blocks = launch.kernel === cluster ? blocks : 1;
    launch.threads = 0;
    launch.chunkBytes = 0;
    engine.enqueue(launch);
  },
};
