/**
 * @file Broadcasting, as numpy and torch have it: shapes are aligned at their ends, and a dim of 1 is repeated.
 */
import { CrossoverError } from '../../errors.ts';
import { elementCount } from '../../tensor/shape.ts';
import { contiguousStrides } from '../ir/weight.ts';
import { copyStrided, positionsOf } from './array.ts';

/** The shape that all of these have together. @throws CrossoverError when they have none */
export function broadcastShape(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    let size = 1;
    for (const shape of shapes) {
      const other = shape[i - rank + shape.length] ?? 1;
      if (other === 1) continue;
      if (size !== 1 && size !== other) {
        throw new CrossoverError(
          `shapes ${shapes.map((one) => `[${one.join(', ')}]`).join(' and ')} cannot be broadcast`,
        );
      }
      size = other;
    }
    return size;
  });
}

/** The values repeated to a shape that theirs broadcasts to; the array itself where there is nothing to repeat. */
export function broadcastTo(
  values: Float64Array,
  shape: readonly number[],
  to: readonly number[],
): Float64Array {
  return values.length === elementCount(to) ? values : copyStrided(values, to, broadcastStrides(shape, to));
}

/** For each element of a broadcast shape, which element of the operand it is. */
export function broadcastPositions(shape: readonly number[], to: readonly number[]): Float64Array {
  return positionsOf(to, broadcastStrides(shape, to));
}

function broadcastStrides(shape: readonly number[], to: readonly number[]): number[] {
  const strides = contiguousStrides(shape);
  return to.map((_, i) => {
    const from = i - to.length + shape.length;
    return from < 0 || shape[from] === 1 ? 0 : strides[from]!;
  });
}
