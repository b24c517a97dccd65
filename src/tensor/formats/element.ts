/**
 * @file One element of any dtype, as a table: how it is encoded and decoded, and what it does beyond its range.
 * Code that handles many elements uses array.ts; code that handles any dtype, one number at a time, starts here.
 */
import type { DType } from '../dtype.ts';
import { BF16_LAYOUT, decodeBf16, encodeBf16 } from './bf16.ts';
import { decodeE2m1, E2M1_LAYOUT, encodeE2m1 } from './e2m1.ts';
import { decodeF8e4m3, encodeF8e4m3, F8E4M3_LAYOUT } from './f8e4m3.ts';
import { decodeF16, encodeF16, F16_LAYOUT } from './f16.ts';
import { decodeF32, encodeF32, F32_LAYOUT } from './f32.ts';
import type { FloatLayout } from './float-layout.ts';
import { decodeI8, encodeI8 } from './i8.ts';

/** How single numbers of a dtype are written. For `e2m1x2` an element is one e2m1 number, half a byte. */
export interface ElementFormat {
  /** Bits of the nearest number the dtype has, ties to even. */
  readonly encode: (value: number) => number;
  /** The number that the bits stand for. */
  readonly decode: (bits: number) => number;
  /** Absent for integers. */
  readonly layout: FloatLayout | undefined;
  /** Smallest and largest finite number. */
  readonly min: number;
  readonly max: number;
  /** What becomes of numbers beyond the range: `infinity`, or `saturate` for the nearest finite number. */
  readonly overflow: 'infinity' | 'saturate';
}

function float(
  layout: FloatLayout,
  overflow: 'infinity' | 'saturate',
  encode: (value: number) => number,
  decode: (bits: number) => number,
): ElementFormat {
  return { encode, decode, layout, min: -layout.max, max: layout.max, overflow };
}

/** The format of an element of each dtype. */
export const ELEMENT_FORMATS: Readonly<Record<DType, ElementFormat>> = {
  f32: float(F32_LAYOUT, 'infinity', encodeF32, decodeF32),
  f16: float(F16_LAYOUT, 'infinity', encodeF16, decodeF16),
  bf16: float(BF16_LAYOUT, 'infinity', encodeBf16, decodeBf16),
  f8e4m3: float(F8E4M3_LAYOUT, 'saturate', encodeF8e4m3, decodeF8e4m3),
  e2m1x2: float(E2M1_LAYOUT, 'saturate', encodeE2m1, decodeE2m1),
  i8: { encode: encodeI8, decode: decodeI8, layout: undefined, min: -128, max: 127, overflow: 'saturate' },
};

/** The number of the dtype nearest to a value: decode(encode(value)). */
export function roundToDType(dtype: DType, value: number): number {
  const { encode, decode } = ELEMENT_FORMATS[dtype];
  return decode(encode(value));
}
