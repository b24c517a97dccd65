/**
 * @file vLLM 0.30: its tables, in bytes, and its defaults, as of September 2026. The newest described here; older versions are written as what
 * differs.
 */
import { KIB, MIB, type Table } from '../rules.ts';
import type { Settings, Source } from '../types.ts';

/** When NCCL on symmetric memory is taken, by world size. */
export type NcclSymmRule =
  | {
      /** Custom all-reduce keeps the middle: (lower, upper), both outside it. */
      readonly kind: 'outside';
      readonly ranges: Readonly<Record<number, readonly [number, number]>>;
      /** World sizes above this always use it. */
      readonly alwaysAbove: number;
    }
  | { readonly kind: 'from'; readonly least: Readonly<Record<number, number>> };

export interface VllmData {
  readonly version: string;
  readonly source: Source;
  readonly defaults: Settings;
  /** Whether NCCL on symmetric memory is asked before FlashInfer. */
  readonly ncclSymmFirst: boolean;
  /** Absent where the version has none. */
  readonly ncclSymm?: NcclSymmRule | undefined;
  /** Custom all-reduce serves what is below this. */
  readonly customMax: number;
  /** The same beside PyTorch's symmetric memory: the smaller of both holds. */
  readonly customBesideSymmMem: Table;
  readonly symmMemMax: Table;
  /** Whether a message of exactly that size is served. */
  readonly symmMemInclusive: boolean;
  /** World sizes that use multimem instructions; others use two-shot. */
  readonly multimem: Readonly<Record<string, readonly number[]>>;
  /** Whether FlashInfer's all-reduce exists without a norm. */
  readonly flashinferAlone: boolean;
  /** FlashInfer mnnvl alone, on one node: first size that is not served. */
  readonly mnnvlBelow: Table;
  readonly pcieIpc: boolean;
  /** Largest message that is fused, and that FlashInfer serves alone. */
  readonly fusionMax: Table;
  /** Largest message that is fused one-shot. */
  readonly fusionOneShot: Table;
  /** Keys of `pass_config`. */
  readonly keys: { readonly fuse: string; readonly cap: string; readonly capIn: 'MiB' | 'tokens' };
}

const SM103_FUSION = { 2: 64 * MIB, 4: 64 * MIB, 8: 4 * MIB };

export const VLLM_0_30: VllmData = {
  version: '0.30',
  source: {
    date: '2026-09',
    files: {
      'vllm/distributed/device_communicators/all_reduce_utils.py': '00d618aab604',
      'vllm/distributed/device_communicators/cuda_communicator.py': 'v0.30.0',
      'vllm/distributed/device_communicators/custom_all_reduce.py': '00d618aab604',
      'vllm/distributed/device_communicators/symm_mem.py': '00859a52088e',
      'vllm/distributed/device_communicators/flashinfer_all_reduce.py': '00545a8acc22',
      'vllm/compilation/passes/fusion/allreduce_rms_fusion.py': '0052812d1f06',
      'vllm/config/compilation.py': '002284db4c87',
    },
    uncertain: [
      'capability 10.7 is taken to have the tables of 10.3',
      'with FlashInfer mnnvl about a third of the table is usable (#50932); it is computed as exactly a third',
    ],
  },
  defaults: {
    custom: true,
    customV2: false,
    symmMem: true,
    ncclSymm: false,
    flashinfer: true,
    flashinferBackend: 'auto',
    pcieIpc: false,
    mscclpp: false,
    fusion: true,
    batchInvariant: false,
  },
  ncclSymmFirst: false,
  ncclSymm: {
    kind: 'outside',
    ranges: { 4: [16 * KIB, 512 * KIB], 8: [16 * KIB, 128 * KIB] },
    alwaysAbove: 8,
  },
  customMax: 8 * MIB,
  customBesideSymmMem: {
    '9.0': { 2: 64 * MIB, 4: 32 * MIB, 6: 512 * KIB, 8: 256 * KIB },
    '10.0': { 2: 2 * MIB, 4: 2 * MIB, 6: MIB, 8: MIB },
    '10.3': { 2: 4 * MIB, 4: 4 * MIB, 6: 8 * MIB, 8: 4 * MIB },
    '10.7': { 2: 4 * MIB, 4: 4 * MIB, 6: 8 * MIB, 8: 4 * MIB },
  },
  symmMemMax: {
    '9.0': { 2: 64 * MIB, 4: 32 * MIB, 6: 64 * MIB, 8: 64 * MIB },
    '10.0': { 2: 8 * MIB, 4: 32 * MIB, 6: 128 * MIB, 8: 128 * MIB },
    '10.3': { 2: 4 * MIB, 4: 32 * MIB, 6: 32 * MIB, 8: 64 * MIB },
    '10.7': { 2: 4 * MIB, 4: 32 * MIB, 6: 32 * MIB, 8: 64 * MIB },
  },
  symmMemInclusive: true,
  multimem: { '9.0': [4, 6, 8], '10.0': [6, 8], '10.3': [6, 8], '10.7': [6, 8] },
  flashinferAlone: true,
  // The cutoff is stored as one byte less and kept with "at most": the size itself is not served.
  mnnvlBelow: { '10.3': { 4: 80 * MIB } },
  pcieIpc: true,
  fusionMax: {
    '9.0': { 2: 64 * MIB, 4: 2 * MIB, 8: 0.5 * MIB },
    '10.0': { 2: 64 * MIB, 4: 32 * MIB, 8: MIB },
    '10.3': SM103_FUSION,
    '10.7': { 2: 64 * MIB, 4: 64 * MIB, 8: 2 * MIB },
  },
  fusionOneShot: {
    '9.0': { 2: 32 * MIB, 4: 2 * MIB, 8: 0.5 * MIB },
    '10.0': { 2: 32 * MIB, 4: 4 * MIB, 8: MIB },
    '10.3': { 2: 32 * MIB, 4: 4 * MIB, 8: 2 * MIB },
    '10.7': { 2: 32 * MIB, 4: 4 * MIB, 8: 2 * MIB },
  },
  keys: { fuse: 'fuse_allreduce_rms', cap: 'fi_allreduce_fusion_max_size_mb', capIn: 'MiB' },
};
