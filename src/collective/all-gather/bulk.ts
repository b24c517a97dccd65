/** @file All-gather, bulk. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';
import { bulkTunables } from '../tunables.ts';

export const allGatherBulk: Algorithm = singleKernel(
  {
    operation: 'all_gather',
    name: 'bulk',
    summary:
      'as direct, by bulk copies: 8 multiprocessors saturate the links, the others are free for computation',
    source: 'direct all-gather on symmetric buffers; cp.async.bulk from shared memory into peers',
    bits: 'rank-order',
    symmetric: 'output',
  },
  bulkTunables,
);
