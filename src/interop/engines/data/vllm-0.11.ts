/**
 * @file vLLM 0.11, autumn 2025: PyTorch's symmetric memory is on by default (#24111); NCCL symmetric memory (#24532) comes before everything, from
 * one size upwards; no FlashInfer without a norm; other names in `pass_config`.
 */
import { MIB } from '../rules.ts';
import { VLLM_0_23 } from './vllm-0.23.ts';
import type { VllmData } from './vllm-0.30.ts';

export const VLLM_0_11: VllmData = {
  ...VLLM_0_23,
  version: '0.11',
  source: {
    date: '2025-10',
    files: {
      'vllm/distributed/device_communicators/all_reduce_utils.py': 'b250ac3dd5ef',
      'vllm/distributed/device_communicators/cuda_communicator.py': '089eca13b071',
      'vllm/distributed/device_communicators/symm_mem.py': '19a181205da0',
    },
    uncertain: [
      'which release got which of the pull requests is inferred from their dates',
      'the tables of sizes for fusion are not described for this version; only a size that is given is used',
      "capability 10.3 is taken not to be in this version's tables (#37756 came later)",
    ],
  },
  defaults: { ...VLLM_0_23.defaults, fusion: false },
  ncclSymm: { kind: 'from', least: { 4: 2 * MIB, 8: MIB } },
  customBesideSymmMem: only(VLLM_0_23.customBesideSymmMem),
  symmMemMax: only(VLLM_0_23.symmMemMax),
  symmMemInclusive: false,
  multimem: only(VLLM_0_23.multimem),
  flashinferAlone: false,
  fusionMax: {},
  fusionOneShot: {},
  keys: { fuse: 'enable_fi_allreduce_fusion', cap: 'fi_allreduce_fusion_max_token_num', capIn: 'tokens' },
};

/** The capabilities that the tables had then. */
function only<T>(table: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(table).filter(([name]) => name === '9.0' || name === '10.0'));
}
