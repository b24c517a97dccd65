/** @file All-reduce, two-shot staged. */
import type { Algorithm, Tunables } from '../algorithm.ts';
import { singleKernel } from '../define.ts';

const KIB = 1024;

const SETTINGS: readonly Tunables[] = [
  { chunk_bytes: 16 * KIB, blocks: 512, threads: 256 },
  { chunk_bytes: 8 * KIB, blocks: 512, threads: 256 },
  { chunk_bytes: 16 * KIB, blocks: 264, threads: 512 },
  { chunk_bytes: 32 * KIB, blocks: 256, threads: 512 },
];

/** Blocks wait for each other's counterparts, so all of them must be resident at once: this many of 256 threads fit a multiprocessor. */
const LEAST_BYTES = 2048 * KIB;

export const allReduceTwoShotStaged: Algorithm = singleKernel(
  {
    operation: 'all_reduce',
    name: 'two_shot_staged',
    summary:
      'two-shot in chunks: slices are pushed into the stages of their owners and sums straight into all outputs, both hops at once: only stores cross the links',
    source: 'pipelined reduce-scatter and all-gather on symmetric buffers, one meeting a chunk for both',
    bits: 'rank-order',
    refuses: ({ bytes }) =>
      bytes >= LEAST_BYTES ? undefined : `it is for messages from ${LEAST_BYTES} bytes up, not ${bytes}`,
  },
  ({ worldSize }, engine) =>
    SETTINGS.filter(
      ({ chunk_bytes = 0, blocks = 0 }) => 2 * worldSize * chunk_bytes * blocks <= engine.traits.stageBytes,
    ),
);
