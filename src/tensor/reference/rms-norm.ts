/**
 * @file RMSNorm: each row divided by its root mean square, times a weight for each column.
 *
 *     rstd = 1 / sqrt(mean(x^2) + epsilon)
 *     y = (x * rstd) * (weight + weightBias)
 *
 * `weightBias` is 0, or 1 for models that store weight - 1 (Gemma). Two roundings to the dtype are in use:
 *
 *     round(x * rstd * (weight + weightBias))            torch's rms_norm, Gemma
 *     round(round(x * rstd) * (weight + weightBias))     castBeforeWeight: Hugging Face's LlamaRMSNorm, vLLM's kernels
 */
import { CrossoverError } from '../../errors.ts';
import type { ReducibleDType } from '../dtype.ts';
import { roundArray } from '../formats/array.ts';
import { roundToDType } from '../formats/element.ts';
import { tokenCount } from './ranks.ts';

/**
 * RMSNorm in float64, with no rounding in between.
 * @param x [tokens, hidden]
 * @param weight [hidden]
 * @param epsilon 0 or more; a row of zeros with epsilon 0 gives NaN
 * @returns [tokens, hidden]
 * @throws when x has no whole rows, or epsilon is negative or not finite
 */
export function rmsNorm(
  x: Float64Array,
  weight: Float64Array,
  epsilon: number,
  weightBias = 0,
): Float64Array {
  const hidden = weight.length;
  const tokens = tokenCount(x.length, hidden, 'x');
  if (!(epsilon >= 0 && epsilon < Number.POSITIVE_INFINITY)) {
    throw new CrossoverError(`epsilon is ${epsilon}; use a finite number, 0 or more`);
  }
  const y = new Float64Array(x.length);
  for (let token = 0; token < tokens; token++) {
    const row = token * hidden;
    let squares = 0;
    for (let i = 0; i < hidden; i++) squares += x[row + i]! * x[row + i]!;
    const rstd = 1 / Math.sqrt(squares / hidden + epsilon);
    for (let i = 0; i < hidden; i++) y[row + i] = x[row + i]! * rstd * (weight[i]! + weightBias);
  }
  return y;
}

/**
 * RMSNorm as a kernel is meant to round it: computed precisely and rounded once, at the end, to the dtype; with `castBeforeWeight`
 * before the weight, too, by which f32 is no different.
 * Kernels compute the inside in float32, so they come within an ulp or two of this, not always to the same bits; what they
 * make of a number once it is cast is `weighCast`, bit for bit.
 * `epsilon` and `weightBias` are taken as the float32 numbers that kernels are handed.
 * @param x [tokens, hidden], numbers of the dtype
 * @param weight [hidden], numbers of the dtype
 * @returns [tokens, hidden], numbers of the dtype
 */
export function rmsNormRounded(
  x: Float64Array,
  weight: Float64Array,
  epsilon: number,
  weightBias: number,
  dtype: ReducibleDType,
  castBeforeWeight = false,
): Float64Array {
  const [e, bias] = [Math.fround(epsilon), Math.fround(weightBias)];
  if (!castBeforeWeight || dtype === 'f32') return roundArray(dtype, rmsNorm(x, weight, e, bias));
  const cast = roundArray(dtype, rmsNorm(x, new Float64Array(weight.length).fill(1), e));
  return cast.map((value, i) => weighCast(value, weight[i % weight.length]!, bias, dtype));
}

/** What `castBeforeWeight` makes of x * rstd, once that is a number of the dtype: weight + bias and the product in float32, then rounded. */
export function weighCast(value: number, weight: number, weightBias: number, dtype: ReducibleDType): number {
  return roundToDType(dtype, Math.fround(value * Math.fround(weight + Math.fround(weightBias))));
}
