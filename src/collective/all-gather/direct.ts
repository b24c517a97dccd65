/** @file All-gather, direct. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';

export const allGatherDirect: Algorithm = singleKernel({
  operation: 'all_gather',
  name: 'direct',
  summary: 'every rank reads the parts where they lie: two synchronizations, no copy',
  source: 'direct all-gather on symmetric buffers',
  bits: 'rank-order',
});
