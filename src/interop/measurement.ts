/**
 * @file Measurements from any source in one form: what `crossover import` makes, and check, report and export read.
 *
 * Sizes count as nccl-tests counts: of the whole tensor for all-reduce, broadcast and fused operations, of the gathered output for all-gather, of the
 * whole input for reduce-scatter. Times are microseconds an operation.
 */
import type { Mode, Quantization } from '../operations.ts';

/** Operations that sources measure; the first are those of the package. */
export const MEASURED_OPERATIONS = [
  'all_reduce',
  'all_gather',
  'reduce_scatter',
  'broadcast',
  'all_reduce_rms_norm',
  'reduce',
  'all_to_all',
  'send_recv',
  'gather',
  'scatter',
] as const;

export type MeasuredOperation = (typeof MEASURED_OPERATIONS)[number];

/** Where a number stands: lines count from 1. */
export interface SourcePlace {
  /** As it was named: a path, `-` for standard input. */
  readonly file: string;
  readonly line: number;
}

export interface Measurement {
  readonly operation: MeasuredOperation;
  /**
   * Those of crossover itself have `crossover:` before their names; one's own data may have any other name. The rest:
   *
   *     nccl                              NCCL's own choice
   *     nccl_symmetric                    NCCL on buffers in symmetric windows
   *     vllm_custom                       vLLM's custom all-reduce, whichever stage count it takes at a size
   *     vllm_custom_1stage                vLLM's custom all-reduce, one-shot
   *     vllm_custom_2stage                vLLM's custom all-reduce, two-shot
   *     torch_symm_mem_multimem           PyTorch symmetric memory, multimem
   *     torch_symm_mem_one_shot           PyTorch symmetric memory, one-shot
   *     torch_symm_mem_two_shot           PyTorch symmetric memory, two-shot
   *     flashinfer_trtllm                 FlashInfer's trtllm all-reduce, alone
   *     flashinfer_mnnvl                  FlashInfer's mnnvl all-reduce, alone
   *     flashinfer_trtllm_fused_one_shot  FlashInfer's fused all-reduce + RMSNorm, trtllm, one-shot
   *     flashinfer_trtllm_fused_two_shot  FlashInfer's fused all-reduce + RMSNorm, trtllm, two-shot
   *     flashinfer_mnnvl_fused_one_shot   FlashInfer's fused all-reduce + RMSNorm, mnnvl, one-shot
   *     flashinfer_mnnvl_fused_two_shot   FlashInfer's fused all-reduce + RMSNorm, mnnvl, two-shot
   *     unfused                           the engine's all-reduce, then a norm kernel (and quantization)
   *     unfused_native                    the engine's all-reduce, then the norm in native PyTorch operations
   *     unfused_compiled                  the engine's all-reduce, then the norm compiled by torch.compile
   */
  readonly algorithm: string;
  /** Of the message, 0 or more. */
  readonly bytes: number;
  /** bf16, f16, f32, f8e4m3, i8, ...; as the source has it where it is none of ours. Absent where the source does not say. */
  readonly dtype?: string | undefined;
  readonly worldSize: number;
  /** Elements of a row, for operations on rows. */
  readonly hidden?: number | undefined;
  /** What a fused operation, or the sequence in its place, writes; `fp4` of others is `nvfp4`. */
  readonly quantization?: Quantization | undefined;
  /** Whether a residual is added, for fused operations. */
  readonly residual?: boolean | undefined;
  /** Whether the output lies where the input does; absent where the source does not say. */
  readonly inPlace?: boolean | undefined;
  readonly mode?: Mode | undefined;
  /** Whether values are rounded on the way: no like for like with the others. */
  readonly lossy?: boolean | undefined;
  /** us. */
  readonly us: number;
  /** us; absent where the source gives one number only. */
  readonly spread?: number | undefined;
  readonly source: SourcePlace;
}

/** A line, or a part of a file, that could not be read, or was read in spite of something. */
export interface Complaint {
  readonly source: SourcePlace;
  /** In words; begins in lower case, and has no full stop. */
  readonly message: string;
}

/** Matrices over devices, as p2pBandwidthLatencyTest prints them; the diagonal is the device itself. */
export interface PeerMatrix {
  /** `unidirectional GB/s`, `bidirectional GB/s`, `latency us`, ... */
  readonly name: string;
  readonly p2p: boolean;
  readonly rows: readonly (readonly number[])[];
  readonly source: SourcePlace;
}

export interface MeasurementSet {
  readonly schema: 1;
  /** What is known of the host and the software, by the source's names: gpu, nccl, vllm, ... */
  readonly host: Readonly<Record<string, string>>;
  readonly measurements: readonly Measurement[];
  readonly matrices: readonly PeerMatrix[];
  readonly complaints: readonly Complaint[];
  /** What each file was read as: `nccl-tests text`, ... */
  readonly files: readonly { readonly file: string; readonly formats: readonly string[] }[];
}

/**
 * Bus bandwidth over algorithm bandwidth, as nccl-tests has it: what each operation must move over a link, per byte of message.
 * @returns undefined for operations that it has no factor for
 */
export function busFactor(operation: MeasuredOperation, worldSize: number): number | undefined {
  const n = worldSize;
  switch (operation) {
    case 'all_reduce':
      return (2 * (n - 1)) / n;
    case 'all_gather':
    case 'reduce_scatter':
    case 'all_to_all':
    case 'gather':
    case 'scatter':
      return (n - 1) / n;
    case 'broadcast':
    case 'reduce':
    case 'send_recv':
      return 1;
    default:
      return undefined;
  }
}
