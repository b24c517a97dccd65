/**
 * @file What a fused operation writes beside its plain output: the same numbers in 8 or 4 bits, and their scales.
 *
 *     f8e4m3_static   f8e4m3(x * (1 / scale)), the caller's scale for the whole tensor, 2^-126 or more
 *     f8e4m3_token    f8e4m3(x * (1 / s)), s = max(amax(row) / 448, 2^-126)
 *     i8_token        i8(x * (1 / s)), s = max(amax(row) / 127, 2^-126)
 *     nvfp4           see nvfp4.ts
 *
 * As in vLLM, a scale is inverted once and values are multiplied: that is an instruction an element on a GPU, where a division is ten.
 * The scale of a row of zeros is 1. No scale is less than 2^-126, so that its reciprocal is finite and zeros stay zeros.
 * NaN in a row makes its scale NaN, so that what is dequantized shows it. An infinity makes the scale infinite and the reciprocal 0: finite
 * values have code 0, infinities that of NaN.
 */
import { CrossoverError } from '../../errors.ts';
import { type Quantization, SMALLEST_SCALE } from '../../operations.ts';
import { encodeArray } from '../formats/array.ts';
import { ELEMENT_FORMATS } from '../formats/element.ts';
import { quantizeNvfp4 } from './nvfp4.ts';
import type { Quantized } from './quantized.ts';
import { checkScale, tokenCount } from './ranks.ts';

/** Everything but `none`. */
export type QuantizedFormat = Exclude<Quantization, 'none'>;

/**
 * Quantizes in float64: scales are not rounded (but for NVFP4's block scales, which are f8e4m3 by definition),
 * and codes are rounded once.
 * @param x [tokens, hidden]
 * @param scale positive and finite: the scale of `f8e4m3_static` (2^-126 or more), the global scale of `nvfp4`; the others ignore it
 * @throws when x has no whole rows, nvfp4 meets a hidden that 16 does not divide, or the scale is missing or bad
 */
export function quantize(
  x: Float64Array,
  hidden: number,
  format: QuantizedFormat,
  scale?: number,
): Quantized {
  return quantizeWith(x, hidden, format, scale, (value) => value);
}

/**
 * Quantizes in float32 arithmetic, as kernels do: every result (amax / 448, 1 / scale, x * inverse, ...) is correctly
 * rounded to float32 before the code is. Kernels give these bits.
 */
export function quantizeRounded(
  x: Float64Array,
  hidden: number,
  format: QuantizedFormat,
  scale?: number,
): Quantized {
  return quantizeWith(x, hidden, format, scale, Math.fround);
}

function quantizeWith(
  x: Float64Array,
  hidden: number,
  format: QuantizedFormat,
  scale: number | undefined,
  round: (value: number) => number,
): Quantized {
  const tokens = tokenCount(x.length, hidden, 'x');
  switch (format) {
    case 'f8e4m3_static':
      return quantizeRows(x, 'f8e4m3', x.length, Float64Array.of(invertible(scale, round)), round);
    case 'f8e4m3_token':
      return quantizeRows(x, 'f8e4m3', hidden, tokenScales(x, tokens, hidden, 448, round), round);
    case 'i8_token':
      return quantizeRows(x, 'i8', hidden, tokenScales(x, tokens, hidden, 127, round), round);
    case 'nvfp4':
      return quantizeNvfp4(x, hidden, scale, round);
    default:
      return format satisfies never;
  }
}

function tokenScales(
  x: Float64Array,
  tokens: number,
  hidden: number,
  largest: number,
  round: (value: number) => number,
): Float64Array {
  return Float64Array.from({ length: tokens }, (_, token) => {
    let amax = 0;
    for (let i = token * hidden; i < (token + 1) * hidden; i++) amax = Math.max(amax, Math.abs(x[i]!));
    if (amax === 0) return 1;
    return Math.max(round(amax / largest), SMALLEST_SCALE);
  });
}

/** The caller's scale, rounded. Throws when it is not finite, or so small that its reciprocal may not be. */
function invertible(scale: number | undefined, round: (value: number) => number): number {
  const rounded = checkScale(scale, 'scale', round);
  if (rounded >= SMALLEST_SCALE) return rounded;
  throw new CrossoverError(`scale is ${scale}; f8e4m3_static needs 2^-126 or more`);
}

/** Multiplies runs of `width` elements by the reciprocal of one scale each, and encodes. */
function quantizeRows(
  x: Float64Array,
  dtype: 'f8e4m3' | 'i8',
  width: number,
  scales: Float64Array,
  round: (value: number) => number,
): Quantized {
  const { encode, decode } = ELEMENT_FORMATS[dtype];
  const inverses = scales.map((scale) => round(1 / scale));
  const bytes = new Uint8Array(x.length);
  const dequantized = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const run = Math.floor(i / width);
    bytes[i] = encode(round(x[i]! * inverses[run]!));
    dequantized[i] = decode(bytes[i]!) * scales[run]!;
  }
  return { dtype, bytes, scaleDtype: 'f32', scales, scaleBytes: encodeArray('f32', scales), dequantized };
}
