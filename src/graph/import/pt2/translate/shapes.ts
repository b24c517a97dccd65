/**
 * @file Operations that change the shape and keep the numbers: reshapes, permutations, expansions.
 */
import type { Operand } from '../../../ir/graph.ts';
import { type Dim, tensorType } from '../../../ir/type.ts';
import type { Call, Results, Tensor } from '../call.ts';
import type { Row, Rows } from './row.ts';

/** A reshape to the sizes that the file gives. */
function reshapeTo(name: string): Row {
  return (call) => {
    const x = call.tensor('self');
    call.ignore('stride');
    const shape = call.ints(name);
    return call.emitUnlessSame(x, 'reshape', { x, shape: inferred(shape) });
  };
}

/** A single size that is a value is what the others leave. So nothing has to compute it. */
function inferred(shape: readonly Operand[]): readonly Operand[] {
  const constants = shape.filter((one) => typeof one === 'number');
  const hasOne = shape.length === constants.length + 1;
  return hasOne && constants.every((one) => one > 0)
    ? shape.map((one) => (typeof one === 'number' ? one : -1))
    : shape;
}

/** A reshape to the shape that the file declares for the output. */
function reshape(...ignored: readonly string[]): Row {
  return (call) => {
    call.ignore(...ignored);
    const x = call.tensor('self');
    return call.emitUnlessSame(x, 'reshape', { x, shape: call.sizes(call.out().shape, [x], true) });
  };
}

function permute(dimsOf: (call: Call, rank: number) => readonly number[]): Row {
  return (call) => {
    const x = call.tensor('self');
    const dims = dimsOf(call, x.type.shape.length);
    return dims.every((dim, i) => dim === i) ? call.same(x) : call.emit('permute', { x, dims });
  };
}

function swapped(rank: number, a: number, b: number): number[] {
  return Array.from({ length: rank }, (_, i) => (i === a ? b : i === b ? a : i));
}

function swap(first: string, second: string): Row {
  return permute((call, rank) =>
    rank === 0 ? [] : swapped(rank, call.dim(first, rank), call.dim(second, rank)),
  );
}

/** The last two dims swapped. */
const lastTwo: Row = permute((call, rank) => (rank < 2 ? call.refuse() : swapped(rank, rank - 2, rank - 1)));

/** Dims in other places, those that are not named in order. */
function moved(call: Call, rank: number): number[] {
  const from = call.dims('source', rank);
  const to = call.dims('destination', rank);
  if (from.length !== to.length) call.refuse();
  const result = new Array<number>(rank).fill(-1);
  for (const [i, dim] of to.entries()) result[dim] = from[i]!;
  const rest = Array.from(result.keys()).filter((dim) => !from.includes(dim));
  return result.map((dim) => (dim < 0 ? rest.shift()! : dim));
}

/** @param wanted sizes as the file gives them @param like tensors that have the sizes */
export function expand(
  call: Call,
  x: Tensor,
  wanted: readonly Operand[] | undefined,
  like: readonly Tensor[],
): Results {
  const { shape } = call.out();
  const added = shape.length - x.type.shape.length;
  if (added < 0 || (wanted && wanted.length !== shape.length)) call.refuse();
  const sizes = shape.map((dim, i): Operand => {
    if (typeof dim === 'number') return dim;
    if (i >= added && x.type.shape[i - added] === dim) return -1;
    return wanted?.[i] ?? call.sizes([dim], like, false)[0]!;
  });
  return call.emitUnlessSame(x, 'expand', { x, shape: sizes });
}

/** Each element of a dim several times in a row. */
const repeatInterleave: Row = (call) => {
  const x = call.tensor('self');
  const times = call.constantInt('repeats');
  const at = call.dim('dim', x.type.shape.length);
  call.ignore('output_size');
  const { dtype, shape } = x.type;
  const before = shape.slice(0, at);
  const after = shape.slice(at + 1);
  const apart: Dim[] = [...before, shape[at]!, 1, ...after];
  const wide: Dim[] = [...before, shape[at]!, times, ...after];
  const split = call.step('reshape', { x, shape: call.sizes(apart, [x], true) }, tensorType(dtype, apart));
  const sizes = wide.map((dim) => (typeof dim === 'number' ? dim : -1));
  const many = call.step('expand', { x: split, shape: sizes }, tensorType(dtype, wide));
  return call.emit('reshape', { x: many, shape: call.sizes(call.out().shape, [x], true) });
};

/** More copies than this behind one another are no shape change any more. */
const MAX_COPIES = 64;

/** The tensor several times behind itself: expanded along dims of one element, concatenated along others. */
const repeat: Row = (call) => {
  const x = call.tensor('self');
  const times = call.constantInts('repeats');
  const added = times.length - x.type.shape.length;
  if (added < 0 || times.some((count) => count < 1)) call.refuse();
  const { dtype } = x.type;
  let shape: Dim[] = [...new Array<Dim>(added).fill(1), ...x.type.shape];
  let at = x;
  if (added > 0)
    at = call.step('reshape', { x, shape: call.sizes(shape, [x], true) }, tensorType(dtype, shape));
  const isOne = (i: number): boolean => shape[i] === 1;
  const expanded = shape.map((dim, i) => (isOne(i) ? times[i]! : dim));
  if (expanded.some((dim, i) => dim !== shape[i])) {
    const sizes = expanded.map((dim, i) => (isOne(i) ? times[i]! : typeof dim === 'number' ? dim : -1));
    at = call.step('expand', { x: at, shape: sizes }, tensorType(dtype, expanded));
  }
  for (const [dim, count] of times.entries()) {
    if (count === 1 || isOne(dim)) continue;
    const size = shape[dim]!;
    if (count > MAX_COPIES || typeof size === 'string') return call.refuse();
    shape = at.type.shape.map((one, i) => (i === dim ? size * count : one));
    at = call.step('cat', { xs: new Array<Tensor>(count).fill(at), dim }, tensorType(dtype, shape));
  }
  return call.same(at);
};

export const SHAPES: Rows = {
  'aten.view': reshapeTo('size'),
  'aten._unsafe_view': reshapeTo('size'),
  'aten._reshape_alias': reshapeTo('size'),
  'aten.reshape': reshapeTo('shape'),
  'aten.view_as': reshape('other'),
  'aten.reshape_as': reshape('other'),
  'aten.ravel': reshape(),
  'aten.squeeze': reshape('dim'),
  'aten.unsqueeze': reshape('dim'),
  'aten.flatten': reshape('start_dim', 'end_dim'),
  'aten.unflatten': reshape('dim', 'sizes'),

  'aten.permute': permute((call, rank) => call.dims('dims', rank)),
  'aten.transpose': swap('dim0', 'dim1'),
  'aten.swapaxes': swap('axis0', 'axis1'),
  'aten.swapdims': swap('dim0', 'dim1'),
  'aten.t': permute((_, rank) => (rank < 2 ? [0].slice(0, rank) : rank === 2 ? [1, 0] : [])),
  'aten.mT': lastTwo,
  'aten.numpy_T': permute((_, rank) => Array.from({ length: rank }, (__, i) => rank - 1 - i)),
  'aten.movedim': permute(moved),
  'aten.moveaxis': permute(moved),

  'aten.expand': (call) => {
    call.ignore('implicit');
    return expand(call, call.tensor('self'), call.ints('size'), []);
  },
  'aten.broadcast_to': (call) => expand(call, call.tensor('self'), call.ints('size'), []),
  'aten.expand_as': (call) => expand(call, call.tensor('self'), undefined, [call.tensor('other')]),
  'aten.repeat': repeat,
  'aten.repeat_interleave': repeatInterleave,
};
