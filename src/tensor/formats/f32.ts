/**
 * @file f32: IEEE 754 binary32, 1 sign, 8 exponent and 23 mantissa bits. JavaScript rounds to it by itself
 * (`Math.fround`, to nearest, ties to even); this file adds the bits, and one canonical NaN, 0x7fc00000.
 * Overflow goes to infinity, NaN loses its sign and payload when encoded.
 */
import type { FloatLayout } from './float-layout.ts';

export const F32_LAYOUT: FloatLayout = {
  mantissaBits: 23,
  minExponent: -126,
  max: (2 - 2 ** -23) * 2 ** 127,
};

/** Bits of the quiet NaN that encoding writes. */
export const F32_NAN = 0x7fc00000;

const view = new DataView(new ArrayBuffer(4));

/** The number that 32 bits (as an unsigned or signed integer) stand for; exact. */
export function decodeF32(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

/** Unsigned 32 bits of the nearest f32, ties to even. */
export function encodeF32(value: number): number {
  if (Number.isNaN(value)) return F32_NAN;
  view.setFloat32(0, value);
  return view.getUint32(0);
}
