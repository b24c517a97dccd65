/**
 * @file vLLM 0.23, 2026: NCCL symmetric memory is asked before everything; FlashInfer's all-reduce is there and off.
 */
import { VLLM_0_29 } from './vllm-0.29.ts';
import type { VllmData } from './vllm-0.30.ts';

export const VLLM_0_23: VllmData = {
  ...VLLM_0_29,
  version: '0.23',
  source: {
    date: '2026',
    files: VLLM_0_29.source.files,
    uncertain: [
      "the order of backends is reported; the tables are taken to be 0.29's",
      'fusion is taken to be on by default',
    ],
  },
  defaults: { ...VLLM_0_29.defaults, flashinfer: false },
};
