/**
 * @file Broadcast from rank 0: directly, which puts (N-1) x size on the root's link, or as a scatter of slices followed
 * by an all-gather (van de Geijn), which puts (N-1)/N x size on it twice and uses everybody's links.
 */
import { everyPair, fromRoot, HOPS, phase, type SimulatedAlgorithm } from '../schedule.ts';

export const directBroadcast: SimulatedAlgorithm = {
  operation: 'broadcast',
  name: 'direct',
  summary: 'the root writes everything to every peer, flags before and after',
  schedule: ({ ranks: { length: n } }, bytes) => [
    phase('root writes', HOPS.flag + HOPS.fence + HOPS.flag, fromRoot(n, 0, bytes)),
  ],
};

export const scatterAllGatherBroadcast: SimulatedAlgorithm = {
  operation: 'broadcast',
  name: 'scatter_all_gather',
  summary: 'the root scatters slices, every rank passes its slice on',
  schedule: ({ ranks: { length: n } }, bytes) => [
    phase('root scatters', HOPS.flag + HOPS.fence + HOPS.flag, fromRoot(n, 0, bytes / n)),
    phase('gather by writes', HOPS.fence + HOPS.flag, everyPair(n, bytes / n, 'write')),
  ],
};
