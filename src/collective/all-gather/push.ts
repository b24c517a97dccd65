/** @file All-gather, push. */
import type { Launch } from '../../engine/engine.ts';
import { DTYPES, dtypeBytes } from '../../tensor/dtype.ts';
import { type Algorithm, NO_TUNABLES, type Tunables } from '../algorithm.ts';
import { ESCAPED_UNIT_BYTES, mailboxRefusal } from '../tunables.ts';

const KIB = 1024;
const NONE = [NO_TUNABLES] as const;
const WORDS: Tunables = { pack_bytes: 4, threads: 128 };
const SHORT: readonly Tunables[] = [WORDS, { pack_bytes: 4, threads: 64 }, { pack_bytes: 16, threads: 128 }];
const LONG: readonly Tunables[] = [
  { pack_bytes: 4, threads: 256 },
  { pack_bytes: 16, threads: 128 },
  { pack_bytes: 16, threads: 512 },
];

/** all_gather_packets has 4 bytes a thread and serves equal parts of whole words; all_gather_push has 16 and serves all. */
export const allGatherPush: Algorithm = {
  operation: 'all_gather',
  name: 'push',
  summary: "every rank sends its part into the others' mailboxes: one hop, no synchronization, one copy more",
  source: 'Lamport-style mailboxes as in TensorRT-LLM, with words of all ones escaped so that any bytes pass',
  bits: 'rank-order',
  kernels: ['all_gather_packets', 'all_gather_push'],
  refuses: (request, engine) => mailboxRefusal(request, engine, ESCAPED_UNIT_BYTES),
  tunables: ({ bytes }, { traits }) =>
    traits.multiprocessors === 0 ? NONE : bytes <= 512 * KIB ? SHORT : LONG,
  enqueue(engine, launch, { pack_bytes, threads } = WORDS) {
    launch.kernel = pack_bytes === 4 && isWhole(launch) ? 'all_gather_packets' : 'all_gather_push';
    launch.threads = threads ?? 0;
    launch.blocks = 0;
    launch.chunkBytes = 0;
    engine.enqueue(launch);
  },
};

/** Symmetric buffers lie alike on all ranks, so all of them answer the same. */
function isWhole({ parts, count, dtype, input, output }: Launch): boolean {
  const bytes = count * dtypeBytes(DTYPES[dtype]!);
  return parts === undefined && bytes % 4 === 0 && input % 4 === 0 && output % 4 === 0;
}
