/**
 * @file Products of matrices. Sums are accumulated in float64 and rounded once, by the executor.
 */
import { CrossoverError } from '../../errors.ts';
import { elementCount } from '../../tensor/shape.ts';
import { type Result, tensorText, zeros } from './array.ts';
import { broadcastPositions, broadcastShape } from './broadcast.ts';
import type { Call, Implementation } from './call.ts';

/** As torch.matmul: a row stands for one dim before, a column for one behind, and both are gone afterwards. */
function matmul(call: Call): Result {
  const [a, b] = [call.tensor('a'), call.tensor('b')];
  const refuse = (): never => {
    throw new CrossoverError(`${tensorText(a)} and ${tensorText(b)} have no product`);
  };
  if (a.shape.length === 0 || b.shape.length === 0) refuse();
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const [rows, inner, columns] = [left.at(-2)!, left.at(-1)!, right.at(-1)!];
  if (right.at(-2) !== inner) refuse();
  const [ofA, ofB] = [left.slice(0, -2), right.slice(0, -2)];
  const batch = broadcastShape(ofA, ofB);
  const [fromA, fromB] = [broadcastPositions(ofA, batch), broadcastPositions(ofB, batch)];
  const values = zeros([...batch, rows, columns]);
  for (let i = 0; i < fromA.length; i++) {
    const x = part(a.values, fromA[i]!, rows * inner);
    const y = part(b.values, fromB[i]!, inner * columns);
    multiply(x, y, part(values, i, rows * columns), inner, columns);
  }
  const shape = [...batch];
  if (a.shape.length > 1) shape.push(rows);
  if (b.shape.length > 1) shape.push(columns);
  return { shape, values };
}

function part(values: Float64Array, index: number, size: number): Float64Array {
  return values.subarray(index * size, (index + 1) * size);
}

/** Adds x [rows, inner] times y [inner, columns] to `into`, row of y by row: in the order of memory. */
function multiply(
  x: Float64Array,
  y: Float64Array,
  into: Float64Array,
  inner: number,
  columns: number,
): void {
  const rows = columns === 0 ? 0 : into.length / columns;
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < inner; k++) {
      const factor = x[row * inner + k]!;
      for (let i = 0; i < columns; i++) into[row * columns + i]! += factor * y[k * columns + i]!;
    }
  }
}

function linear(call: Call): Result {
  const [x, weight, bias] = [call.tensor('x'), call.tensor('weight'), call.tensorIf('bias')];
  const [outputs, inner] = weight.shape;
  if (weight.shape.length !== 2 || outputs === undefined || x.shape.length === 0 || x.shape.at(-1) !== inner)
    throw new CrossoverError(`x ${tensorText(x)} and weight ${tensorText(weight)} have no product`);
  if (bias && bias.values.length !== 1 && !(bias.shape.length === 1 && bias.shape[0] === outputs))
    throw new CrossoverError(`bias is ${tensorText(bias)}; it must be [${outputs}]`);
  const shape = [...x.shape.slice(0, -1), outputs];
  const values = zeros(shape);
  const rows = elementCount(x.shape.slice(0, -1));
  for (let row = 0; row < rows; row++) {
    for (let out = 0; out < outputs; out++) {
      const added = bias?.values[bias.values.length === 1 ? 0 : out] ?? 0;
      values[row * outputs + out] = dot(x.values, row * inner!, weight.values, out * inner!, inner!) + added;
    }
  }
  return { shape, values };
}

/** Of `size` numbers of x from `i` on and as many of y from `j` on. */
export function dot(x: Float64Array, i: number, y: Float64Array, j: number, size: number): number {
  let sum = 0;
  for (let k = 0; k < size; k++) sum += x[i + k]! * y[j + k]!;
  return sum;
}

export const PRODUCTS: Readonly<Record<string, Implementation>> = { matmul, linear };
