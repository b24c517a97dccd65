/**
 * @file Direct reduce-scatter: every rank owns a slice of size / N. It reads that slice from every peer, or is sent it.
 */
import { everyPair, HOPS, phase, type SimulatedAlgorithm } from '../schedule.ts';

export const directReduceScatter: SimulatedAlgorithm = {
  operation: 'reduce_scatter',
  name: 'direct',
  summary: 'reads its slice from every peer, flags before and after',
  schedule: ({ ranks: { length: n } }, bytes) => [
    phase('reduce by reads', HOPS.flag + HOPS.read + HOPS.flag, everyPair(n, bytes / n, 'read')),
  ],
};

export const pushReduceScatter: SimulatedAlgorithm = {
  operation: 'reduce_scatter',
  name: 'push',
  summary: 'writes each slice to its owner; data is its own flag',
  schedule: ({ ranks: { length: n } }, bytes) => [
    phase('scatter by writes', HOPS.arrival, everyPair(n, bytes / n, 'write')),
  ],
};
