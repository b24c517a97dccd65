/**
 * @file Operations that move numbers and compute none: shapes, slices, and what is made of nothing.
 */
import { CrossoverError } from '../../errors.ts';
import { elementCount } from '../../tensor/shape.ts';
import { contiguousStrides } from '../ir/weight.ts';
import { copyStrided, dimOf, lanesOf, permuted, type Result, type Tensor, zeros } from './array.ts';
import type { Call, Implementation } from './call.ts';

function reshape(call: Call): Result {
  const { dtype, shape, values } = call.tensor('x');
  return { dtype, shape: reshaped(shape, call.ints('shape')), values };
}

/** The shape with its -1 filled in. */
function reshaped(from: readonly number[], to: readonly number[]): number[] {
  const count = elementCount(from);
  const open = to.indexOf(-1);
  const rest = elementCount(
    to.filter((_, i) => i !== open),
    'shape',
  );
  const shape = [...to];
  // Of nothing, with a 0 among the other dims, -1 could be anything.
  if (open >= 0 && rest > 0) shape[open] = count / rest;
  if (shape.every((size) => Number.isInteger(size) && size >= 0) && elementCount(shape) === count)
    return shape;
  throw new CrossoverError(`[${from.join(', ')}] has ${count} elements; shape [${to.join(', ')}] has not`);
}

function permute(call: Call): Result {
  const x = call.tensor('x');
  const dims = call.ints('dims').map((dim) => dimOf(dim, x.shape.length, 'dims'));
  if (dims.length !== x.shape.length || new Set(dims).size !== dims.length) {
    throw new CrossoverError(
      `dims are [${call.ints('dims').join(', ')}]; name each of ${x.shape.length} dims once`,
    );
  }
  return { ...permuted(x, dims), dtype: x.dtype };
}

function expand(call: Call): Result {
  const x = call.tensor('x');
  const asked = call.ints('shape');
  const strides = contiguousStrides(x.shape);
  const ahead = asked.length - x.shape.length;
  const refuse = (): never => {
    throw new CrossoverError(`[${x.shape.join(', ')}] cannot be expanded to [${asked.join(', ')}]`);
  };
  if (ahead < 0) refuse();
  const shape = asked.map((size, i) => {
    const own = x.shape[i - ahead];
    if (size === -1) return own ?? refuse();
    return own === undefined || own === 1 || own === size ? size : refuse();
  });
  const repeated = shape.map((size, i) => (x.shape[i - ahead] === size ? strides[i - ahead]! : 0));
  return { dtype: x.dtype, shape, values: copyStrided(x.values, shape, repeated) };
}

function slice(call: Call): Result {
  const x = call.tensor('x');
  const dim = needDim(x, call.int('dim'));
  const step = call.int('step', 1);
  if (step === 0) throw new CrossoverError('step is 0; use any other whole number');
  const size = x.shape[dim]!;
  // As Python does: a step backwards may end before the first element, which is -1 then.
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamped = (position: number): number =>
    Math.min(Math.max(position < 0 ? position + size : position, low), high);
  const start = clamped(call.int('start', step > 0 ? 0 : size));
  // -Infinity stays before the first element, where -1 would be the last one.
  const end = clamped(call.number('end', step > 0 ? size : -Infinity));
  const count = Math.max(0, Math.ceil((end - start) / step));
  const strides = contiguousStrides(x.shape);
  const shape = x.shape.with(dim, count);
  const offset = start * strides[dim]!;
  const values = copyStrided(x.values, shape, strides.with(dim, strides[dim]! * step), offset);
  return { dtype: x.dtype, shape, values };
}

function select(call: Call): Result {
  const x = call.tensor('x');
  const dim = needDim(x, call.int('dim'));
  const index = call.int('index');
  const size = x.shape[dim]!;
  const at = index < 0 ? index + size : index;
  if (at < 0 || at >= size) throw new CrossoverError(`index is ${index}; the dim has ${size} elements`);
  const strides = contiguousStrides(x.shape);
  const shape = x.shape.toSpliced(dim, 1);
  const values = copyStrided(x.values, shape, strides.toSpliced(dim, 1), at * strides[dim]!);
  return { dtype: x.dtype, shape, values };
}

/** A dim that is there: unlike sums, slices take none of a tensor without dims. */
function needDim(x: Tensor, dim: number): number {
  if (x.shape.length > 0) return dimOf(dim, x.shape.length);
  throw new CrossoverError('x has no dims');
}

/** Tensors one behind the other along a dim. @throws CrossoverError when other dims differ */
export function concatenated(
  xs: readonly Tensor[],
  asked: number,
): { shape: number[]; values: Float64Array } {
  // torch lets empty tensors of one dim stand among others.
  const whole = xs.filter(({ shape }) => shape.length !== 1 || shape[0] !== 0);
  const first = whole[0] ?? xs[0];
  if (!first) throw new CrossoverError('xs is empty; name a tensor at least');
  const dim = needDim(first, asked);
  for (const { shape } of whole) {
    if (
      shape.length !== first.shape.length ||
      shape.some((size, i) => i !== dim && size !== first.shape[i])
    ) {
      const shapes = whole.map((one) => `[${one.shape.join(', ')}]`).join(', ');
      throw new CrossoverError(`${shapes} differ in more than dim ${asked}`);
    }
  }
  const shape = first.shape.with(
    dim,
    whole.reduce((sum, one) => sum + one.shape[dim]!, 0),
  );
  const values = zeros(shape);
  const { outer, length, inner } = lanesOf(shape, dim);
  let at = 0;
  for (const one of whole) {
    const run = one.shape[dim]! * inner;
    for (let block = 0; block < outer; block++) {
      values.set(one.values.subarray(block * run, (block + 1) * run), block * length * inner + at);
    }
    at += run;
  }
  return { shape, values };
}

function arange(call: Call): Result {
  const shape = call.shape();
  if (shape?.length !== 1)
    throw new CrossoverError('arange needs an output of one dim whose size is known before');
  const [start, step] = [call.number('start', 0), call.number('step', 1)];
  return { shape, values: zeros(shape).map((_, i) => start + i * step) };
}

function full(call: Call): Result {
  const shape = call.ints('shape');
  return { shape, values: zeros(shape).fill(call.number('value')) };
}

export const SHAPES: Readonly<Record<string, Implementation>> = {
  reshape,
  permute,
  expand,
  slice,
  select,
  // Without a dtype: torch lets tensors of several dtypes stand together, and has the larger one.
  cat: (call) => concatenated(call.tensors('xs'), call.int('dim', 0)),
  arange,
  full,
  size: (call) => {
    const { shape } = call.tensor('x');
    return shape[dimOf(call.int('dim'), shape.length)] ?? missingDims();
  },
};

function missingDims(): never {
  throw new CrossoverError('x has no dims');
}
