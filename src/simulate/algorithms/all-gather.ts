/**
 * @file Direct all-gather: every rank writes its slice of size / N into every peer's output at once. Outputs are
 * written in place, so a flag says first that they may be; a fence and a flag say afterwards that they have been.
 */
import { everyPair, HOPS, phase, type SimulatedAlgorithm } from '../schedule.ts';

export const directAllGather: SimulatedAlgorithm = {
  operation: 'all_gather',
  name: 'direct',
  summary: 'writes the slice to every peer, flags before and after',
  schedule: ({ ranks: { length: n } }, bytes) => [
    phase('gather by writes', HOPS.flag + HOPS.fence + HOPS.flag, everyPair(n, bytes / n, 'write')),
  ],
};
