/**
 * @file What a reduction in another order than that of ranks may give.
 */
import type { ReduceOp } from '../../../dist/operations.js';
import type { ReducibleDType } from '../../../dist/tensor/dtype.js';
import { roundArray } from '../../../dist/tensor/formats/array.js';
import { allReduce } from '../../../dist/tensor/reference/all-reduce.js';
import { sumErrorBound } from '../../../dist/tensor/reference/sum-error.js';

const LARGEST = { f32: (2 - 2 ** -23) * 2 ** 127, f16: 65504, bf16: (2 - 2 ** -7) * 2 ** 127 } as const;

/**
 * Holds each element against the error bound of a sum in any order, in float32 or, where `loose`, in the dtype itself. NaN and infinities have
 * to come out as in the float64 sum. Elements whose partial sums may pass the range are left out: whether they do depends on the order.
 */
export function outOfBounds(
  dtype: ReducibleDType,
  op: 'sum' | 'avg',
  actual: Float64Array,
  inputs: readonly Float64Array[],
  loose = false,
): string | undefined {
  const accumulator = loose ? dtype : 'f32';
  // Twice, because an average may be a sum of products with 1/n, and that is rounded as well.
  const slack = loose ? 2 : 1;
  const exact = allReduce(inputs, op);
  const finite = inputs.map((input) => input.map((x) => (Number.isFinite(x) ? x : 0)));
  const bounds = sumErrorBound(finite, op, dtype, accumulator);
  const low = roundArray(
    dtype,
    exact.map((x, i) => x - slack * bounds[i]!),
  );
  const high = roundArray(
    dtype,
    exact.map((x, i) => x + slack * bounds[i]!),
  );
  for (let i = 0; i < exact.length; i++) {
    const magnitude = finite.reduce((sum, input) => sum + Math.abs(input[i]!), 0);
    if (magnitude >= LARGEST[accumulator]) continue;
    const right = Number.isNaN(exact[i]!)
      ? Number.isNaN(actual[i]!)
      : low[i]! <= actual[i]! && actual[i]! <= high[i]!;
    if (!right) return `element ${i} is ${actual[i]}, and the exact ${op} ${exact[i]}`;
  }
  return undefined;
}

/**
 * What is wrong with a reduction that promises no bits: sums may be rounded to the dtype at each step, and max and min may pass over NaN
 * and take either zero.
 */
export function implausible(
  dtype: ReducibleDType,
  op: ReduceOp,
  actual: Float64Array,
  inputs: readonly Float64Array[],
): string | undefined {
  if (isSum(op)) return outOfBounds(dtype, op, actual, inputs, true);
  const pick = op === 'max' ? Math.max : Math.min;
  for (let i = 0; i < actual.length; i++) {
    const values = inputs.map((input) => input[i]!);
    const numbers = values.filter((x) => !Number.isNaN(x));
    const unordered = numbers.length < values.length;
    // === takes -0 for 0.
    const right = Number.isNaN(actual[i]!)
      ? unordered
      : numbers.length > 0 && actual[i]! === pick(...numbers);
    if (!right) return `element ${i} is ${actual[i]}, and the ${op} of ${values.join(', ')} is wanted`;
  }
  return undefined;
}

export function isSum(op: ReduceOp): op is 'sum' | 'avg' {
  return op === 'sum' || op === 'avg';
}
