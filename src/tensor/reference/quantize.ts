/**
 * @file What a fused operation writes beside its plain output: the same numbers in 8 or 4 bits, and their scales.
 *
 *     f8e4m3_static   f8e4m3(x / scale), the caller's scale for the whole tensor
 *     f8e4m3_token    f8e4m3(x / s), s = amax(row) / 448
 *     i8_token        i8(x / s), s = amax(row) / 127
 *     nvfp4           see nvfp4.ts
 *
 * Nothing divides by 0: the scale of a row of zeros is 1, and one that underflows is the smallest float32, 2^-149.
 * NaN in a row makes its scale NaN, so that what is dequantized shows it; an infinity makes the scale infinite.
 */
import type { Quantization } from '../../operations.ts';
import type { DType } from '../dtype.ts';
import { encodeArray } from '../formats/array.ts';
import { ELEMENT_FORMATS } from '../formats/element.ts';
import { quantizeNvfp4 } from './nvfp4.ts';
import { checkScale, tokenCount } from './ranks.ts';

/** A quantized tensor, as the bytes a kernel writes and as the numbers they stand for. */
export interface Quantized {
  /** `f8e4m3`, `i8`, or `e2m1x2` with two elements a byte. */
  readonly dtype: DType;
  /** Codes, [tokens, hidden] elements. */
  readonly bytes: Uint8Array;
  /** `f32` for scales of tokens and tensors, `f8e4m3` for NVFP4 blocks. */
  readonly scaleDtype: 'f32' | 'f8e4m3';
  /** [1] for `f8e4m3_static` (the caller's), [tokens] for a scale a token, [tokens, hidden / 16] for `nvfp4`. */
  readonly scales: Float64Array;
  /** `scales` encoded in `scaleDtype`. */
  readonly scaleBytes: Uint8Array;
  /** [tokens, hidden] numbers that codes and scales stand for, in float64. */
  readonly dequantized: Float64Array;
}

const SMALLEST_F32: number = 2 ** -149;

/** Everything but `none`. */
export type QuantizedFormat = Exclude<Quantization, 'none'>;

/**
 * Quantizes in float64: scales are not rounded (but for NVFP4's block scales, which are f8e4m3 by definition),
 * and codes are rounded once.
 * @param x [tokens, hidden]
 * @param scale positive and finite: the scale of `f8e4m3_static`, the global scale of `nvfp4`; the others ignore it
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
 * Quantizes in float32 arithmetic, as kernels do: every operation (amax / 448, x / scale, ...) is correctly rounded to
 * float32 before the code is. Kernels that divide get these bits; those that multiply by a reciprocal differ from them by
 * one code near ties.
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
      return quantizeRows(x, 'f8e4m3', x.length, Float64Array.of(checkScale(scale, 'scale', round)), round);
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
    const scale = round(amax / largest);
    return scale === 0 ? SMALLEST_F32 : scale;
  });
}

/** Divides runs of `width` elements by one scale each, and encodes. */
function quantizeRows(
  x: Float64Array,
  dtype: 'f8e4m3' | 'i8',
  width: number,
  scales: Float64Array,
  round: (value: number) => number,
): Quantized {
  const { encode, decode } = ELEMENT_FORMATS[dtype];
  const bytes = new Uint8Array(x.length);
  const dequantized = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const scale = scales[Math.floor(i / width)]!;
    bytes[i] = encode(round(x[i]! / scale));
    dequantized[i] = decode(bytes[i]!) * scale;
  }
  return { dtype, bytes, scaleDtype: 'f32', scales, scaleBytes: encodeArray('f32', scales), dequantized };
}
