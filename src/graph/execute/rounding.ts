/**
 * @file Numbers brought into a dtype: floating point to nearest, ties to even; whole numbers truncated, and wrapped around as torch's do; truth values
 * 0 or 1. 8-bit floats are the package's: f8e4m3 saturates; f8e5m2, which it lacks, goes to infinity beyond its range.
 */
import { CrossoverError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import { roundToDType } from '../../tensor/formats/element.ts';
import {
  decodeMagnitude,
  encodeMagnitude,
  type FloatLayout,
  isNegative,
} from '../../tensor/formats/float-layout.ts';
import type { GraphDType } from '../ir/type.ts';

/** `float64`: values of f32, f16 and bf16 are not rounded, so that graphs can be compared free of rounding. */
export type Precision = 'float32' | 'float64';

export const F8E5M2_LAYOUT: FloatLayout = { mantissaBits: 2, minExponent: -14, max: 57344 };

/** Code of infinity; those above it are NaN. */
const F8E5M2_INFINITY = 0x7c;

/** The number that 8 bits of f8e5m2 stand for. */
export function decodeF8e5m2(bits: number): number {
  const code = bits & 0x7f;
  if (code > F8E5M2_INFINITY) return Number.NaN;
  const magnitude =
    code === F8E5M2_INFINITY ? Number.POSITIVE_INFINITY : decodeMagnitude(code, F8E5M2_LAYOUT);
  return (bits & 0x80) === 0 ? magnitude : -magnitude;
}

function roundF8e5m2(value: number): number {
  if (!Number.isFinite(value)) return value;
  const code = Math.min(encodeMagnitude(Math.abs(value), F8E5M2_LAYOUT), F8E5M2_INFINITY);
  return decodeF8e5m2(code | (isNegative(value) ? 0x80 : 0));
}

interface IntegerFormat {
  readonly bits: number;
  readonly signed: boolean;
}

const INTEGERS: Partial<Record<GraphDType, IntegerFormat>> = {
  i64: { bits: 64, signed: true },
  i32: { bits: 32, signed: true },
  i16: { bits: 16, signed: true },
  i8: { bits: 8, signed: true },
  u64: { bits: 64, signed: false },
  u32: { bits: 32, signed: false },
  u16: { bits: 16, signed: false },
  u8: { bits: 8, signed: false },
};

/** Bits of a whole number of the dtype; undefined for everything else, truth values included. */
export function integerBits(dtype: GraphDType | undefined): number | undefined {
  return dtype === undefined ? undefined : INTEGERS[dtype]?.bits;
}

function toInteger(value: number, dtype: GraphDType, { bits, signed }: IntegerFormat): number {
  // Adding 0 makes 0 of -0.
  const whole = Math.trunc(value) + 0;
  if (!Number.isFinite(whole)) throw new CrossoverError(`${value} is no ${dtype}`);
  if (bits === 64) {
    if (Number.isSafeInteger(whole) && (signed || whole >= 0)) return whole;
    throw new CrossoverError(
      `${value} is no ${dtype} that the reference executor holds; it computes whole numbers up to 2^53`,
    );
  }
  const span = 2 ** bits;
  const low = whole - Math.floor(whole / span) * span;
  return signed && low >= span / 2 ? low - span : low;
}

function rounderOf(dtype: GraphDType, precision: Precision): ((value: number) => number) | undefined {
  switch (dtype) {
    case 'f64':
    case 'e2m1x2':
      return undefined;
    case 'f32':
      return precision === 'float32' ? Math.fround : undefined;
    case 'f16':
    case 'bf16':
      return precision === 'float32' ? packageRounder(dtype) : undefined;
    case 'f8e4m3':
      return packageRounder(dtype);
    case 'f8e5m2':
      return roundF8e5m2;
    case 'bool':
      return (value) => (value === 0 ? 0 : 1);
    default: {
      const format = INTEGERS[dtype];
      if (format) return (value) => toInteger(value, dtype, format);
      throw new CrossoverError(`the reference executor has no ${dtype}`);
    }
  }
}

function packageRounder(dtype: DType): (value: number) => number {
  return (value) => roundToDType(dtype, value);
}

/** Rounds in place. @throws CrossoverError for a number that a whole-number dtype cannot be made of, and for dtypes the executor lacks */
export function roundAll(values: Float64Array, dtype: GraphDType, precision: Precision): void {
  if (dtype === 'f32' && precision === 'float32') {
    // By far the most frequent: without a call an element.
    for (let i = 0; i < values.length; i++) values[i] = Math.fround(values[i]!);
    return;
  }
  const round = rounderOf(dtype, precision);
  if (!round) return;
  for (let i = 0; i < values.length; i++) values[i] = round(values[i]!);
}

/** One number, rounded. */
export function roundNumber(value: number, dtype: GraphDType, precision: Precision): number {
  const round = rounderOf(dtype, precision);
  return round ? round(value) : value;
}
