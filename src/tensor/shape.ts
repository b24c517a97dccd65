/**
 * @file Sizes of tensors, checked. Counts and dimensions come from callers, plans and graph files, and end as operands of
 * kernels, so they are refused here, by name and value, when they are not whole numbers that a float64 holds exactly.
 */
import { CrossoverError } from '../errors.ts';
import { type DType, dtypeBytes } from './dtype.ts';

/** Returns the value, or throws when it is not a whole number from 0 to 2^53 - 1. `field` is what the error calls it. */
export function checkCount(value: number, field: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new CrossoverError(`${field} is ${value}; use a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
  return value;
}

/**
 * Elements of a tensor: the product of its dimensions, 1 for a scalar (no dimensions).
 * Throws when a dimension, or the product, is not a count.
 */
export function elementCount(shape: readonly number[], field = 'shape'): number {
  // Dimensions are checked first, so that a zero anywhere does not hide a bad one behind it.
  for (const [axis, size] of shape.entries()) checkCount(size, `${field}[${axis}]`);
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const size of shape) {
    count *= size;
    // The product only grows, and is exact until it passes the limit.
    if (count > Number.MAX_SAFE_INTEGER) {
      throw new CrossoverError(
        `${field} [${shape.join(', ')}] has too many elements; at most ${Number.MAX_SAFE_INTEGER} are accepted`,
      );
    }
  }
  return count;
}

/** Bytes of a tensor. The last dimension of an `e2m1x2` tensor counts pairs, so [tokens, hidden / 2]. */
export function byteCount(dtype: DType, shape: readonly number[], field = 'shape'): number {
  return checkCount(
    elementCount(shape, field) * dtypeBytes(dtype),
    `bytes of ${field} [${shape.join(', ')}]`,
  );
}

/**
 * Elements of each of `parts` equal parts, as all-gather and reduce-scatter cut a tensor.
 * Throws when `count` does not divide, or when `parts` is 0.
 */
export function partCount(count: number, parts: number, field = 'count'): number {
  checkCount(count, field);
  checkCount(parts, 'parts');
  // A remainder by 0 is NaN, so no parts are refused here as well.
  if (count % parts !== 0) {
    throw new CrossoverError(`${field} is ${count}; use a multiple of ${parts}, one equal part a rank`);
  }
  return count / parts;
}
