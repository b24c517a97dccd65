/**
 * @file Reduce-scatter: the element-wise reduction of what all ranks hold, cut into equal parts, one a rank.
 * It is the matching part of an all-reduce, in float64 and with the same rounding points (see all-reduce.ts).
 */
import type { ReduceOp } from '../../operations.ts';
import type { ReducibleDType } from '../dtype.ts';
import { partCount } from '../shape.ts';
import { allReduce, allReduceRounded } from './all-reduce.ts';

function scatter(reduced: Float64Array, ranks: number): Float64Array[] {
  const part = partCount(reduced.length, ranks, 'elements of inputs');
  return Array.from({ length: ranks }, (_, rank) => reduced.slice(rank * part, (rank + 1) * part));
}

/**
 * @param inputs one array a rank, all of n elements, n a multiple of the number of ranks
 * @returns one array a rank, of n / ranks elements: rank r's covers elements from r * n / ranks on
 * @throws when there is no rank, lengths differ, or n does not divide
 */
export function reduceScatter(inputs: readonly Float64Array[], op: ReduceOp): Float64Array[] {
  return scatter(allReduce(inputs, op), inputs.length);
}

/** As `reduceScatter`, rounded as the kernels do; inputs are numbers of the dtype, and so are results. */
export function reduceScatterRounded(
  inputs: readonly Float64Array[],
  op: ReduceOp,
  dtype: ReducibleDType,
): Float64Array[] {
  return scatter(allReduceRounded(inputs, op, dtype), inputs.length);
}
