/**
 * @file Distance between what a kernel wrote and what it should have written, in ulp: units of the spacing of the dtype's
 * numbers at the expected value. A correctly rounded result is within 0.5 ulp of the exact one; float32 inside and one
 * rounding at the end is within about 1.
 */
import { CrossoverError } from '../errors.ts';
import type { DType } from './dtype.ts';
import { decodeArray } from './formats/array.ts';
import { ELEMENT_FORMATS } from './formats/element.ts';
import { binadeExponent, powerOfTwo } from './formats/float-layout.ts';

/**
 * Spacing of the dtype's numbers at a value: the distance from the largest number not above |value| to the next larger one.
 * At and below the smallest normal number it is the smallest subnormal; beyond the largest finite number, and for
 * infinities, it is the spacing at that number. 1 for `i8`; for `e2m1x2` the spacing of e2m1. NaN gives NaN.
 */
export function ulpOf(dtype: DType, value: number): number {
  if (Number.isNaN(value)) return Number.NaN;
  const { layout, max } = ELEMENT_FORMATS[dtype];
  if (layout === undefined) return 1;
  const exponent = binadeExponent(Math.min(Math.abs(value), max), layout.minExponent);
  return powerOfTwo(exponent - layout.mantissaBits);
}

/**
 * |actual - expected| in ulp of `expected`, where `actual` is a number of the dtype and `expected` any float64.
 * - NaN against NaN is 0, and NaN against anything else is Infinity. Where the dtype has no NaN, expecting NaN means
 *   expecting what NaN is encoded as (0 for i8, 6 for e2m1).
 * - +0 against -0 is 0; an infinity against itself is 0.
 * - Beyond the range of a saturating dtype, what is expected is its largest number.
 * - `actual` infinite against a finite `expected` counts as the first power of two beyond the range, as rounding does;
 *   `actual` finite against an infinite `expected` is Infinity.
 */
export function ulpError(dtype: DType, actual: number, expected: number): number {
  const format = ELEMENT_FORMATS[dtype];
  let target = expected;
  if (Number.isNaN(target)) {
    target = format.decode(format.encode(target));
    if (Number.isNaN(target)) return Number.isNaN(actual) ? 0 : Number.POSITIVE_INFINITY;
  }
  if (Number.isNaN(actual)) return Number.POSITIVE_INFINITY;
  if (format.overflow === 'saturate') target = Math.min(Math.max(target, format.min), format.max);
  if (actual === target) return 0;
  if (!Number.isFinite(target)) return Number.POSITIVE_INFINITY;
  const spacing = ulpOf(dtype, target);
  if (Number.isFinite(actual)) return Math.abs(actual - target) / spacing;
  // The code after the largest number would be max + its spacing. For f32, that and f64 `max` subtract exactly too.
  const beyond = format.max + ulpOf(dtype, format.max);
  const distance = Math.abs((actual > 0 ? beyond : -beyond) - target);
  // Expected values beyond the range round to infinity as well: infinity is then the right answer.
  return Math.abs(target) >= beyond && Math.sign(target) === Math.sign(actual) ? 0 : distance / spacing;
}

/** The element that is furthest from the reference, and by how much. `index` is -1 when there are no elements. */
export interface WorstUlpError {
  /** In ulp of the expected value; Infinity for a NaN or an infinity out of place. */
  readonly error: number;
  readonly index: number;
  readonly actual: number;
  readonly expected: number;
}

/**
 * Compares a tensor's bytes with float64 reference values, element by element (see `ulpError`).
 * Throws when the lengths differ. For the largest error alone, `maxUlpError` is shorter.
 */
export function worstUlpError(dtype: DType, bytes: Uint8Array, reference: ArrayLike<number>): WorstUlpError {
  const actual = decodeArray(dtype, bytes);
  if (actual.length !== reference.length) {
    throw new CrossoverError(
      `bytes hold ${actual.length} ${dtype} elements; the reference has ${reference.length}`,
    );
  }
  let worst: WorstUlpError = { error: 0, index: -1, actual: Number.NaN, expected: Number.NaN };
  for (let index = 0; index < actual.length; index++) {
    const error = ulpError(dtype, actual[index]!, reference[index]!);
    if (error > worst.error || worst.index < 0) {
      worst = { error, index, actual: actual[index]!, expected: reference[index]! };
    }
  }
  return worst;
}

/** The largest error of a tensor's bytes against float64 reference values, in ulp; 0 when there are no elements. */
export function maxUlpError(dtype: DType, bytes: Uint8Array, reference: ArrayLike<number>): number {
  return worstUlpError(dtype, bytes, reference).error;
}
