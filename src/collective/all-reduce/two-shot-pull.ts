/** @file All-reduce, two-shot, reading in both halves. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';

export const allReduceTwoShotPull: Algorithm = singleKernel({
  operation: 'all_reduce',
  name: 'two_shot_pull',
  summary:
    'every rank reduces one slice and the others fetch it: three synchronizations, 2(N-1)/N times the bytes, reads only',
  source: 'the two-stage kernel of vLLM PR 2192, on symmetric buffers',
  bits: 'rank-order',
  symmetric: 'both',
});
