/**
 * @file Operations along dims: sums, means, maxima, running sums, softmax.
 */
import { isFloating, tensorType } from '../../../ir/type.ts';
import type { Results } from '../call.ts';
import type { Row, Rows } from './row.ts';

/** Over the dims given, all where none are. */
function reduction(op: 'mean' | 'sum' | 'amax'): Row {
  return (call) => {
    const x = call.castIfAsked(call.tensor('self'));
    const dims = call.dims('dim', x.type.shape.length, []);
    return call.emit(op, { x, dims, keepdim: call.flag('keepdim', false) });
  };
}

/** Over everything, or along a dim with the place of the maximum beside it. `max` of two tensors is another operation. */
const max: Row = (call) => {
  const x = call.tensor('self');
  if (call.has('other')) return call.emit('maximum', { a: x, b: call.tensor('other') });
  if (!call.has('dim')) return call.emit('amax', { x, dims: [], keepdim: false });
  const dim = call.dim('dim', x.type.shape.length);
  const keepdim = call.flag('keepdim', false);
  const values = call.emitOutput(0, 'amax', { x, dims: [dim], keepdim });
  return [values, call.emitOutput(1, 'argmax', { x, dim, keepdim })];
};

const argmax: Row = (call) => {
  const x = call.tensor('self');
  const keepdim = call.flag('keepdim', false);
  if (call.has('dim')) return call.emit('argmax', { x, dim: call.dim('dim', x.type.shape.length), keepdim });
  const { dtype, shape } = x.type;
  if (keepdim || shape.some((dim) => typeof dim === 'string')) call.refuse();
  const count = shape.reduce<number>((product, dim) => product * Number(dim), 1);
  const flat = call.step('reshape', { x, shape: [-1] }, tensorType(dtype, [count]));
  return call.emit('argmax', { x: flat, dim: 0, keepdim });
};

const cumsum: Row = (call) => {
  const x = call.castIfAsked(call.tensor('self'));
  return call.emit('cumsum', { x, dim: call.dim('dim', x.type.shape.length) });
};

const diff: Row = (call) => {
  const x = call.tensor('self');
  if (call.constantInt('n', 1) !== 1 || call.has('append')) call.refuse();
  const dim = call.dim('dim', x.type.shape.length, -1);
  return call.emit('diff', { x, dim, prepend: call.tensorIf('prepend') });
};

const softmax: Row = (call) => {
  // Of half precision to float32 without a rounding in between, as with a dtype.
  call.ignore('half_to_float');
  const x = call.castIfAsked(call.tensor('self'));
  return call.emit('softmax', { x, dim: call.dim('dim', x.type.shape.length) });
};

/** Rows that are -Infinity throughout give 0, not NaN. */
const safeSoftmax: Row = (call): Results => {
  const x = call.castIfAsked(call.tensor('self'));
  const { dtype, shape } = x.type;
  if (!isFloating(dtype)) call.refuse();
  const dim = call.dim('dim', shape.length);
  const row = shape.with(dim, 1);
  const most = call.step('amax', { x, dims: [dim], keepdim: true }, tensorType(dtype, row));
  const condition = call.step('eq', { a: most, b: Number.NEGATIVE_INFINITY }, tensorType('bool', row));
  return call.emit('where', { condition, a: 0, b: call.step('softmax', { x, dim }, call.out()) });
};

export const REDUCTIONS: Rows = {
  'aten.mean': reduction('mean'),
  'aten.sum': reduction('sum'),
  'aten.amax': reduction('amax'),
  'aten.max': max,
  'aten.argmax': argmax,
  'aten.cumsum': cumsum,
  'aten.diff': diff,
  'aten.softmax': softmax,
  'aten._softmax': softmax,
  'aten._safe_softmax': safeSoftmax,
};
