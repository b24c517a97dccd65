/**
 * @file Operations element by element. Computed in float64; the executor rounds the result once.
 */
import { CrossoverError } from '../../errors.ts';
import { isFloating } from '../ir/type.ts';
import { isTensor, type Result, type Tensor, type Unrounded } from './array.ts';
import { broadcastShape, broadcastTo } from './broadcast.ts';
import type { Call, Implementation } from './call.ts';
import * as functions from './functions.ts';
import { integerBits, roundNumber } from './rounding.ts';

type Unary = (x: number) => number;
type Binary = (a: number, b: number) => number;

function map({ shape, values }: Tensor, f: Unary): Unrounded {
  const result = new Float64Array(values.length);
  for (let i = 0; i < result.length; i++) result[i] = f(values[i]!);
  return { shape, values: result };
}

/** Of one tensor or number, and another. */
export function zip(a: Tensor | number, b: Tensor | number, f: Binary): Result {
  if (!isTensor(a)) return isTensor(b) ? map(b, (y) => f(a, y)) : f(a, b);
  if (!isTensor(b)) return map(a, (x) => f(x, b));
  const shape = broadcastShape(a.shape, b.shape);
  const [xs, ys] = [broadcastTo(a.values, a.shape, shape), broadcastTo(b.values, b.shape, shape)];
  const result = new Float64Array(xs.length);
  for (let i = 0; i < result.length; i++) result[i] = f(xs[i]!, ys[i]!);
  return { shape, values: result };
}

function unary(f: Unary): Implementation {
  return (call) => map(call.tensor('x'), f);
}

function binary(f: Binary): Implementation {
  return (call) => zip(call.operand('a'), call.operand('b'), f);
}

/** Arithmetic that whole numbers do in their own way. */
function arithmetic(f: Binary, ofIntegers: (call: Call) => Binary): Implementation {
  return (call) => zip(call.operand('a'), call.operand('b'), call.isInteger() ? ofIntegers(call) : f);
}

/** Of at most 32 bits, only the lowest count, and a float64 product may have lost them. */
function integerProduct(call: Call): Binary {
  const bits = integerBits(call.dtype());
  return bits !== undefined && bits <= 32 ? Math.imul : (a, b) => a * b;
}

/** Toward zero: what ONNX says of whole numbers, and C does. torch divides them as floating point numbers, and has that dtype then. */
function integerQuotient(): Binary {
  return (a, b) => {
    if (b === 0) throw new CrossoverError(`${a} is divided by 0, as whole numbers`);
    return Math.trunc(a / b);
  };
}

/** Comparisons round a number to the dtype of the floating point tensor that it is compared with, as torch does: f32 0.1 equals 0.1. */
function comparison(f: (a: number, b: number) => boolean): Implementation {
  return (call) => {
    checkTruth(call);
    const [a, b] = [call.operand('a'), call.operand('b')];
    return zip(likeOther(call, a, b), likeOther(call, b, a), (x, y) => Number(f(x, y)));
  };
}

function likeOther(call: Call, one: Tensor | number, other: Tensor | number): Tensor | number {
  const mustRound = typeof one === 'number' && isTensor(other) && isFloating(other.dtype);
  return mustRound ? roundNumber(one, other.dtype, call.precision) : one;
}

function logic(f: (a: boolean, b: boolean) => boolean): Implementation {
  return (call) => {
    checkTruth(call);
    return zip(call.operand('a'), call.operand('b'), (a, b) => Number(f(a !== 0, b !== 0)));
  };
}

/** Bitwise logic of whole numbers is not meant by these operations; it would come out as 0 and 1 here, silently. */
function checkTruth(call: Call): void {
  const dtype = call.dtype();
  if (dtype !== undefined && dtype !== 'bool')
    throw new CrossoverError(`the output is ${dtype}; ${call.node.op} gives bool`);
}

function gelu(call: Call): Result {
  const approximate = call.text('approximate', 'none');
  if (approximate === 'none') return map(call.tensor('x'), functions.gelu);
  if (approximate === 'tanh') return map(call.tensor('x'), functions.geluTanh);
  throw new CrossoverError(`approximate is "${approximate}"; use none or tanh`);
}

function clamp(call: Call): Result {
  const [min, max] = [call.numberIf('min') ?? -Infinity, call.numberIf('max') ?? Infinity];
  // Math.max and Math.min pass NaN on, and where min is above max all become max: torch's rules.
  return map(call.tensor('x'), (x) => Math.min(Math.max(x, min), max));
}

function where(call: Call): Result {
  const condition = call.tensor('condition');
  const [a, b] = [call.operand('a'), call.operand('b')];
  const shape = broadcastShape(condition.shape, shapeOf(a), shapeOf(b));
  const chosen = broadcastTo(condition.values, condition.shape, shape);
  const [xs, ys] = [a, b].map((one) =>
    broadcastTo(isTensor(one) ? one.values : Float64Array.of(one), shapeOf(one), shape),
  ) as [Float64Array, Float64Array];
  const values = new Float64Array(chosen.length);
  for (let i = 0; i < values.length; i++) values[i] = chosen[i] === 0 ? ys[i]! : xs[i]!;
  return { shape, values };
}

function shapeOf(operand: Tensor | number): readonly number[] {
  return isTensor(operand) ? operand.shape : [];
}

function cast(call: Call): Result {
  const x = call.tensor('x');
  if (x.dtype === 'e2m1x2' || call.dtype() === 'e2m1x2')
    throw new CrossoverError('e2m1x2 holds pairs with scales beside them; a cast is not meant for it');
  return { shape: x.shape, values: x.values.slice() };
}

export const ELEMENTWISE: Readonly<Record<string, Implementation>> = {
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: arithmetic((a, b) => a * b, integerProduct),
  div: arithmetic((a, b) => a / b, integerQuotient),
  pow: arithmetic(functions.pow, () => functions.integerPow),
  // NaN on either side gives NaN, as in torch.
  minimum: binary(Math.min),
  maximum: binary(Math.max),
  eq: comparison((a, b) => a === b),
  ne: comparison((a, b) => a !== b),
  lt: comparison((a, b) => a < b),
  le: comparison((a, b) => a <= b),
  gt: comparison((a, b) => a > b),
  ge: comparison((a, b) => a >= b),
  and: logic((a, b) => a && b),
  or: logic((a, b) => a || b),
  neg: unary((x) => -x),
  abs: unary(Math.abs),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  rsqrt: unary((x) => 1 / Math.sqrt(x)),
  reciprocal: unary((x) => 1 / x),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  tanh: unary(Math.tanh),
  erf: unary(functions.erf),
  sigmoid: unary(functions.sigmoid),
  silu: unary(functions.silu),
  relu: unary((x) => Math.max(x, 0)),
  gelu,
  not: (call) => {
    checkTruth(call);
    return map(call.tensor('x'), (x) => Number(x === 0));
  },
  round: unary(functions.roundHalfEven),
  floor: unary(Math.floor),
  ceil: unary(Math.ceil),
  cast,
  clamp,
  where,
};
