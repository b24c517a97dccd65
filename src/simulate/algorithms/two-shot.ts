/**
 * @file Two-shot all-reduce: a rank reduces one slice of size / N, then the slices are gathered. 2(N-1)/N x size a rank
 * each way, as few as a ring, in two phases instead of 2(N-1). Both phases exchange slices between all pairs; what
 * differs is who moves them and what is waited for.
 */
import { everyPair, HOPS, phase, type SimulatedAlgorithm } from '../schedule.ts';

/** vLLM's 2-stage kernel (csrc/custom_all_reduce.cuh): three barriers and two dependent reads, 7 hops. */
export const twoShot: SimulatedAlgorithm = {
  operation: 'all_reduce',
  name: 'two_shot',
  summary: 'reads slices in both stages, flags before, between and after',
  schedule: ({ ranks: { length: n } }, bytes) => [
    phase('reduce-scatter by reads', HOPS.flag + HOPS.read, everyPair(n, bytes / n, 'read')),
    phase('all-gather by reads', HOPS.flag + HOPS.read + HOPS.flag, everyPair(n, bytes / n, 'read')),
  ],
};

/** Both slices travel as self-validating words into scratch of two generations, so nobody waits for readiness: 2 hops. */
export const twoShotPush: SimulatedAlgorithm = {
  operation: 'all_reduce',
  name: 'two_shot_push',
  summary: 'writes slices in both stages; data is its own flag',
  schedule: ({ ranks: { length: n } }, bytes) => [
    phase('scatter by writes', HOPS.arrival, everyPair(n, bytes / n, 'write')),
    phase('gather by writes', HOPS.arrival, everyPair(n, bytes / n, 'write')),
  ],
};

/** The cautious form, for links that may split or reorder words: each stage is written, fenced and flagged, 6 hops. */
export const twoShotPushFenced: SimulatedAlgorithm = {
  operation: 'all_reduce',
  name: 'two_shot_push_fenced',
  summary: 'writes slices in both stages, each followed by a fence and a flag',
  schedule: ({ ranks: { length: n } }, bytes) => [
    phase('scatter by writes', HOPS.fence + HOPS.flag, everyPair(n, bytes / n, 'write')),
    phase('gather by writes', HOPS.fence + HOPS.flag, everyPair(n, bytes / n, 'write')),
  ],
};

/** Zero copy for registered buffers: slices are read from the inputs and written into the outputs. */
export const twoShotMixed: SimulatedAlgorithm = {
  operation: 'all_reduce',
  name: 'two_shot_mixed',
  summary: 'reads slices from inputs, writes results into outputs, flags before and after',
  schedule: ({ ranks: { length: n } }, bytes) => [
    phase('reduce-scatter by reads', HOPS.flag + HOPS.read, everyPair(n, bytes / n, 'read')),
    phase('all-gather by writes', HOPS.fence + HOPS.flag, everyPair(n, bytes / n, 'write')),
  ],
};
