/** @file All-gather, direct. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';
import { blockTunables } from '../tunables.ts';

export const allGatherDirect: Algorithm = singleKernel(
  {
    operation: 'all_gather',
    name: 'direct',
    summary:
      'parts go straight from where they lie to where they belong: two synchronizations, no copy (CPU: reads, GPU: writes)',
    source: 'direct all-gather on symmetric buffers',
    bits: 'rank-order',
    symmetric: 'output',
  },
  blockTunables,
);
