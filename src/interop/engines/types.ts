/**
 * @file What a serving engine is, as far as its choice of all-reduce goes: an ordered list of backends, each with rules, of which the first whose
 * rules all hold is taken. Sizes are bytes of the message a rank contributes.
 */
import type { Mode } from '../../operations.ts';
import type { Gpu } from './gpus.ts';

/** Operations that engines choose for. */
export const CHECKED_OPERATIONS = ['all_reduce', 'all_reduce_rms_norm'] as const;

export type CheckedOperation = (typeof CHECKED_OPERATIONS)[number];

/** FlashInfer's workspaces; `auto` is the engine's own order of trying them. */
export const FLASHINFER_BACKENDS = ['auto', 'trtllm', 'mnnvl'] as const;

export type FlashInferBackend = (typeof FLASHINFER_BACKENDS)[number];

/** The machine and the model's shape: what the rules look at beside the size. */
export interface Deployment {
  readonly gpu: Gpu;
  readonly worldSize: number;
  /** bf16, f16, f32. */
  readonly dtype: string;
  /** Elements of a row; rules that need it say so where it is absent. */
  readonly hidden?: number | undefined;
  /** Whether NVLink connects all pairs. */
  readonly nvlink: boolean;
  /** Whether NVLink multicast may be used. */
  readonly multicast: boolean;
  /** `replay` in CUDA graphs, as decoding runs. */
  readonly mode: Mode;
}

/** What can be switched, by one name for both engines; an engine ignores what it does not have. */
export interface Settings {
  /** Custom all-reduce: off by `--disable-custom-all-reduce`. */
  readonly custom: boolean;
  /** Stage count forced on the custom all-reduce (vLLM: VLLM_CUSTOM_ALLREDUCE_ALGO). */
  readonly customStages?: 1 | 2 | undefined;
  /** SGLang: the custom all-reduce that is compiled at run time, in place of the one that came from vLLM. */
  readonly customV2: boolean;
  /** PyTorch's symmetric memory. */
  readonly symmMem: boolean;
  /** NCCL on symmetric windows. */
  readonly ncclSymm: boolean;
  /** FlashInfer's all-reduce alone, without a norm. */
  readonly flashinfer: boolean;
  readonly flashinferBackend: FlashInferBackend;
  /** vLLM: FlashInfer's all-reduce for GPUs on PCIe. */
  readonly pcieIpc: boolean;
  /** SGLang: MSCCL++. */
  readonly mscclpp: boolean;
  /** All-reduce and RMSNorm in one kernel. */
  readonly fusion: boolean;
  /** Largest message that is fused, MiB; absent is the engine's table. */
  readonly fusionCapMb?: number | undefined;
  readonly batchInvariant: boolean;
}

/** A cap that no message reaches, MiB: for asking what fusing everything would do. */
export const FUSE_EVERYTHING: number = 2 ** 20;

/** One condition. `edges` are the sizes at which it may begin or cease to hold: the first sizes of either side. */
export interface Rule {
  readonly text: string;
  readonly holds: (bytes: number) => boolean;
  readonly edges: readonly number[];
}

/** What a backend runs at a size. */
export interface Variant {
  /** In words: `custom all-reduce, 1 stage`. */
  readonly label: string;
  /** Names that measurements of exactly this have, the best first. */
  readonly algorithms: readonly string[];
  /** Names of what is close to it, for where it was not measured itself; a report says that it used them. */
  readonly standIns?: readonly string[];
}

export interface Step {
  /** As the engine's log names it: CUSTOM, SYMM_MEM, PYNCCL, ... */
  readonly backend: string;
  readonly rules: readonly Rule[];
  readonly variant: (bytes: number) => Variant;
  /** Sizes at which the variant may change. */
  readonly edges: readonly number[];
}

/** An environment variable, a flag or a line of configuration, and what it does. */
export interface Instruction {
  readonly kind: 'env' | 'flag' | 'config';
  /** `VLLM_ALLREDUCE_USE_SYMM_MEM=0`, `--disable-custom-all-reduce`; of `config`, a key of the engine's pass configuration. */
  readonly text: string;
  /** Of `config`: its value, as JSON has it. */
  readonly value?: boolean | number;
}

/** Where an engine's data was read. */
export interface Source {
  /** When upstream was as described, `2026-09`. */
  readonly date: string;
  /** Upstream file, and its blob or commit where known. */
  readonly files: Readonly<Record<string, string>>;
  /** What is not certain, in words. */
  readonly uncertain: readonly string[];
}

export interface Engine {
  readonly name: 'vllm' | 'sglang';
  readonly version: string;
  readonly source: Source;
  readonly defaults: Settings;
  /** Backends in the order they are tried; the last has no rule that depends on the size. */
  steps(operation: CheckedOperation, deployment: Deployment, settings: Settings): readonly Step[];
  /** Settings that a user could choose instead, the present ones among them, but for the fusion cap. */
  alternatives(operation: CheckedOperation, settings: Settings): readonly Settings[];
  /** What changes one into the other, in the engine's own words; empty when nothing does. */
  instructions(from: Settings, to: Settings, deployment: Deployment): readonly Instruction[];
  /** Largest message that is fused, bytes; undefined where no table and no setting says one. */
  fusionCap(deployment: Deployment, settings: Settings): number | undefined;
}
