/** @file Broadcast, direct. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';
import { blockTunables } from '../tunables.ts';

export const broadcastDirect: Algorithm = singleKernel(
  {
    operation: 'broadcast',
    name: 'direct',
    summary:
      "the message goes straight from the root's buffer to everyone's: no copy (CPU: all read at once, GPU: the root writes)",
    source: 'flat broadcast on symmetric buffers',
    bits: 'rank-order',
    symmetric: 'output',
  },
  blockTunables,
);
