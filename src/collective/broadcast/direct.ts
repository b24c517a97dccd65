/** @file Broadcast, direct. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';

export const broadcastDirect: Algorithm = singleKernel({
  operation: 'broadcast',
  name: 'direct',
  summary: "every rank reads the root's buffer where it lies: two synchronizations, no copy",
  source: 'flat broadcast on symmetric buffers',
  bits: 'rank-order',
});
