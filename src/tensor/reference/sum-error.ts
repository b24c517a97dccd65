/**
 * @file How far a correct sum may be from the float64 one, whatever the order of its additions: what to hold algorithms
 * against that promise no order (NCCL, in-switch reduction). An error in ulp of the result would be useless there, since
 * terms that cancel leave a result far smaller than the rounding of the partial sums.
 * Higham, Accuracy and Stability of Numerical Algorithms, 4.2: |error| <= gamma(n - 1) * sum |x|, gamma(k) = k u / (1 - k u).
 */
import type { ReducibleDType } from '../dtype.ts';
import { ELEMENT_FORMATS } from '../formats/element.ts';
import { ulpOf } from '../ulp.ts';
import { checkRanks } from './ranks.ts';

/**
 * Bound on |computed - exact| of a sum (or average) over ranks, element by element.
 * @param inputs one array a rank, all of n finite elements
 * @param dtype what the result is rounded to
 * @param accumulator what partial sums are rounded to: `f32`, or the dtype itself for algorithms that pass partial sums on in it
 * @returns n bounds, in the unit of the elements; half an ulp of the result for the final rounding is included
 */
export function sumErrorBound(
  inputs: readonly Float64Array[],
  op: 'sum' | 'avg',
  dtype: ReducibleDType,
  accumulator: ReducibleDType = 'f32',
): Float64Array {
  const count = checkRanks(inputs);
  const unit = 2 ** -(ELEMENT_FORMATS[accumulator].layout!.mantissaBits + 1);
  // An average rounds once more: after the division, or after each input was divided.
  const roundings = inputs.length - (op === 'avg' ? 0 : 1);
  const gamma = (roundings * unit) / (1 - roundings * unit);
  const divisor = op === 'avg' ? inputs.length : 1;
  // Additions do not underflow, divisions may: each by half the smallest subnormal.
  const underflow = op === 'avg' ? (inputs.length * ulpOf(accumulator, 0)) / 2 : 0;
  const bounds = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    let magnitude = 0;
    for (const input of inputs) {
      sum += input[i]!;
      magnitude += Math.abs(input[i]!);
    }
    const accumulated = (gamma * magnitude) / divisor + underflow;
    bounds[i] = accumulated + ulpOf(dtype, Math.abs(sum) / divisor + accumulated) / 2;
  }
  return bounds;
}
