/** @file Fused all-reduce + residual + RMSNorm (+ quantization), two-shot push. */
import { hasWholeRows, mostRowBytes, rowBytes } from '../../engine/rows.ts';
import type { Algorithm, Tunables } from '../algorithm.ts';
import { onDevices, rowsRefusal } from './push.ts';

const KERNEL = 'all_reduce_rms_norm_two_shot_push';
const KERNELS = new Map([4, 8, 16].map((bytes) => [bytes, `${KERNEL}_${bytes}`]));
const ANY = `${KERNEL}_any`;
const WARP = 32;

const SETTINGS: readonly Tunables[] = [{ pack_bytes: 8 }, { pack_bytes: 4 }, { pack_bytes: 16 }];

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
  tunables: onDevices(() => SETTINGS),
  enqueue(engine, launch, { pack_bytes = 8 }) {
    let bytes = pack_bytes;
    while (bytes < 16 && rowBytes(launch) > mostRowBytes(bytes, engine.group.size, true)) bytes *= 2;
    launch.kernel = hasWholeRows(launch) ? (KERNELS.get(bytes) ?? ANY) : ANY;
    launch.blocks = 0;
    launch.threads = 0;
    launch.chunkBytes = 0;
    engine.enqueue(launch);
  },
};
