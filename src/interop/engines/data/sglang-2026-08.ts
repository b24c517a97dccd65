/**
 * @file SGLang, August 2026: its tables, in bytes, and its defaults. Its custom all-reduce is compiled at run time and has thresholds tuned on H200
 * and B200, apart for CUDA graphs and for eager calls.
 */
import { KIB, MIB, type Table } from '../rules.ts';
import type { Settings, Source } from '../types.ts';

/** Largest messages of the custom all-reduce's algorithms, tried in this order but for two-shot push, which is first within its range. */
export interface Thresholds {
  readonly oneShotPush: number;
  readonly oneShotPull: number;
  readonly twoShotPull: number;
  /** First and last size of two-shot by multicast, where multicast can be used. */
  readonly multicast?: readonly [number, number];
  /** First and last size of two-shot push. */
  readonly twoShotPush?: readonly [number, number];
}

export type ThresholdTable = Readonly<Record<number, Thresholds>>;

export interface SglangData {
  readonly version: string;
  readonly source: Source;
  readonly defaults: Settings;
  /** Whether NCCL on symmetric memory takes everything, or only what the custom all-reduce leaves. */
  readonly ncclSymmFirst: boolean;
  /** By the major number of the capability, then mode, then world size; absent where the version has no such all-reduce. */
  readonly customV2?: Readonly<
    Record<string, { readonly replay: ThresholdTable; readonly eager: ThresholdTable }>
  >;
  /** Thresholds of GPUs without a table. */
  readonly customV2Otherwise: Thresholds;
  /** Size of its buffers: no threshold is above it. */
  readonly customV2Max: number;
  /** The all-reduce that came from vLLM: largest message. */
  readonly customMax: number;
  readonly symmMemMax: Table;
  readonly multimem: Readonly<Record<string, readonly number[]>>;
  readonly mscclppMax: number;
  readonly fusionMaxTokens: number;
  /** Most of tokens * hidden * element * world size * 2 that FlashInfer's trtllm kernel takes one-shot, by world size. */
  readonly fusionOneShotTotal: Readonly<Record<number, number>>;
}

function at(push: number, pull: number, twoShot: number, multicast?: readonly [number, number]): Thresholds {
  return {
    oneShotPush: push,
    oneShotPull: pull,
    twoShotPull: twoShot,
    ...(multicast === undefined ? {} : { multicast }),
  };
}

const HOPPER = {
  replay: {
    2: at(16 * MIB, 128 * MIB, 128 * MIB),
    3: at(1.25 * MIB, 1.25 * MIB, 128 * MIB),
    4: at(384 * KIB, 384 * KIB, 128 * MIB),
    5: at(192 * KIB, 192 * KIB, 32 * MIB),
    6: at(128 * KIB, 128 * KIB, 32 * MIB, [8 * MIB, 32 * MIB]),
    7: at(128 * KIB, 128 * KIB, 32 * MIB, [MIB, 32 * MIB]),
    8: at(128 * KIB, 128 * KIB, 32 * MIB, [512 * KIB, 128 * MIB]),
  },
  eager: {
    2: at(32 * MIB, 128 * MIB, 128 * MIB),
    3: at(3 * MIB, 3 * MIB, 16 * MIB),
    4: at(896 * KIB, 896 * KIB, 32 * MIB, [0, 32 * MIB]),
    5: at(384 * KIB, 384 * KIB, 32 * MIB, [0, 32 * MIB]),
    6: at(192 * KIB, 192 * KIB, 32 * MIB, [0, 32 * MIB]),
    7: at(128 * KIB, 128 * KIB, 32 * MIB, [0, 32 * MIB]),
    8: at(128 * KIB, 128 * KIB, 128 * MIB, [0, 128 * MIB]),
  },
};

/** Of these only world sizes 5 to 8 have multicast at all. */
const BLACKWELL = {
  replay: {
    2: at(8 * MIB, 32 * MIB, 128 * MIB),
    3: at(4 * MIB, 4 * MIB, 128 * MIB),
    4: { ...at(1.125 * MIB, 1.125 * MIB, 128 * MIB), twoShotPush: [1.125 * MIB, 8 * MIB] as const },
    5: at(1.5 * MIB, 1.5 * MIB, 128 * MIB),
    6: at(MIB, MIB, 128 * MIB),
    7: at(0.625 * MIB, 0.625 * MIB, 128 * MIB),
    8: at(0.5 * MIB, 0.5 * MIB, 128 * MIB, [8 * MIB, 128 * MIB]),
  },
  eager: {
    2: at(16 * MIB, 128 * MIB, 128 * MIB),
    3: at(8 * MIB, 8 * MIB, 32 * MIB),
    4: { ...at(3 * MIB, 3 * MIB, 32 * MIB), twoShotPush: [2 * MIB, 8 * MIB] as const },
    5: at(2 * MIB, 2 * MIB, 32 * MIB, [0, 32 * MIB]),
    6: at(1.25 * MIB, 1.25 * MIB, 64 * MIB, [0, 64 * MIB]),
    7: at(MIB, MIB, 64 * MIB, [0, 64 * MIB]),
    8: at(0.75 * MIB, 0.75 * MIB, 128 * MIB, [0, 128 * MIB]),
  },
};

const SYMM_MEM = { 2: 64 * MIB, 4: 64 * MIB, 6: 128 * MIB, 8: 128 * MIB };

export const SGLANG_2026_08: SglangData = {
  version: '2026-08',
  source: {
    date: '2026-08',
    files: {
      'python/sglang/srt/distributed/parallel_state.py': 'main, August 2026',
      'python/sglang/srt/distributed/device_communicators/configs/custom_all_reduce_v2.py':
        '09e7d8edc64afecf1f069b2116dee94334709265',
      'python/sglang/srt/distributed/device_communicators/torch_symm_mem.py': 'main, August 2026',
      'python/sglang/srt/layers/flashinfer_comm_fusion.py': 'main, August 2026',
    },
    uncertain: [
      'fusion is taken to be on; SGLang switches it on by the architecture of the model',
      "FlashInfer's all-reduce without a norm is taken to be off, and to serve what fusion would when it is on",
      'one reading of this time has NCCL symmetric memory take all messages, this one has it take what the custom all-reduce leaves',
      'that the run-time compiled all-reduce wants NVLink between more than two GPUs is taken from its predecessor',
      "one-shot and two-shot of the fused kernel are by FlashInfer's heuristic, 128, 8 and 2.625 MiB for 2, 4 and 8 GPUs",
    ],
  },
  defaults: {
    custom: true,
    customV2: true,
    symmMem: false,
    ncclSymm: false,
    flashinfer: false,
    flashinferBackend: 'auto',
    pcieIpc: false,
    mscclpp: false,
    fusion: true,
    batchInvariant: false,
  },
  ncclSymmFirst: false,
  customV2: { '9': HOPPER, '10': BLACKWELL },
  customV2Otherwise: at(MIB, MIB, 16 * MIB),
  customV2Max: 16 * MIB,
  customMax: 8 * MIB,
  symmMemMax: { '9': SYMM_MEM, '10': SYMM_MEM },
  multimem: { '9': [4, 6, 8], '10': [6, 8] },
  mscclppMax: 8 * MIB,
  fusionMaxTokens: 2048,
  fusionOneShotTotal: { 2: 512 * MIB, 4: 64 * MIB, 8: 42 * MIB },
};
