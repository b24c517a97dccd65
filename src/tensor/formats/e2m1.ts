/**
 * @file e2m1: the OCP 4-bit format (FP4), 1 sign, 2 exponent and 1 mantissa bit: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
 * It has neither infinities nor NaN. Encoding rounds once, from float64, to nearest with ties to the even mantissa (2.5 to 2,
 * 3.5 to 4, 5 to 4), and saturates at +-6. NaN becomes +6 (0x7), as PTX `cvt.rn.satfinite.e2m1x2` gives.
 * In memory two values share a byte: see `packE2m1`.
 */
import { decodeMagnitude, encodeMagnitude, type FloatLayout, isNegative } from './float-layout.ts';

export const E2M1_LAYOUT: FloatLayout = { mantissaBits: 1, minExponent: 0, max: 6 };

/** What NaN is encoded as: the code of +6. */
export const E2M1_NAN = 0x7;

/** The number that the low 4 bits stand for; exact. */
export function decodeE2m1(bits: number): number {
  const magnitude = decodeMagnitude(bits & 0x7, E2M1_LAYOUT);
  return (bits & 0x8) === 0 ? magnitude : -magnitude;
}

/** Bits (0 to 0xf) of the nearest e2m1, ties to even, saturating at +-6. */
export function encodeE2m1(value: number): number {
  if (Number.isNaN(value)) return E2M1_NAN;
  const sign = isNegative(value) ? 0x8 : 0;
  return sign | encodeMagnitude(Math.min(Math.abs(value), E2M1_LAYOUT.max), E2M1_LAYOUT);
}

/** One byte of `e2m1x2`: the code with the lower index in the low nibble. */
export function packE2m1(first: number, second: number): number {
  return (first & 0xf) | ((second & 0xf) << 4);
}
