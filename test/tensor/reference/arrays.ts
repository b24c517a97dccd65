/**
 * @file Random tensors for the reference tests, and short names for the arrays they are made of.
 */
import fc from 'fast-check';
import type { DType } from '../../../dist/tensor/dtype.js';
import { roundArray } from '../../../dist/tensor/formats/array.js';

/** A Float64Array of these numbers. */
export function f64(...values: number[]): Float64Array {
  return Float64Array.from(values);
}

/** Numbers of a dtype, of sizes that activations have, with some zeros and some far smaller ones. */
export function elements(dtype: DType, length: number): fc.Arbitrary<Float64Array> {
  const value = fc.oneof(
    { weight: 8, arbitrary: fc.double({ min: -30, max: 30, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(0, -0, 1, -1) },
    { weight: 1, arbitrary: fc.double({ min: -1e-6, max: 1e-6, noNaN: true }) },
  );
  return fc.array(value, { minLength: length, maxLength: length }).map((values) => roundArray(dtype, values));
}

/** The same number of elements on each of 1 to 8 ranks. */
export function ranksOf(dtype: DType, length: number): fc.Arbitrary<Float64Array[]> {
  return fc.array(elements(dtype, length), { minLength: 1, maxLength: 8 });
}
