/** @file All-reduce, one-shot. */
import type { Algorithm } from '../algorithm.ts';
import { stagedKernel } from '../define.ts';

export const allReduceOneShot: Algorithm = stagedKernel({
  operation: 'all_reduce',
  name: 'one_shot',
  summary:
    'every rank publishes its input and reduces everything itself: one synchronization, (N-1) times the bytes',
  source:
    'the one-stage kernel of vLLM PR 2192 and TensorRT-LLM, here with staged inputs so that in place is safe',
  bits: 'rank-order',
});
