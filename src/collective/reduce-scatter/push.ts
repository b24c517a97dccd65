/** @file Reduce-scatter, push. */
import type { Launch } from '../../engine/engine.ts';
import { DTYPES, dtypeBytes } from '../../tensor/dtype.ts';
import { type Algorithm, NO_TUNABLES, type Tunables } from '../algorithm.ts';
import { mailboxRefusal, UNIT_BYTES } from '../tunables.ts';

const KIB = 1024;
const NONE = [NO_TUNABLES] as const;
const SHORT: readonly Tunables[] = [
  { pack_bytes: 4, threads: 128 },
  { pack_bytes: 4, threads: 64 },
  { pack_bytes: 8, threads: 128 },
];
const LONG: readonly Tunables[] = [
  { pack_bytes: 4, threads: 256 },
  { pack_bytes: 8, threads: 256 },
  { pack_bytes: 16, threads: 256 },
];

/** reduce_scatter_packets serves equal parts of whole words, with 4, 8 or 16 bytes a thread; reduce_scatter_push serves all. */
export const reduceScatterPush: Algorithm = {
  operation: 'reduce_scatter',
  name: 'push',
  summary:
    'every rank sends each part into the mailbox of the rank that reduces it: one hop, no synchronization, one copy more',
  source: 'first hop of a two-shot all-reduce with Lamport-style mailboxes, as in TensorRT-LLM',
  bits: 'rank-order',
  kernels: [
    'reduce_scatter_packets_4',
    'reduce_scatter_packets_8',
    'reduce_scatter_packets_16',
    'reduce_scatter_push',
  ],
  refuses: (request, engine) => mailboxRefusal(request, engine, UNIT_BYTES),
  tunables: ({ bytes }, { traits }) =>
    traits.multiprocessors === 0 ? NONE : bytes <= 512 * KIB ? SHORT : LONG,
  enqueue(engine, launch, { pack_bytes = 8, threads = 128 }) {
    const whole = isWhole(launch, pack_bytes, engine.group.size);
    launch.kernel = (whole && PACKETS.get(pack_bytes)) || 'reduce_scatter_push';
    launch.threads = threads;
    launch.blocks = 0;
    launch.chunkBytes = 0;
    engine.enqueue(launch);
  },
};

const PACKETS = new Map([4, 8, 16].map((bytes) => [bytes, `reduce_scatter_packets_${bytes}`]));

/** Symmetric buffers lie alike on all ranks, so all of them answer the same. */
function isWhole({ parts, count, dtype, input, output }: Launch, packBytes: number, ranks: number): boolean {
  const part = (count / ranks) * dtypeBytes(DTYPES[dtype]!);
  return parts === undefined && part % packBytes === 0 && input % 16 === 0 && output % packBytes === 0;
}
