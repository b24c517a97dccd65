/**
 * @file All-reduce: every rank gets the element-wise reduction of what all ranks hold. In float64, and with the rounding
 * points of this package's kernels: accumulated in float32 in rank order 0..n-1, rounded once to the dtype at the end.
 * Both give what each rank holds afterwards, which is the same on all of them.
 */
import type { ReduceOp } from '../../operations.ts';
import type { ReducibleDType } from '../dtype.ts';
import { roundArray } from '../formats/array.ts';
import { checkRanks } from './ranks.ts';

type Combine = (accumulated: number, next: number) => number;

/** Reduces in rank order, starting from rank 0's element as it is (so that a sum of -0 stays -0). */
function reduceRanks(inputs: readonly Float64Array[], combine: Combine): Float64Array {
  const count = checkRanks(inputs);
  const result = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let accumulated = inputs[0]![i]!;
    for (let rank = 1; rank < inputs.length; rank++) accumulated = combine(accumulated, inputs[rank]![i]!);
    result[i] = accumulated;
  }
  return result;
}

/**
 * The reduction in float64, in rank order.
 * @param inputs one array a rank, all of n elements
 * @returns n elements. `max` and `min` give NaN when any rank has NaN; max(-0, +0) is +0 and min(-0, +0) is -0.
 * @throws when there is no rank or lengths differ
 */
export function allReduce(inputs: readonly Float64Array[], op: ReduceOp): Float64Array {
  switch (op) {
    case 'sum':
      return reduceRanks(inputs, (a, b) => a + b);
    case 'avg':
      return reduceRanks(inputs, (a, b) => a + b).map((sum) => sum / inputs.length);
    case 'max':
      // Math.max and Math.min have exactly these rules for NaN and for signed zeros.
      return reduceRanks(inputs, Math.max);
    case 'min':
      return reduceRanks(inputs, Math.min);
    default:
      return op satisfies never;
  }
}

/**
 * The reduction as the kernels round it, bit by bit: `sum` accumulates in float32 in rank order; `avg` divides that float32
 * sum by the number of ranks, in float32; the result is rounded to the dtype, once. `max` and `min` do not round.
 * @param inputs one array a rank, all of n elements that are numbers of the dtype
 * @returns n numbers of the dtype
 */
export function allReduceRounded(
  inputs: readonly Float64Array[],
  op: ReduceOp,
  dtype: ReducibleDType,
): Float64Array {
  if (op === 'max' || op === 'min') return roundArray(dtype, allReduce(inputs, op));
  // float64 holds the sum (and the quotient) of two float32 well enough that rounding it to float32 is the float32 operation.
  const sum = reduceRanks(inputs, (a, b) => Math.fround(a + b));
  return roundArray(dtype, op === 'avg' ? sum.map((value) => Math.fround(value / inputs.length)) : sum);
}
