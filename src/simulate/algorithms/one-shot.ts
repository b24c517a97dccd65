/**
 * @file One-shot all-reduce: every rank sees all of every peer's input and sums it alone. (N-1) x size into each rank,
 * the fewest hops there are. Two forms: peers are read (vLLM's 1-stage kernel), or every rank pushes its input into
 * the peers' scratch as words that tell by themselves that they have arrived.
 */
import { everyPair, HOPS, phase, type SimulatedAlgorithm } from '../schedule.ts';

export const oneShot: SimulatedAlgorithm = {
  operation: 'all_reduce',
  name: 'one_shot',
  summary: 'reads every peer: flags, (N-1) x size read, flags',
  schedule: ({ ranks }, bytes) => [
    phase('read all', HOPS.flag + HOPS.read + HOPS.flag, everyPair(ranks.length, bytes, 'read')),
  ],
};

export const oneShotPush: SimulatedAlgorithm = {
  operation: 'all_reduce',
  name: 'one_shot_push',
  summary: 'writes to every peer: (N-1) x size, arrival is the only wait',
  schedule: ({ ranks }, bytes) => [phase('push all', HOPS.arrival, everyPair(ranks.length, bytes, 'write'))],
};
