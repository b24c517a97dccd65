/**
 * @file Operations in which ranks meet: the package's references. Sums are accumulated in rank order, in float32 (float64, when nothing is rounded),
 * and rounded once to the dtype.
 */
import { CrossoverError } from '../../errors.ts';
import { QUANTIZATIONS, REDUCE_OPS, type ReduceOp } from '../../operations.ts';
import { allReduce, allReduceRounded } from '../../tensor/reference/all-reduce.ts';
import { contiguousStrides } from '../ir/weight.ts';
import { copyStrided, dimOf, type Result, type Tensor, tensorText } from './array.ts';
import type { Call, CollectiveImplementation } from './call.ts';
import { addTo, normOf } from './norms.ts';
import { quantized } from './quantize.ts';
import { integerBits, roundAll } from './rounding.ts';
import { concatenated } from './shapes.ts';

/** x of every rank. @throws CrossoverError when they differ in shape or dtype */
function tensorsOf(calls: readonly Call[]): Tensor[] {
  const xs = calls.map((call) => call.tensor('x'));
  const texts = new Set(xs.map(tensorText));
  if (texts.size > 1)
    throw new CrossoverError(`ranks give ${[...texts].join(' and ')}; all must give the same`);
  return xs;
}

/** What all ranks hold afterwards. */
function reduced(calls: readonly Call[], by: ReduceOp): Tensor {
  const [call, xs] = [calls[0]!, tensorsOf(calls)];
  const { dtype, shape } = xs[0]!;
  const inputs = xs.map(({ values }) => values);
  // Whole numbers and truth values are summed as they are; the executor's own dtype f64 is the reference's float64.
  const isExact = call.precision === 'float64' || dtype === 'f64' || dtype === 'bool' || integerBits(dtype);
  // f32 is what sums are accumulated in: rounding to it changes nothing, so the only rounding to the dtype is the one below.
  const values = isExact ? allReduce(inputs, by) : allReduceRounded(inputs, by, 'f32');
  roundAll(values, dtype, call.precision);
  return { dtype, shape, values };
}

function reduceOf(call: Call): ReduceOp {
  return oneOf(REDUCE_OPS, call.text('reduce', 'sum'), 'reduce');
}

function oneOf<T extends string>(all: readonly T[], text: string, field: string): T {
  const found = all.find((one) => one === text);
  if (found !== undefined) return found;
  throw new CrossoverError(`${field} is "${text}"; use one of ${all.join(', ')}`);
}

function toAll(calls: readonly Call[], result: Result): Result[][] {
  return calls.map(() => [result]);
}

function allGather(calls: readonly Call[]): Result[][] {
  const xs = tensorsOf(calls);
  return toAll(calls, { ...concatenated(xs, calls[0]!.int('dim', 0)), dtype: xs[0]!.dtype });
}

function reduceScatter(calls: readonly Call[]): Result[][] {
  const call = calls[0]!;
  const { dtype, shape, values } = reduced(calls, reduceOf(call));
  const dim = dimOf(call.int('dim', 0), shape.length);
  const size = (shape[dim] ?? 1) / calls.length;
  if (shape.length === 0 || !Number.isInteger(size))
    throw new CrossoverError(
      `dim ${dim} of [${shape.join(', ')}] is not a multiple of ${calls.length}, one equal part a rank`,
    );
  const strides = contiguousStrides(shape);
  const part = shape.with(dim, size);
  return calls.map((_, rank) => [
    { dtype, shape: part, values: copyStrided(values, part, strides, rank * size * strides[dim]!) },
  ]);
}

function broadcast(calls: readonly Call[]): Result[][] {
  const root = calls[0]!.int('root', 0);
  const x = tensorsOf(calls)[root];
  if (!x) throw new CrossoverError(`root is ${root}; use a rank of those who meet, 0 to ${calls.length - 1}`);
  return toAll(calls, x);
}

/** What the unfused sequence gives, with each of its roundings. */
function allReduceRmsNorm(calls: readonly Call[]): (readonly Result[])[] {
  const whole = reduced(calls, 'sum');
  return calls.map((call) => {
    const residual = call.tensorIf('residual');
    const sum = residual ? addTo(call, whole, residual) : whole;
    const norm = normOf(call, sum);
    const format = oneOf(QUANTIZATIONS, call.text('quantization', 'none'), 'quantization');
    return format === 'none' ? [norm, sum] : [norm, sum, ...quantized(call, norm, format)];
  });
}

export const COLLECTIVES: Readonly<Record<string, CollectiveImplementation>> = {
  all_reduce: (calls) => toAll(calls, reduced(calls, reduceOf(calls[0]!))),
  all_gather: allGather,
  reduce_scatter: reduceScatter,
  broadcast,
  all_reduce_rms_norm: allReduceRmsNorm,
};
