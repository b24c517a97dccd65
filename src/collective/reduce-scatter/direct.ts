/** @file Reduce-scatter, direct. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';
import { blockTunables } from '../tunables.ts';

export const reduceScatterDirect: Algorithm = singleKernel(
  {
    operation: 'reduce_scatter',
    name: 'direct',
    summary: 'every rank reduces its own part from the inputs where they lie: two synchronizations, no copy',
    source: 'first half of a two-shot all-reduce on symmetric buffers',
    bits: 'rank-order',
    symmetric: 'input',
  },
  blockTunables,
);
