/**
 * @file What a plan is looked up by. Everything here changes which algorithm is fastest; size is the axis within a key.
 */
import type { Mode, Operation, Quantization } from '../operations.ts';
import type { DType } from '../tensor/dtype.ts';

export interface PlanKey {
  readonly operation: Operation;
  readonly dtype: DType;
  /** Number of ranks, 1 to 16 on the CPU engine. */
  readonly worldSize: number;
  readonly mode: Mode;
  /** Elements in a row, for operations on rows ([tokens, hidden]); absent for the others. */
  readonly hidden?: number | undefined;
  /** What a fused operation writes; absent for operations that are not fused. */
  readonly quantization?: Quantization | undefined;
  /** Whether the buffers lie in the symmetric heap, so that peers may read and write them in place. */
  readonly registered: boolean;
}

/** One line that names a key, the same for equal keys: `all_reduce bf16 x4 replay`, `all_reduce_rms_norm bf16 x2 eager h4096 f8e4m3_static`. */
export function keyName(key: PlanKey): string {
  const parts = [key.operation, key.dtype, `x${key.worldSize}`, key.mode];
  if (key.hidden !== undefined) parts.push(`h${key.hidden}`);
  if (key.quantization !== undefined && key.quantization !== 'none') parts.push(key.quantization);
  if (!key.registered) parts.push('unregistered');
  return parts.join(' ');
}
