/**
 * @file Operations that look elements up by number: index, gather, embedding.
 */
import { CrossoverError } from '../../errors.ts';
import { embedding as embeddingShard } from '../../tensor/reference/model/embedding.ts';
import { contiguousStrides } from '../ir/weight.ts';
import {
  dimOf,
  lanesOf,
  permuted,
  positionsOf,
  type Result,
  type Tensor,
  tensorText,
  zeros,
} from './array.ts';
import { broadcastShape, broadcastTo } from './broadcast.ts';
import type { Call, Implementation } from './call.ts';

/** A position counted from the front. */
function position(index: number, size: number, field: string): number {
  const at = index < 0 ? index + size : index;
  if (at >= 0 && at < size) return at;
  throw new CrossoverError(`${field} holds ${index}; the dim has ${size} elements`);
}

function checkWhole(index: Tensor, field: string): void {
  if (/^[iu]\d/.test(index.dtype)) return;
  throw new CrossoverError(`${field} is ${tensorText(index)}; it must hold whole numbers`);
}

/** What one entry of `indices` picks: positions in the dims of x from `dim` on. */
interface Picked {
  readonly dim: number;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

function index(call: Call): Result {
  const x = call.tensor('x');
  const picked: Picked[] = [];
  const free: number[] = [];
  let dim = 0;
  for (const entry of call.indices('indices')) {
    if (entry === null) free.push(dim++);
    else if (entry.dtype === 'bool') {
      const masked = ofMask(entry, x, dim);
      picked.push(...masked);
      dim += masked.length;
    } else {
      checkWhole(entry, 'indices');
      picked.push({ dim: dim++, shape: entry.shape, values: entry.values });
    }
  }
  if (dim > x.shape.length) throw new CrossoverError(`indices name ${dim} dims; x has ${x.shape.length}`);
  while (dim < x.shape.length) free.push(dim++);
  if (picked.length === 0) return x;

  // torch and numpy: indexed dims that stand together stay where they are, others come first.
  const first = picked[0]!.dim;
  const together = picked.every((one, i) => one.dim === first + i);
  const ahead = together ? free.filter((one) => one < first) : [];
  const behind = together ? free.filter((one) => one > first) : free;
  const found = broadcastShape(...picked.map(({ shape }) => shape));
  const offsets = offsetsOf(picked, found, x.shape);
  const block = lookUp(x, free, offsets, found);
  // `block` has the indexed dims first, then the free ones.
  const freeAt = (one: number): number => found.length + free.indexOf(one);
  const order = [...ahead.map(freeAt), ...found.keys(), ...behind.map(freeAt)];
  return { ...(ahead.length === 0 ? block : permuted(block, order)), dtype: x.dtype };
}

/** A truth table picks where it is true: positions along each of its dims. */
function ofMask(mask: Tensor, x: Tensor, dim: number): Picked[] {
  if (mask.shape.length === 0 || mask.shape.some((size, i) => x.shape[dim + i] !== size))
    throw new CrossoverError(`indices hold ${tensorText(mask)}, which covers no dims of ${tensorText(x)}`);
  const set = [...mask.values.keys()].filter((i) => mask.values[i] !== 0);
  const strides = contiguousStrides(mask.shape);
  return mask.shape.map((size, i) => ({
    dim: dim + i,
    shape: [set.length],
    values: Float64Array.from(set, (at) => Math.floor(at / strides[i]!) % size),
  }));
}

/** Where in x what is picked begins. */
function offsetsOf(
  picked: readonly Picked[],
  found: readonly number[],
  shape: readonly number[],
): Float64Array {
  const strides = contiguousStrides(shape);
  const offsets = zeros(found);
  for (const { dim, shape: own, values } of picked) {
    const spread = broadcastTo(values, own, found);
    for (let i = 0; i < offsets.length; i++)
      offsets[i]! += position(spread[i]!, shape[dim]!, 'indices') * strides[dim]!;
  }
  return offsets;
}

/** The block of free dims behind each offset. */
function lookUp(
  x: Tensor,
  free: readonly number[],
  offsets: Float64Array,
  found: readonly number[],
): { shape: number[]; values: Float64Array } {
  const strides = contiguousStrides(x.shape);
  const rest = free.map((one) => x.shape[one]!);
  const inBlock = positionsOf(
    rest,
    free.map((one) => strides[one]!),
  );
  const shape = [...found, ...rest];
  const values = zeros(shape);
  let to = 0;
  for (const offset of offsets) {
    for (let i = 0; i < inBlock.length; i++) values[to++] = x.values[offset + inBlock[i]!]!;
  }
  return { shape, values };
}

function gather(call: Call): Result {
  const x = call.tensor('x');
  const index = call.tensor('index');
  checkWhole(index, 'index');
  const dim = dimOf(call.int('dim'), x.shape.length);
  const fits = index.shape.every((size, i) => i === dim || size <= x.shape[i]!);
  if (index.shape.length !== x.shape.length || !fits)
    throw new CrossoverError(`index ${tensorText(index)} does not fit x ${tensorText(x)} beside dim ${dim}`);
  const strides = contiguousStrides(x.shape);
  const [size, step] = [x.shape[dim] ?? 1, strides[dim] ?? 1];
  // Where each element would be, were its position along the dim 0.
  const values = positionsOf(
    index.shape,
    strides.map((stride, i) => (i === dim ? 0 : stride)),
  );
  for (let i = 0; i < values.length; i++)
    values[i] = x.values[values[i]! + position(index.values[i]!, size, 'index') * step]!;
  return { dtype: x.dtype, shape: index.shape, values };
}

function embedding(call: Call): Result {
  const weight = call.tensor('weight');
  const indices = call.tensor('indices');
  checkWhole(indices, 'indices');
  if (weight.shape.length === 0) throw new CrossoverError('weight has no dims');
  const { length: rows, inner: width } = lanesOf(weight.shape, 0);
  const shape = [...indices.shape, ...weight.shape.slice(1)];
  const values = zeros(shape);
  if (call.has('start')) {
    values.set(embeddingShard(weight.values, indices.values, width, call.int('start')));
    return { dtype: weight.dtype, shape, values };
  }
  for (const [i, row] of indices.values.entries()) {
    if (row < 0 || row >= rows) throw new CrossoverError(`indices hold ${row}; weight has ${rows} rows`);
    values.set(weight.values.subarray(row * width, (row + 1) * width), i * width);
  }
  return { dtype: weight.dtype, shape, values };
}

export const INDEXING: Readonly<Record<string, Implementation>> = { index, gather, embedding };
