/**
 * @file The element types crossover knows, and what each occupies in memory.
 * `e2m1x2` is one byte that holds two e2m1 (FP4) values, the lower index in the low nibble: the data half of NVFP4,
 * whose scales are a separate `f8e4m3` tensor with one scale for 16 elements.
 */
import { CrossoverError } from '../errors.ts';

/** Element types by name, in the order of their codes; kernels are handed the code. */
export const DTYPES = ['f32', 'f16', 'bf16', 'f8e4m3', 'i8', 'e2m1x2'] as const;

export type DType = (typeof DTYPES)[number];

/** The types that collectives reduce; the others are only moved and written by quantization. */
export const REDUCIBLE_DTYPES = ['f32', 'f16', 'bf16'] as const;

export type ReducibleDType = (typeof REDUCIBLE_DTYPES)[number];

const BYTES = { f32: 4, f16: 2, bf16: 2, f8e4m3: 1, i8: 1, e2m1x2: 1 } as const satisfies Record<
  DType,
  number
>;

/** Bytes of one element (of one pair of values for `e2m1x2`). */
export function dtypeBytes(dtype: DType): number {
  return BYTES[dtype];
}

/** The number that stands for a dtype in commands, plan keys and kernels. */
export function dtypeCode(dtype: DType): number {
  return DTYPES.indexOf(dtype);
}

/** Narrows a string that came from outside to a dtype, or throws and names what would be accepted. */
export function parseDType(text: string, field = 'dtype'): DType {
  if ((DTYPES as readonly string[]).includes(text)) return text as DType;
  throw new CrossoverError(`${field} "${text}" is unknown; use one of ${DTYPES.join(', ')}`);
}

export function isReducible(dtype: DType): dtype is ReducibleDType {
  return (REDUCIBLE_DTYPES as readonly DType[]).includes(dtype);
}
