/**
 * @file Element-wise addition, as a residual is added: in float64, and as a kernel does it, in float32 and rounded once
 * to the dtype. For f16 and bf16, rounding the exact sum to float32 first changes nothing: float32 has at least twice
 * their precision and two bits more, so the second rounding never meets a tie that the first one made.
 */
import type { ReducibleDType } from '../dtype.ts';
import { roundArray } from '../formats/array.ts';
import { checkLength } from './ranks.ts';

/** x + y in float64; both of n elements. Throws when lengths differ. */
export function add(x: Float64Array, y: Float64Array): Float64Array {
  checkLength(y, x.length, 'y');
  return x.map((value, i) => value + y[i]!);
}

/** x + y in float32, rounded to the dtype; both of n numbers of the dtype. Throws when lengths differ. */
export function addRounded(x: Float64Array, y: Float64Array, dtype: ReducibleDType): Float64Array {
  checkLength(y, x.length, 'y');
  return roundArray(
    dtype,
    x.map((value, i) => Math.fround(value + y[i]!)),
  );
}
