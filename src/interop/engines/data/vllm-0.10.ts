/**
 * @file vLLM 0.10, summer 2025: custom all-reduce below 8 MiB and NCCL above; PyTorch's symmetric memory is there and off.
 */
import { VLLM_0_11 } from './vllm-0.11.ts';
import type { VllmData } from './vllm-0.30.ts';

export const VLLM_0_10: VllmData = {
  ...VLLM_0_11,
  version: '0.10',
  source: { ...VLLM_0_11.source, date: '2025-08' },
  defaults: { ...VLLM_0_11.defaults, symmMem: false },
  ncclSymm: undefined,
};
