/** @file All-reduce, one-shot push. */
import type { Algorithm, Tunables } from '../algorithm.ts';
import { packetKernel } from '../packets.ts';

const KIB = 1024;

/** Few bytes a thread while latency counts: each is unpacked, added and packed by itself. */
const SHORT: readonly Tunables[] = [
  { pack_bytes: 4, threads: 128 },
  { pack_bytes: 4, threads: 64 },
  { pack_bytes: 8, threads: 128 },
];
const LONG: readonly Tunables[] = [
  { pack_bytes: 8, threads: 256 },
  { pack_bytes: 4, threads: 256 },
  { pack_bytes: 16, threads: 256 },
];

export const allReduceOneShotPush: Algorithm = packetKernel(
  {
    operation: 'all_reduce',
    name: 'one_shot_push',
    summary:
      'every rank sends its message into the mailboxes of all others and sums what it gets: one hop, no synchronization, (N-1) times the bytes',
    source:
      'Lamport-style one-shot of TensorRT-LLM and FlashInfer; here a NaN word is the empty mark, readers empty their words, and two halves suffice',
    bits: 'rank-order',
  },
  () => 1,
  ({ bytes }) => (bytes <= 512 * KIB ? SHORT : LONG),
);
