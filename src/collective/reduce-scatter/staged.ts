/** @file Reduce-scatter, staged. */
import type { Algorithm } from '../algorithm.ts';
import { stagedKernel } from '../define.ts';

export const reduceScatterStaged: Algorithm = stagedKernel({
  operation: 'reduce_scatter',
  name: 'staged',
  summary:
    'every rank publishes a copy of its input and reduces its own part: one synchronization, one copy more',
  source: 'first half of a two-shot all-reduce, with double-buffered staging',
  bits: 'rank-order',
});
