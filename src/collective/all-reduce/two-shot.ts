/** @file All-reduce, two-shot. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';
import { blockTunables } from '../tunables.ts';

export const allReduceTwoShot: Algorithm = singleKernel(
  {
    operation: 'all_reduce',
    name: 'two_shot',
    summary:
      'every rank reduces one slice and writes it to all: two synchronizations, 2(N-1)/N times the bytes, no copy',
    source:
      'reduce-scatter then all-gather: Rabenseifner, "Optimization of collective reduction operations", ICCS 2004; zero copy in a symmetric heap',
    bits: 'rank-order',
    symmetric: 'both',
  },
  blockTunables,
);
