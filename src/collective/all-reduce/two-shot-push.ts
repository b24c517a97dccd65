/** @file All-reduce, two-shot push. */
import type { Algorithm, Tunables } from '../algorithm.ts';
import { packetKernel } from '../packets.ts';

const KIB = 1024;

const SHORT: readonly Tunables[] = [
  { pack_bytes: 4, threads: 64 },
  { pack_bytes: 4, threads: 128 },
  { pack_bytes: 8, threads: 128 },
];
const MIDDLE: readonly Tunables[] = [
  { pack_bytes: 8, threads: 128 },
  { pack_bytes: 8, threads: 64 },
  { pack_bytes: 4, threads: 64 },
];
/** 4 bytes a thread are as good as 8 somewhere between 2 and 4 MiB, and where depends on the device. */
const LONGER: readonly Tunables[] = [
  { pack_bytes: 8, threads: 512 },
  { pack_bytes: 8, threads: 128 },
  { pack_bytes: 4, threads: 64 },
];
const LONG: readonly Tunables[] = [
  { pack_bytes: 8, threads: 512 },
  { pack_bytes: 8, threads: 128 },
  { pack_bytes: 16, threads: 256 },
];

export const allReduceTwoShotPush: Algorithm = packetKernel(
  {
    operation: 'all_reduce',
    name: 'two_shot_push',
    summary:
      'every rank sends slice j to rank j, which sums it and sends the sum to all: two hops through mailboxes, no synchronization, 2(N-1)/N times the bytes',
    source:
      'two-shot Lamport of FlashInfer and TensorRT-LLM, with unicast stores and no barrier in either hop',
    bits: 'rank-order',
  },
  (worldSize) => worldSize,
  ({ bytes }) =>
    bytes <= 512 * KIB ? SHORT : bytes <= 2048 * KIB ? MIDDLE : bytes <= 4096 * KIB ? LONGER : LONG,
);
