/** @file All-gather, staged. */
import type { Algorithm } from '../algorithm.ts';
import { stagedKernel } from '../define.ts';

export const allGatherStaged: Algorithm = stagedKernel({
  operation: 'all_gather',
  name: 'staged',
  summary:
    'every rank publishes a copy of its part and collects the others: one synchronization, one copy more',
  source: 'direct all-gather with double-buffered staging, as in low-latency protocols',
  bits: 'rank-order',
});
