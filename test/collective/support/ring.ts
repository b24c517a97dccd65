/**
 * @file What a sum in another order than that of ranks may give.
 */
import type { ReduceOp } from '../../../dist/operations.js';
import type { ReducibleDType } from '../../../dist/tensor/dtype.js';
import { roundArray } from '../../../dist/tensor/formats/array.js';
import { allReduce } from '../../../dist/tensor/reference/all-reduce.js';
import { sumErrorBound } from '../../../dist/tensor/reference/sum-error.js';

const F32_MAX = (2 - 2 ** -23) * 2 ** 127;

/**
 * Holds each element against the error bound of a float32 sum in any order. NaN and infinities have to come out as in the float64 sum.
 * Elements whose partial sums may pass float32's range are left out: whether they do depends on the order.
 */
export function outOfBounds(
  dtype: ReducibleDType,
  op: 'sum' | 'avg',
  actual: Float64Array,
  inputs: readonly Float64Array[],
): string | undefined {
  const exact = allReduce(inputs, op);
  const finite = inputs.map((input) => input.map((x) => (Number.isFinite(x) ? x : 0)));
  const bounds = sumErrorBound(finite, op, dtype);
  const low = roundArray(
    dtype,
    exact.map((x, i) => x - bounds[i]!),
  );
  const high = roundArray(
    dtype,
    exact.map((x, i) => x + bounds[i]!),
  );
  for (let i = 0; i < exact.length; i++) {
    const magnitude = finite.reduce((sum, input) => sum + Math.abs(input[i]!), 0);
    if (magnitude >= F32_MAX) continue;
    const right = Number.isNaN(exact[i]!)
      ? Number.isNaN(actual[i]!)
      : low[i]! <= actual[i]! && actual[i]! <= high[i]!;
    if (!right) return `element ${i} is ${actual[i]}, and the exact ${op} ${exact[i]}`;
  }
  return undefined;
}

export function isSum(op: ReduceOp): op is 'sum' | 'avg' {
  return op === 'sum' || op === 'avg';
}
