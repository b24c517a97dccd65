/**
 * @file How far the result of a lossy algorithm may be from the exact one: values rounded to f8e4m3 with a scale per group before they are
 * summed, and the sum once more.
 */

/** Half of the last of three bits behind the leading one. */
const HALF_UNIT = 1 / 16;
/** Of the group's largest magnitude, where codes are subnormal: half of 2^-9 of a scale that is a 448th of it. */
const SUBNORMAL = 1 / 448 / 1024;

/**
 * Bound of |result - exact| for one element; `magnitude` is the sum of the inputs' magnitudes, and no input of the tensor is larger than 1.
 */
export function lossyBound(worldSize: number, magnitude: number, exact: number): number {
  const inputs = magnitude * HALF_UNIT + worldSize * SUBNORMAL;
  return inputs + (Math.abs(exact) + inputs) * HALF_UNIT + worldSize * (1 + HALF_UNIT) * SUBNORMAL;
}
