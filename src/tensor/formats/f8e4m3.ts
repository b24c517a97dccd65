/**
 * @file f8e4m3: the OCP 8-bit format E4M3 ("E4M3FN"), 1 sign, 4 exponent and 3 mantissa bits; largest 448, smallest normal
 * 2^-6, smallest subnormal 2^-9. It has no infinities; 0x7f and 0xff are NaN. Encoding rounds once, from float64, to nearest
 * with ties to even, and saturates: whatever exceeds 448, infinities included, becomes +-448, as PTX `cvt.rn.satfinite.e4m3x2`
 * does. Every NaN becomes 0x7f, its sign dropped.
 */
import { decodeMagnitude, encodeMagnitude, type FloatLayout, isNegative } from './float-layout.ts';

export const F8E4M3_LAYOUT: FloatLayout = { mantissaBits: 3, minExponent: -6, max: 448 };

/** Bits of the NaN that encoding writes. */
export const F8E4M3_NAN = 0x7f;

/** The number that 8 bits stand for; exact. */
export function decodeF8e4m3(bits: number): number {
  const code = bits & 0x7f;
  if (code === F8E4M3_NAN) return Number.NaN;
  const magnitude = decodeMagnitude(code, F8E4M3_LAYOUT);
  return (bits & 0x80) === 0 ? magnitude : -magnitude;
}

/** Bits (0 to 0xff) of the nearest f8e4m3, ties to even, saturating at +-448. */
export function encodeF8e4m3(value: number): number {
  if (Number.isNaN(value)) return F8E4M3_NAN;
  const sign = isNegative(value) ? 0x80 : 0;
  return sign | encodeMagnitude(Math.min(Math.abs(value), F8E4M3_LAYOUT.max), F8E4M3_LAYOUT);
}
