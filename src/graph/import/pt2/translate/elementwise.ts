/**
 * @file Element by element: arithmetic, comparisons, logic, activations.
 */
import type { Operand } from '../../../ir/graph.ts';
import { isFloating, tensorType } from '../../../ir/type.ts';
import type { Call, Tensor } from '../call.ts';
import { asBool, isTensor } from './operands.ts';
import type { Row, Rows } from './row.ts';

function unary(op: string): Row {
  return (call) => call.emit(op, { x: call.tensor('self') });
}

function binary(op: string): Row {
  return (call) => call.emit(op, { a: call.operand('self'), b: call.operand('other') });
}

/** a + alpha * b, or a - alpha * b. */
function scaled(op: 'add' | 'sub'): Row {
  return (call) => {
    const a = call.operand('self');
    return call.emit(op, { a, b: times(call, call.operand('other'), call.constant('alpha', 1)) });
  };
}

/** alpha * b, before it is added: not rounded to a dtype of half precision, as torch does not either. */
function times(call: Call, b: Operand, alpha: number): Operand {
  if (alpha === 1) return b;
  if (typeof b === 'number') return b * alpha;
  if (!isTensor(b)) return call.refuse();
  const { dtype } = call.out();
  const inner = isFloating(dtype) && dtype !== 'f64' ? 'f32' : dtype;
  return call.step('mul', { a: b, b: alpha }, tensorType(inner, b.type.shape));
}

/** Of truth values. On whole numbers these are bit by bit, which no operation here is. */
function bitwise(op: 'and' | 'or' | 'ne'): Row {
  return (call) => {
    const a = call.operand('self');
    const b = call.operand('other');
    for (const one of [a, b]) if (isTensor(one) && one.type.dtype !== 'bool') call.refuse();
    return call.emit(op, { a, b });
  };
}

function logical(op: 'and' | 'or' | 'ne'): Row {
  return (call) =>
    call.emit(op, { a: asBool(call, call.tensor('self')), b: asBool(call, call.tensor('other')) });
}

function bound(min: string | undefined, max: string | undefined): Row {
  return (call) => {
    const x = call.tensor('self');
    const least = min !== undefined && call.has(min) ? call.operand(min) : null;
    const most = max !== undefined && call.has(max) ? call.operand(max) : null;
    if (!isTensor(least) && !isTensor(most)) return call.emit('clamp', { x, min: least, max: most });
    if (least === null) return call.emit('minimum', { a: x, b: most });
    if (most === null) return call.emit('maximum', { a: x, b: least });
    return call.emit('minimum', { a: call.step('maximum', { a: x, b: least }, call.out()), b: most });
  };
}

/** Quotients rounded down; exact in float64 for all numbers that float64 holds. */
function divide(call: Call): ReturnType<Row> {
  const operands = { a: call.operand('self'), b: call.operand('other') };
  const mode = call.has('rounding_mode') ? call.text('rounding_mode') : 'true';
  if (mode === 'true') return call.emit('div', operands);
  return mode === 'floor' ? floored(call, operands) : call.refuse();
}

function floored(call: Call, operands: Readonly<Record<string, Operand>>): ReturnType<Row> {
  const x: Tensor = call.step('div', operands, tensorType('f64', call.out().shape));
  return call.emit('floor', { x });
}

const UNARY = `neg abs exp log sqrt rsqrt reciprocal sin cos tanh erf sigmoid silu relu floor ceil`.split(
  ' ',
);

export const ELEMENTWISE: Rows = {
  ...Object.fromEntries(UNARY.map((name) => [`aten.${name}`, unary(name)])),
  'aten.round': (call) => {
    if (call.constantInt('decimals', 0) !== 0) call.refuse();
    return call.emit('round', { x: call.tensor('self') });
  },
  'aten.gelu': (call) =>
    call.emit('gelu', { x: call.tensor('self'), approximate: call.text('approximate', 'none') }),
  'aten.square': (call) => call.emit('pow', { a: call.tensor('self'), b: 2 }),

  'aten.add': scaled('add'),
  'aten.sub': scaled('sub'),
  'aten.rsub': (call) => {
    const b = times(call, call.operand('self'), call.constant('alpha', 1));
    return call.emit('sub', { a: call.operand('other'), b });
  },
  'aten.mul': binary('mul'),
  'aten.div': divide,
  'aten.true_divide': binary('div'),
  'aten.floor_divide': (call) => floored(call, { a: call.operand('self'), b: call.operand('other') }),
  'aten.pow': (call) => call.emit('pow', { a: call.operand('self'), b: call.operand('exponent') }),
  'aten.minimum': binary('minimum'),
  'aten.maximum': binary('maximum'),

  'aten.eq': binary('eq'),
  'aten.ne': binary('ne'),
  'aten.lt': binary('lt'),
  'aten.le': binary('le'),
  'aten.gt': binary('gt'),
  'aten.ge': binary('ge'),
  'aten.isnan': (call) => {
    const x = call.tensor('self');
    return call.emit('ne', { a: x, b: x });
  },

  'aten.__and__': bitwise('and'),
  'aten.__or__': bitwise('or'),
  'aten.bitwise_and': bitwise('and'),
  'aten.bitwise_or': bitwise('or'),
  'aten.bitwise_xor': bitwise('ne'),
  'aten.bitwise_not': (call) => {
    const x = call.tensor('self');
    return x.type.dtype === 'bool' ? call.emit('not', { x }) : call.refuse();
  },
  'aten.logical_and': logical('and'),
  'aten.logical_or': logical('or'),
  'aten.logical_xor': logical('ne'),
  'aten.logical_not': (call) => {
    const x = call.tensor('self');
    return x.type.dtype === 'bool' ? call.emit('not', { x }) : call.emit('eq', { a: x, b: 0 });
  },

  'aten.clamp': bound('min', 'max'),
  'aten.clip': bound('min', 'max'),
  'aten.clamp_min': bound('min', undefined),
  'aten.clamp_max': bound(undefined, 'max'),
  'aten.hardtanh': (call) =>
    call.emit('clamp', {
      x: call.tensor('self'),
      min: call.constant('min_val', -1),
      max: call.constant('max_val', 1),
    }),

  'aten.where': (call) => {
    const condition = asBool(call, call.tensor('condition'));
    return call.emit('where', { condition, a: call.operand('self'), b: call.operand('other') });
  },
  'aten.masked_fill': (call) =>
    call.emit('where', {
      condition: asBool(call, call.tensor('mask')),
      a: call.operand('value'),
      b: call.tensor('self'),
    }),
};
