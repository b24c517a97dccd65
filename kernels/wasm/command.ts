/**
 * @file One operation and its operands as a record in memory: what the host side writes, and `run` walks.
 * Field offsets and kernel numbers are exported, so that the host reads them here and keeps no copy.
 */

@unmanaged
export class Command {
  kernel: u32;
  dtype: u32;
  reduceOp: u32;
  count: u32;
  input: usize;
  output: usize;
  root: u32;
  tokens: u32;
  hidden: u32;
  residual: usize;
  residualOut: usize;
  weight: usize;
  weightBias: f32;
  /** 1 or 0. */
  castBeforeWeight: u32;
  epsilon: f32;
  quantization: u32;
  quantOut: usize;
  scaleOut: usize;
  scale: f32;
  chunkBytes: u32;
  /** The number of parts when they are unequal, and otherwise 0. */
  unequal: u32;
  signature: u32;
}

/** Where parts begin when they are unequal, in elements, behind the fields: up to 16 ranks, and the end of the last part. */
const BEGINS: u32 = u32(offsetof<Command>());
export const COMMAND_BYTES: u32 = BEGINS + 17 * 4;
export const FIELD_begins: u32 = BEGINS;
export const FIELD_unequal: u32 = u32(offsetof<Command>('unequal'));
export const FIELD_kernel: u32 = u32(offsetof<Command>('kernel'));
export const FIELD_dtype: u32 = u32(offsetof<Command>('dtype'));
export const FIELD_reduceOp: u32 = u32(offsetof<Command>('reduceOp'));
export const FIELD_count: u32 = u32(offsetof<Command>('count'));
export const FIELD_input: u32 = u32(offsetof<Command>('input'));
export const FIELD_output: u32 = u32(offsetof<Command>('output'));
export const FIELD_root: u32 = u32(offsetof<Command>('root'));
export const FIELD_tokens: u32 = u32(offsetof<Command>('tokens'));
export const FIELD_hidden: u32 = u32(offsetof<Command>('hidden'));
export const FIELD_residual: u32 = u32(offsetof<Command>('residual'));
export const FIELD_residualOut: u32 = u32(offsetof<Command>('residualOut'));
export const FIELD_weight: u32 = u32(offsetof<Command>('weight'));
export const FIELD_weightBias: u32 = u32(offsetof<Command>('weightBias'));
export const FIELD_castBeforeWeight: u32 = u32(offsetof<Command>('castBeforeWeight'));
export const FIELD_epsilon: u32 = u32(offsetof<Command>('epsilon'));
export const FIELD_quantization: u32 = u32(offsetof<Command>('quantization'));
export const FIELD_quantOut: u32 = u32(offsetof<Command>('quantOut'));
export const FIELD_scaleOut: u32 = u32(offsetof<Command>('scaleOut'));
export const FIELD_scale: u32 = u32(offsetof<Command>('scale'));
export const FIELD_chunkBytes: u32 = u32(offsetof<Command>('chunkBytes'));
export const FIELD_signature: u32 = u32(offsetof<Command>('signature'));

/** Where rank r's part begins, in elements, when equal ones have `equal`. */
// @ts-ignore: decorator
@inline
export function partBegin(c: Command, r: u32, equal: u32): u32 {
  return c.unequal ? load<u32>(changetype<usize>(c) + BEGINS + r * 4) : r * equal;
}

/** Elements of rank r's part. */
// @ts-ignore: decorator
@inline
export function partCount(c: Command, r: u32, equal: u32): u32 {
  return c.unequal ? partBegin(c, r + 1, equal) - partBegin(c, r, equal) : equal;
}

/** `quantization`, in the order of QUANTIZATIONS. */
export const NONE: u32 = 0;
export const F8_STATIC: u32 = 1;
export const F8_TOKEN: u32 = 2;
export const I8_TOKEN: u32 = 3;
export const NVFP4: u32 = 4;
