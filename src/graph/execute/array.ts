/**
 * @file What the executor computes with: tensors of float64 numbers, one after the other in memory, and what stands beside them.
 */
import { CrossoverError } from '../../errors.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { GraphDType } from '../ir/type.ts';
import { contiguousStrides } from '../ir/weight.ts';

/**
 * A tensor: its numbers, row-major, each one that its dtype has (unless the executor was told not to round). Truth values are 0 and 1, and an
 * element of e2m1x2 is the byte of a pair, 0 to 255.
 */
export interface Tensor {
  readonly dtype: GraphDType;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** What an operation computed, in an array of its own, before it is rounded to the dtype that the graph says it has. */
export interface Unrounded {
  readonly dtype?: undefined;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** What an operation gives for one of its outputs. A tensor with a dtype is passed on as it is. */
export type Result = Tensor | Unrounded | number | boolean;

/** What an operand is when an operation runs. */
export type Held = Tensor | number | boolean | string | null | readonly Held[];

export function isTensor(held: Held | undefined): held is Tensor {
  return typeof held === 'object' && held !== null && !Array.isArray(held);
}

/** `bf16[2, 4096]`. */
export function tensorText({ dtype, shape }: Pick<Tensor, 'dtype' | 'shape'>): string {
  return `${dtype}[${shape.join(', ')}]`;
}

/** @throws CrossoverError when the shape is no shape, or the array is too large for this host */
export function zeros(shape: readonly number[]): Float64Array {
  const count = elementCount(shape);
  try {
    return new Float64Array(count);
  } catch (cause) {
    throw new CrossoverError(`there is no memory for a tensor [${shape.join(', ')}]`, { cause });
  }
}

/** A dim counted from the front. A tensor without dims takes 0 and -1, as in torch. */
export function dimOf(dim: number, rank: number, field = 'dim'): number {
  const dims = Math.max(1, rank);
  const at = dim < 0 ? dim + dims : dim;
  if (Number.isInteger(at) && at >= 0 && at < dims) return at;
  throw new CrossoverError(`${field} is ${dim}; use ${-dims} to ${dims - 1} for ${rank} dims`);
}

/** Elements that lie `strides` apart, one after the other. Strides may be 0 (repeat) or negative. */
export function copyStrided(
  values: Float64Array,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Float64Array {
  const result = zeros(shape);
  walk(shape, strides, offset, result.length, (to, from, width, step) => {
    for (let i = 0; i < width; i++, from += step) result[to + i] = values[from]!;
  });
  return result;
}

/** Where in memory those elements lie. */
export function positionsOf(shape: readonly number[], strides: readonly number[]): Float64Array {
  const result = zeros(shape);
  walk(shape, strides, 0, result.length, (to, from, width, step) => {
    for (let i = 0; i < width; i++, from += step) result[to + i] = from;
  });
  return result;
}

/** Calls back for every run along the last dim: its number among the elements, where it begins in memory, its length, and its stride. */
function walk(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  count: number,
  visit: (to: number, from: number, width: number, step: number) => void,
): void {
  const last = shape.length - 1;
  const width = shape[last] ?? 1;
  const step = strides[last] ?? 0;
  const index = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let to = 0; to < count; to += width) {
    visit(to, from, width, step);
    for (let dim = last - 1; dim >= 0; dim--) {
      from += strides[dim]!;
      if (++index[dim]! < shape[dim]!) break;
      from -= strides[dim]! * shape[dim]!;
      index[dim] = 0;
    }
  }
}

/** The values in another order of dims: dim i of the result is dim `dims[i]`. */
export function permuted(
  { shape, values }: Pick<Tensor, 'shape' | 'values'>,
  dims: readonly number[],
): Unrounded {
  const strides = contiguousStrides(shape);
  const to = dims.map((dim) => shape[dim]!);
  const moved = dims.map((dim) => strides[dim]!);
  return { shape: to, values: copyStrided(values, to, moved) };
}

/** A tensor seen along one dim: `outer` times `length` times `inner` elements. */
export interface Lanes {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

export function lanesOf(shape: readonly number[], dim: number): Lanes {
  const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
  return {
    outer: product(shape.slice(0, dim)),
    length: shape[dim] ?? 1,
    inner: product(shape.slice(dim + 1)),
  };
}

/** Calls back for every lane along a dim: where it begins, and how far apart its elements lie. */
export function forEachLane(
  { outer, length, inner }: Lanes,
  visit: (start: number, step: number) => void,
): void {
  for (let block = 0; block < outer; block++) {
    for (let i = 0; i < inner; i++) visit(block * length * inner + i, inner);
  }
}
