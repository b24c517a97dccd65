/** @file Broadcast, staged. */
import type { Algorithm } from '../algorithm.ts';
import { stagedKernel } from '../define.ts';

export const broadcastStaged: Algorithm = stagedKernel({
  operation: 'broadcast',
  name: 'staged',
  summary: 'the root publishes a copy and the others fetch it: one synchronization, one copy more',
  source: 'flat broadcast with double-buffered staging',
  bits: 'rank-order',
});
