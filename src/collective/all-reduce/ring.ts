/** @file All-reduce, ring. */
import type { Algorithm } from '../algorithm.ts';
import { stagedKernel } from '../define.ts';

export const allReduceRing: Algorithm = stagedKernel({
  operation: 'all_reduce',
  name: 'ring',
  summary:
    'slices walk the ring of neighbours: 2(N-1) steps, 2(N-1)/N times the bytes, links between neighbours only',
  source:
    'Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations", JPDC 2009; partial sums in float32',
  bits: 'rank-consistent',
});
