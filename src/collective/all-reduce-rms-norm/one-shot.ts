/** @file Fused all-reduce + residual + RMSNorm (+ quantization), one-shot. */
import { dtypeBytes } from '../../tensor/dtype.ts';
import type { Algorithm } from '../algorithm.ts';
import { stagedKernel } from '../define.ts';
import { STAGE_BYTES } from '../staging.ts';

export const fusedOneShot: Algorithm = stagedKernel({
  operation: 'all_reduce_rms_norm',
  name: 'one_shot',
  summary:
    'every rank publishes its input and does every row itself: one synchronization, all arithmetic N times',
  source: 'the one-shot fusion of TensorRT-LLM and FlashInfer, with the roundings of the unfused sequence',
  bits: 'rank-order',
  refuses({ hidden = 0, dtype }) {
    const row = hidden * dtypeBytes(dtype);
    return row > STAGE_BYTES ? `a row of ${row} bytes does not fit the stage of ${STAGE_BYTES}` : undefined;
  },
});
