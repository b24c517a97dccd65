/** @file Reduce-scatter, bulk. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';
import { bulkTunables } from '../tunables.ts';

export const reduceScatterBulk: Algorithm = singleKernel(
  {
    operation: 'reduce_scatter',
    name: 'bulk',
    summary:
      'as direct, by bulk copies into shared memory: few multiprocessors, the others are free for computation',
    source:
      'first half of a two-shot all-reduce on symmetric buffers; cp.async.bulk from peers into shared memory',
    bits: 'rank-order',
    symmetric: 'input',
  },
  bulkTunables,
);
