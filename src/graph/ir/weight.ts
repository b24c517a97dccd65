/**
 * @file What a file holds of weights: bytes with a type and strides, read when they are asked for.
 */
import { CrossoverError } from '../../errors.ts';
import type { GraphDType } from './type.ts';

/** A weight's place in its storage. Sizes and strides are elements; several weights may share a storage. */
export interface Weight {
  readonly dtype: GraphDType;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** Element of the storage at which it begins. */
  readonly offset: number;
  /** The bytes of the whole storage, little endian. May read a file. @throws CrossoverError when it is shorter than the weight needs */
  storage(): Uint8Array;
}

/** Weights by name. */
export type WeightStore = ReadonlyMap<string, Weight>;

export const NO_WEIGHTS: WeightStore = new Map();

/** @throws CrossoverError that names what there is */
export function weightNamed(weights: WeightStore, name: string): Weight {
  const weight = weights.get(name);
  if (weight) return weight;
  const some = [...weights.keys()].slice(0, 4).join(', ');
  throw new CrossoverError(
    `the file holds no weight "${name}"; it has ${weights.size === 0 ? 'none' : `${some}${weights.size > 4 ? ', ...' : ''}`}`,
  );
}

/** Strides of elements that lie one after the other. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= Math.max(1, shape[i]!);
  }
  return strides;
}
