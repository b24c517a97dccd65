/**
 * @file The names of what ranks do together, shared by plans, algorithms and engines.
 */

/** Operations that a plan has entries for. */
export const OPERATIONS = [
  'all_reduce',
  'all_gather',
  'reduce_scatter',
  'broadcast',
  'all_reduce_rms_norm',
] as const;

export type Operation = (typeof OPERATIONS)[number];

/** Reductions. `avg` is the sum divided by the world size; `max` and `min` give NaN when any rank has NaN. */
export const REDUCE_OPS = ['sum', 'max', 'min', 'avg'] as const;

export type ReduceOp = (typeof REDUCE_OPS)[number];

/**
 * What a fused all-reduce + residual + RMSNorm writes in place of (or beside) its plain output.
 * - `none`: only the plain output, in the input's dtype.
 * - `f8e4m3_static`: f8e4m3 of output * (1 / scale), one scale given by the caller for the whole tensor.
 * - `f8e4m3_token`: the same with one scale a token, amax / 448, written to a float32 tensor [tokens].
 * - `i8_token`: i8 of output * (1 / scale), one scale a token, amax / 127, written to a float32 tensor [tokens].
 * - `nvfp4`: e2m1 pairs [tokens, hidden / 2] and f8e4m3 scales [tokens, hidden / 16], under a global scale given by the caller.
 */
export const QUANTIZATIONS = ['none', 'f8e4m3_static', 'f8e4m3_token', 'i8_token', 'nvfp4'] as const;

/**
 * No scale of a token or of `f8e4m3_static` is less: the smallest normal float32. Values are multiplied by the reciprocal of their scale, and the
 * reciprocal of this one is finite.
 */
export const SMALLEST_SCALE: number = 2 ** -126;

export type Quantization = (typeof QUANTIZATIONS)[number];

/** How operations are issued: one by one, or recorded once and replayed (CUDA graphs; recorded sequences on the CPU). */
export const MODES = ['eager', 'replay'] as const;

export type Mode = (typeof MODES)[number];
