/**
 * @file SGLang, November 2025: the custom all-reduce that came from vLLM, up to 8 MiB; NCCL on symmetric memory takes everything when it is on.
 */
import { SGLANG_2026_08, type SglangData } from './sglang-2026-08.ts';

const { customV2: _later, ...common } = SGLANG_2026_08;

export const SGLANG_2025_11: SglangData = {
  ...common,
  version: '2025-11',
  source: {
    date: '2025-11',
    files: { 'python/sglang/srt/distributed/parallel_state.py': 'as of #12524, 2025-11-03' },
    uncertain: [
      'sizes of the fused kernel and of PyTorch symmetric memory are taken to be those of 2026',
      'fusion is taken to be off: it had a flag then',
    ],
  },
  defaults: { ...SGLANG_2026_08.defaults, customV2: false, fusion: false },
  ncclSymmFirst: true,
};
