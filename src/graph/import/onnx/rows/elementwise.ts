/**
 * @file Operators that compute element by element.
 */
import type { Operand } from '../../../ir/graph.ts';
import { type Dim, type GraphDType, isFloating } from '../../../ir/type.ts';
import { broadcastShapes, type Inferred, NotUnderstood } from '../shapes.ts';
import type { Site } from '../site.ts';
import { dtypeOf } from '../tensor.ts';
import type { Row } from './row.ts';

interface Pair {
  readonly a: Operand;
  readonly b: Operand;
  readonly dtype: GraphDType;
  readonly shape: Inferred;
}

/** The number that an input is for all calls, where it leaves the other operand's shape as it is. */
function numberOf(site: Site, index: number, other: readonly Dim[], dtype?: GraphDType): number | undefined {
  const known = site.known(index);
  if (!known || known.shape.length > other.length || known.dtype === 'bool') return undefined;
  if (dtype !== undefined && known.dtype !== dtype) return undefined;
  const value = site.scalar(index);
  // Integers beyond float64's are tensors.
  return value === undefined || (!isFloating(known.dtype) && !Number.isSafeInteger(value))
    ? undefined
    : value;
}

/** Two operands that are broadcast. A tensor of one number that the file holds is that number: patterns look for numbers. */
function pairOf(site: Site, first: number, second: number): Pair {
  const left = site.tensor(first);
  const right = site.tensor(second);
  const [a, b] = [left.type, right.type];
  if (a.dtype !== b.dtype) throw new NotUnderstood(`its operands are ${a.dtype} and ${b.dtype}`);
  const right1 = numberOf(site, second, a.shape);
  if (right1 !== undefined) return { a: left.value, b: right1, dtype: a.dtype, shape: a.shape };
  const left1 = numberOf(site, first, b.shape);
  if (left1 !== undefined) return { a: left1, b: right.value, dtype: a.dtype, shape: b.shape };
  return { a: left.value, b: right.value, dtype: a.dtype, shape: broadcastShapes(a.shape, b.shape) };
}

function arithmetic(op: string): Row {
  return (site) => {
    const { a, b, dtype, shape } = pairOf(site, 0, 1);
    if (dtype === 'bool') throw new NotUnderstood('its operands are bool');
    if (op === 'div' && !isFloating(dtype))
      throw new NotUnderstood('ONNX truncates the quotient of whole numbers');
    site.give(0, op, { a, b }, dtype, shape);
  };
}

function comparison(op: string, only?: GraphDType): Row {
  return (site) => {
    const { a, b, dtype, shape } = pairOf(site, 0, 1);
    if (only && dtype !== only) throw new NotUnderstood(`its operands are ${dtype}`);
    site.give(0, op, { a, b }, 'bool', shape);
  };
}

/** The exponent may be of another type. */
function power(site: Site): void {
  const base = site.tensor(0);
  const exponent = numberOf(site, 1, base.type.shape);
  if (exponent !== undefined) {
    site.give(0, 'pow', { a: base.value, b: exponent }, base.type.dtype, base.type.shape);
    return;
  }
  const { a, b, dtype, shape } = pairOf(site, 0, 1);
  site.give(0, 'pow', { a, b }, dtype, shape);
}

/** Of any number of inputs, two at a time. */
function extreme(op: string): Row {
  return (site) => {
    if (site.count === 1) {
      site.same(0, 0);
      return;
    }
    if (site.count === 2) {
      arithmetic(op)(site);
      return;
    }
    let { value, type } = site.tensor(0);
    for (let i = 1; i < site.count; i++) {
      const next = site.tensor(i);
      if (next.type.dtype !== type.dtype) throw new NotUnderstood('its operands have several types');
      const shape = broadcastShapes(type.shape, next.type.shape);
      const operands = { a: value, b: next.value };
      if (i === site.count - 1) site.give(0, op, operands, type.dtype, shape);
      else ({ value, type } = site.between(op, operands, type.dtype, known(shape)));
    }
  };
}

function known(shape: Inferred): readonly Dim[] {
  return shape.map((dim) => {
    if (dim === undefined) throw new NotUnderstood('its operands have sizes that may differ');
    return dim;
  });
}

export function unary(op: string): Row {
  return (site) => {
    const { value, type } = site.tensor(0);
    site.give(0, op, { x: value }, type.dtype, type.shape);
  };
}

function not(site: Site): void {
  const { value, type } = site.tensor(0);
  if (type.dtype !== 'bool') throw new NotUnderstood(`its operand is ${type.dtype}`);
  site.give(0, 'not', { x: value }, 'bool', type.shape);
}

function gelu(approximate?: string): Row {
  return (site) => {
    const { value, type } = site.tensor(0);
    const form = approximate ?? site.text('approximate', 'none');
    if (form !== 'none' && form !== 'tanh') throw new NotUnderstood(`attribute "approximate" is ${form}`);
    site.give(0, 'gelu', { x: value, approximate: form }, type.dtype, type.shape);
  };
}

/** x * sigmoid(alpha * x); silu where alpha is 1. */
function swish(absent: number): Row {
  return (site) => {
    const alpha = site.number('alpha', absent);
    if (alpha !== 1) throw new NotUnderstood(`attribute "alpha" is ${alpha}; only 1 is translated`);
    unary('silu')(site);
  };
}

function cast(site: Site): void {
  const { value, type } = site.tensor(0);
  const to = dtypeOf(site.number('to', 0));
  if (!to) throw new NotUnderstood(`it casts to data type ${site.number('to', 0)}`);
  // Rows to 8-bit floats saturate here, as they do there.
  site.must('saturate', 1);
  site.ignore('round_mode');
  if (to === type.dtype) site.same(0, 0);
  else site.give(0, 'cast', { x: value }, to, type.shape);
}

function clip(site: Site): void {
  const { value, type } = site.tensor(0);
  const bound = (index: number, name: string): number | null => {
    if (site.opset < 11) return site.number(name, undefined) ?? null;
    if (!site.has(index)) return null;
    const number = site.scalar(index);
    if (number === undefined) throw new NotUnderstood(`its ${name} is computed while the model runs`);
    return number;
  };
  const [min, max] = [bound(1, 'min'), bound(2, 'max')];
  if (min === null && max === null) site.same(0, 0);
  else site.give(0, 'clamp', { x: value, min, max }, type.dtype, type.shape);
}

function where(site: Site): void {
  const condition = site.tensor(0);
  if (condition.type.dtype !== 'bool') throw new NotUnderstood(`its condition is ${condition.type.dtype}`);
  const { a, b, dtype, shape } = pairOf(site, 1, 2);
  site.give(
    0,
    'where',
    { condition: condition.value, a, b },
    dtype,
    broadcastShapes(condition.type.shape, known(shape)),
  );
}

function dropout(site: Site): void {
  site.ignore('ratio', 'seed');
  if (site.has(1)) site.ignoreInput(1);
  if (site.has(2) && site.scalar(2) !== 0) throw new NotUnderstood('it may train');
  site.same(0, 0);
}

export const ELEMENTWISE: Readonly<Record<string, Row>> = {
  Add: arithmetic('add'),
  Sub: arithmetic('sub'),
  Mul: arithmetic('mul'),
  Div: arithmetic('div'),
  Pow: power,
  Min: extreme('minimum'),
  Max: extreme('maximum'),
  Equal: comparison('eq'),
  Less: comparison('lt'),
  LessOrEqual: comparison('le'),
  Greater: comparison('gt'),
  GreaterOrEqual: comparison('ge'),
  And: comparison('and', 'bool'),
  Or: comparison('or', 'bool'),
  Not: not,
  Neg: unary('neg'),
  Abs: unary('abs'),
  Exp: unary('exp'),
  Log: unary('log'),
  Sqrt: unary('sqrt'),
  Reciprocal: unary('reciprocal'),
  Sin: unary('sin'),
  Cos: unary('cos'),
  Tanh: unary('tanh'),
  Erf: unary('erf'),
  Sigmoid: unary('sigmoid'),
  Relu: unary('relu'),
  Gelu: gelu(),
  Swish: swish(1),
  Round: unary('round'),
  Floor: unary('floor'),
  Ceil: unary('ceil'),
  Cast: cast,
  Clip: clip,
  Where: where,
  Identity: (site) => site.same(0, 0),
  Dropout: dropout,
  'com.microsoft.Gelu': gelu('none'),
  'com.microsoft.FastGelu': gelu('tanh'),
  'com.microsoft.QuickGelu': swish(1.702),
};
