/**
 * @file RMSNorm, alone and behind a residual addition, and layer norm. RMSNorm is the package's reference: float64, rounded once at the end, or a
 * second time before the weight is multiplied, where the model does that.
 */
import { CrossoverError } from '../../errors.ts';
import { rmsNorm } from '../../tensor/reference/rms-norm.ts';
import { type Result, type Tensor, tensorText, type Unrounded } from './array.ts';
import type { Call, Implementation } from './call.ts';
import { roundAll } from './rounding.ts';

/** RMSNorm of x by the operands of a call, rounded to the dtype of its first output. */
export function normOf(call: Call, x: Tensor): Tensor {
  const dtype = call.dtype() ?? x.dtype;
  const hidden = rowOf(x);
  const weight = rowOperand(call, 'weight', hidden);
  const values = x.values.length === 0 ? new Float64Array(0) : normalized(call, x, weight);
  roundAll(values, dtype, call.precision);
  return { dtype, shape: x.shape, values };
}

function normalized(call: Call, x: Tensor, weight: Float64Array): Float64Array {
  const bias = call.number('weight_bias', 0);
  const epsilon = call.number('epsilon');
  // As rmsNormRounded: kernels are handed float32 numbers.
  const round = call.precision === 'float32' && x.dtype !== 'f64' ? Math.fround : (value: number) => value;
  if (!call.bool('cast_before_weight')) return rmsNorm(x.values, weight, round(epsilon), round(bias));
  const values = rmsNorm(x.values, new Float64Array(weight.length).fill(1), round(epsilon));
  roundAll(values, x.dtype, call.precision);
  return values.map((value, i) => value * (weight[i % weight.length]! + round(bias)));
}

/** x + y, both of the dtype and shape of x, rounded to it. */
export function addTo(call: Call, x: Tensor, y: Tensor): Tensor {
  if (y.dtype !== x.dtype || y.shape.length !== x.shape.length || y.shape.some((d, i) => d !== x.shape[i]))
    throw new CrossoverError(`residual is ${tensorText(y)}; it must be ${tensorText(x)}`);
  const values = x.values.map((value, i) => value + y.values[i]!);
  roundAll(values, x.dtype, call.precision);
  return { dtype: x.dtype, shape: x.shape, values };
}

function addRmsNorm(call: Call): readonly Result[] {
  const sum = addTo(call, call.tensor('x'), call.tensor('residual'));
  return [normOf(call, sum), sum];
}

/** Mean and variance (that of all, not of a sample) of each row. */
function layerNorm(call: Call): Unrounded {
  const x = call.tensor('x');
  const hidden = rowOf(x);
  const weight = rowOperand(call, 'weight', hidden);
  const bias = call.has('bias') ? rowOperand(call, 'bias', hidden) : undefined;
  const epsilon = call.number('epsilon');
  const values = new Float64Array(x.values.length);
  for (let start = 0; start < values.length; start += hidden) {
    const row = x.values.subarray(start, start + hidden);
    const mean = row.reduce((sum, value) => sum + value, 0) / hidden;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / hidden;
    const rstd = 1 / Math.sqrt(variance + epsilon);
    for (let i = 0; i < hidden; i++)
      values[start + i] = (row[i]! - mean) * rstd * weight[i]! + (bias?.[i] ?? 0);
  }
  return { shape: x.shape, values };
}

/** Elements of a row. */
export function rowOf({ shape, dtype }: Tensor): number {
  const hidden = shape.at(-1);
  if (hidden !== undefined) return hidden;
  throw new CrossoverError(`x is ${tensorText({ shape, dtype })}; it needs a dim at least`);
}

/** A number for each column; ones where the operand is absent. */
function rowOperand(call: Call, name: string, hidden: number): Float64Array {
  const tensor = call.tensorIf(name);
  if (!tensor) return new Float64Array(hidden).fill(1);
  if (tensor.shape.length === 1 && tensor.shape[0] === hidden) return tensor.values;
  throw new CrossoverError(`${name} is ${tensorText(tensor)}; it must be [${hidden}]`);
}

export const NORMS: Readonly<Record<string, Implementation>> = {
  rms_norm: (call) => normOf(call, call.tensor('x')),
  add_rms_norm: addRmsNorm,
  layer_norm: layerNorm,
};
