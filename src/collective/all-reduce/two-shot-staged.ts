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

/** Over a shared bus few blocks are enough, and a short queue serves everyone sooner. */
const SHARED_BUS: readonly Tunables[] = [
  { chunk_bytes: 16 * KIB, blocks: 8, threads: 512 },
  { chunk_bytes: 4 * KIB, blocks: 8, threads: 256 },
  { chunk_bytes: 32 * KIB, blocks: 16, threads: 512 },
];
/** With links between all GPUs, mailboxes are faster below. */
const LEAST_BYTES = 2048 * KIB;

export const allReduceTwoShotStaged: Algorithm = singleKernel(
  {
    operation: 'all_reduce',
    name: 'two_shot_staged',
    summary:
      'two-shot in chunks: slices are pushed into the stages of their owners and sums straight into all outputs, both hops at once: only stores cross the links',
    source: 'pipelined reduce-scatter and all-gather on symmetric buffers, one meeting a chunk for both',
    bits: 'rank-order',
    symmetric: 'output',
    refuses: ({ bytes }, { traits }) =>
      bytes >= LEAST_BYTES || !traits.allToAll
        ? undefined
        : `it is for messages from ${LEAST_BYTES} bytes up, not ${bytes}`,
  },
  ({ worldSize }, engine) =>
    (engine.traits.allToAll ? SETTINGS : SHARED_BUS).filter(
      ({ chunk_bytes = 0, blocks = 0 }) => 2 * worldSize * chunk_bytes * blocks <= engine.traits.stageBytes,
    ),
);
