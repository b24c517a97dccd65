/** @file Fused all-reduce + residual + RMSNorm (+ quantization), two-shot: by rows, and by columns. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';

export const fusedTwoShot: Algorithm = singleKernel({
  operation: 'all_reduce_rms_norm',
  name: 'two_shot',
  summary:
    'every rank finishes its share of the tokens and writes the results to all: two synchronizations, arithmetic once',
  source: 'the two-shot fusion of TensorRT-LLM and FlashInfer; here the owner also normalizes and quantizes',
  bits: 'rank-order',
});

export const fusedTwoShotColumns: Algorithm = singleKernel({
  operation: 'all_reduce_rms_norm',
  name: 'two_shot_columns',
  summary:
    'every rank has a share of every row and ranks exchange sums of squares: three or four synchronizations, balanced for few tokens',
  source: 'two-shot split within rows, as clusters split a token in FlashInfer, but across ranks',
  bits: 'rank-order',
});
