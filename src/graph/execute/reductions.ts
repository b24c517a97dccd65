/**
 * @file Operations along dims: sums and means, the largest, running sums, softmax.
 */
import { CrossoverError } from '../../errors.ts';
import {
  dimOf,
  forEachLane,
  lanesOf,
  permuted,
  type Result,
  type Tensor,
  type Unrounded,
  zeros,
} from './array.ts';
import type { Call, Implementation } from './call.ts';
import { concatenated } from './shapes.ts';

/** One number of a run of them. */
type Reduce = (row: Float64Array) => number;

function reduction(reduce: Reduce): Implementation {
  return (call) => {
    const x = call.tensor('x');
    const rank = x.shape.length;
    const asked = call.ints('dims').map((dim) => dimOf(dim, rank, 'dims'));
    const gone = new Set(asked.length === 0 ? x.shape.keys() : asked);
    const isGone = (dim: number): boolean => gone.has(dim);
    const all = [...x.shape.keys()];
    const kept = all.filter((dim) => !isGone(dim));
    const reduced = all.filter(isGone);
    const { values: rows } = permuted(x, [...kept, ...reduced]);
    const width = reduced.reduce((product, dim) => product * x.shape[dim]!, 1);
    const shape = call.bool('keepdim')
      ? x.shape.map((size, dim) => (isGone(dim) ? 1 : size))
      : kept.map((dim) => x.shape[dim]!);
    const values = zeros(shape).map((_, i) => reduce(rows.subarray(i * width, (i + 1) * width)));
    return { shape, values };
  };
}

function sum(row: Float64Array): number {
  let total = 0;
  for (let i = 0; i < row.length; i++) total += row[i]!;
  return total;
}

/** NaN where there is one. */
function largest(row: Float64Array): number {
  if (row.length === 0) throw new CrossoverError('there is no largest of no elements');
  let best = -Infinity;
  for (let i = 0; i < row.length; i++) best = Math.max(best, row[i]!);
  return best;
}

/** The first of the largest; NaN counts as larger than all others, as in torch. */
function argmax(call: Call): Result {
  const x = call.tensor('x');
  const dim = dimOf(call.int('dim'), x.shape.length);
  const lanes = lanesOf(x.shape, dim);
  const kept = x.shape.map((size, i) => (i === dim ? 1 : size));
  const shape = call.bool('keepdim') ? kept : kept.filter((_, i) => i !== dim);
  const values = zeros(shape);
  if (lanes.length === 0 && values.length > 0) throw new CrossoverError('there is no largest of no elements');
  let to = 0;
  forEachLane(lanes, (start, step) => {
    let best = 0;
    for (let i = 1; i < lanes.length; i++) {
      const [value, champion] = [x.values[start + i * step]!, x.values[start + best * step]!];
      if (value > champion || (Number.isNaN(value) && !Number.isNaN(champion))) best = i;
    }
    if (lanes.length > 0) values[to++] = best;
  });
  return { shape, values };
}

function cumsum(call: Call): Unrounded {
  const x = call.tensor('x');
  const values = x.values.slice();
  const lanes = lanesOf(x.shape, dimOf(call.int('dim'), x.shape.length));
  forEachLane(lanes, (start, step) => {
    for (let i = 1; i < lanes.length; i++) values[start + i * step]! += values[start + (i - 1) * step]!;
  });
  return { shape: x.shape, values };
}

function diff(call: Call): Unrounded {
  const x = call.tensor('x');
  const before = call.tensorIf('prepend');
  const dim = dimOf(call.int('dim'), x.shape.length);
  if (x.shape.length === 0) throw new CrossoverError('x has no dims');
  const joined = before ? concatenated([before, x], dim) : x;
  const { outer, length, inner } = lanesOf(joined.shape, dim);
  const shape = joined.shape.with(dim, Math.max(0, length - 1));
  const values = zeros(shape);
  // Truth values differ or do not: there is no -1 among them.
  const isTruth = x.dtype === 'bool';
  let to = 0;
  for (let block = 0; block < outer; block++) {
    const start = block * length * inner;
    for (let i = start + inner; i < start + length * inner; i++) {
      const difference = joined.values[i]! - joined.values[i - inner]!;
      values[to++] = isTruth ? Math.abs(difference) : difference;
    }
  }
  return { shape, values };
}

function softmax(call: Call): Unrounded {
  const x: Tensor = call.tensor('x');
  const values = x.values.slice();
  const lanes = lanesOf(x.shape, dimOf(call.int('dim'), x.shape.length));
  const row = new Float64Array(lanes.length);
  forEachLane(lanes, (start, step) => {
    for (let i = 0; i < row.length; i++) row[i] = values[start + i * step]!;
    softmaxRow(row);
    for (let i = 0; i < row.length; i++) values[start + i * step] = row[i]!;
  });
  return { shape: x.shape, values };
}

/** In place. A row of nothing but -Infinity gives NaN, as in torch. */
export function softmaxRow(row: Float64Array): void {
  if (row.length === 0) return;
  const most = largest(row);
  for (let i = 0; i < row.length; i++) row[i] = Math.exp(row[i]! - most);
  const total = sum(row);
  for (let i = 0; i < row.length; i++) row[i]! /= total;
}

export const REDUCTIONS: Readonly<Record<string, Implementation>> = {
  cumsum,
  diff,
  mean: reduction((row) => sum(row) / row.length),
  sum: reduction(sum),
  amax: reduction(largest),
  argmax,
  softmax,
};
