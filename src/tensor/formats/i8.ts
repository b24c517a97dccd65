/**
 * @file i8: two's complement, -128 to 127. Encoding rounds once to the nearest whole number, ties to even, and saturates at
 * both ends, infinities included; NaN becomes 0. The scale of per-token quantization is amax / 127, so its codes stay within
 * -127 to 127 and -128 comes only from values that someone else scaled.
 */

/** 1.5 * 2^52: adding and subtracting it rounds a small float64 of either sign to a whole number, ties to even. */
const TO_WHOLE = 6755399441055744;

/** The number that the low 8 bits stand for, read as two's complement. */
export function decodeI8(bits: number): number {
  return (bits << 24) >> 24;
}

/** Bits (0 to 0xff) of the nearest whole number, ties to even, saturating at -128 and 127. */
export function encodeI8(value: number): number {
  if (Number.isNaN(value)) return 0;
  const clamped = Math.min(Math.max(value, -128), 127);
  return (clamped + TO_WHOLE - TO_WHOLE) & 0xff;
}
