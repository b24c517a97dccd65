/**
 * @file f16: IEEE 754 binary16, 1 sign, 5 exponent and 10 mantissa bits; largest 65504, smallest normal 2^-14,
 * smallest subnormal 2^-24. Encoding rounds once, from float64, to nearest with ties to even; overflow goes to infinity
 * (from 65520 on, halfway between the largest number and 2^16); every NaN becomes the quiet NaN 0x7e00, its sign dropped.
 */
import { decodeMagnitude, encodeMagnitude, type FloatLayout, isNegative } from './float-layout.ts';

export const F16_LAYOUT: FloatLayout = { mantissaBits: 10, minExponent: -14, max: 65504 };

/** Bits of the quiet NaN that encoding writes. */
export const F16_NAN = 0x7e00;

const INFINITY_BITS = 0x7c00;
const OVERFLOW = 65520;

/** The number that 16 bits stand for; exact. Every code with all exponent bits set and a mantissa is NaN. */
export function decodeF16(bits: number): number {
  const code = bits & 0x7fff;
  if (code > INFINITY_BITS) return Number.NaN;
  const magnitude = code === INFINITY_BITS ? Number.POSITIVE_INFINITY : decodeMagnitude(code, F16_LAYOUT);
  return (bits & 0x8000) === 0 ? magnitude : -magnitude;
}

/** Bits (0 to 0xffff) of the nearest f16, ties to even. */
export function encodeF16(value: number): number {
  if (Number.isNaN(value)) return F16_NAN;
  const sign = isNegative(value) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  return sign | (magnitude >= OVERFLOW ? INFINITY_BITS : encodeMagnitude(magnitude, F16_LAYOUT));
}
