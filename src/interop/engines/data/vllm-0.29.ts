/**
 * @file vLLM 0.29, August 2026: FlashInfer's all-reduce is on by default; none of its own for PCIe yet.
 */
import type { VllmData } from './vllm-0.30.ts';
import { VLLM_0_30 } from './vllm-0.30.ts';

export const VLLM_0_29: VllmData = {
  ...VLLM_0_30,
  version: '0.29',
  source: {
    date: '2026-08',
    files: VLLM_0_30.source.files,
    uncertain: [
      ...VLLM_0_30.source.uncertain,
      'whether NCCL symmetric memory already comes after FlashInfer (#53318, August 2026) is not known; it is taken to come first',
      'that FlashInfer alone is on by default from this release (#52998) is reported, not read',
    ],
  },
  ncclSymmFirst: true,
  mnnvlBelow: {},
  pcieIpc: false,
};
