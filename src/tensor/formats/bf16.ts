/**
 * @file bf16: the upper half of an f32, 1 sign, 8 exponent and 7 mantissa bits; largest about 3.39e38, smallest normal
 * 2^-126, smallest subnormal 2^-133. Encoding rounds once, from float64, to nearest with ties to even; overflow goes to
 * infinity (from halfway between the largest number and 2^128 on); every NaN becomes the quiet NaN 0x7fc0, its sign dropped.
 */
import { decodeMagnitude, encodeMagnitude, type FloatLayout, isNegative } from './float-layout.ts';

export const BF16_LAYOUT: FloatLayout = {
  mantissaBits: 7,
  minExponent: -126,
  max: (2 - 2 ** -7) * 2 ** 127,
};

/** Bits of the quiet NaN that encoding writes. */
export const BF16_NAN = 0x7fc0;

const INFINITY_BITS = 0x7f80;
const OVERFLOW: number = (2 - 2 ** -8) * 2 ** 127;

/** The number that 16 bits stand for; exact. Every code with all exponent bits set and a mantissa is NaN. */
export function decodeBf16(bits: number): number {
  const code = bits & 0x7fff;
  if (code > INFINITY_BITS) return Number.NaN;
  const magnitude = code === INFINITY_BITS ? Number.POSITIVE_INFINITY : decodeMagnitude(code, BF16_LAYOUT);
  return (bits & 0x8000) === 0 ? magnitude : -magnitude;
}

/** Bits (0 to 0xffff) of the nearest bf16, ties to even. */
export function encodeBf16(value: number): number {
  if (Number.isNaN(value)) return BF16_NAN;
  const sign = isNegative(value) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  return sign | (magnitude >= OVERFLOW ? INFINITY_BITS : encodeMagnitude(magnitude, BF16_LAYOUT));
}
