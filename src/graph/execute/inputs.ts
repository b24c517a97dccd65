/**
 * @file What callers give, as tensors: numbers in nested lists, typed arrays, or values with a shape.
 */
import { CrossoverError } from '../../errors.ts';
import { elementCount } from '../../tensor/shape.ts';
import { type Dim, type GraphDType, isFloating, type TensorType, typeText } from '../ir/type.ts';
import type { Tensor } from './array.ts';
import { type Precision, roundAll } from './rounding.ts';

type Scalar = number | bigint | boolean;

/** Numbers in lists as deep as the tensor has dims; a number alone has none. */
export type Nested = Scalar | readonly Nested[];

export type NumericArray =
  | Float64Array
  | Float32Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | BigInt64Array
  | BigUint64Array;

/** Values in the order of memory. */
export interface ShapedInput {
  /** Checked, when it is given: the graph says what it must be. */
  readonly dtype?: GraphDType | undefined;
  readonly shape: readonly number[];
  readonly values: ArrayLike<Scalar>;
}

/** A typed array alone has one dim, or those that the graph says, when all of them are numbers. A number or truth value may be an input that is no tensor. */
export type InputValue = Nested | NumericArray | ShapedInput;

/**
 * The tensor of a type that is given. Floating point numbers are rounded to it; whole numbers must be some of it.
 * @param who for messages: `input "ids"`
 * @throws CrossoverError when the dtype, the number of dims or a value does not fit. Sizes of dims are not looked at here
 */
export function toTensor(given: InputValue, type: TensorType, who: string, precision: Precision): Tensor {
  const { dtype, shape, values } = shaped(given, type, who);
  if (dtype !== undefined && dtype !== type.dtype)
    throw new CrossoverError(`${who} is ${dtype}; it must be ${typeText(type)}`);
  if (values.length !== elementCount(shape, `shape of ${who}`))
    throw new CrossoverError(`${who} has ${values.length} values; shape [${shape.join(', ')}] has not`);
  if (shape.length !== type.shape.length)
    throw new CrossoverError(`${who} has shape [${shape.join(', ')}]; it must be ${typeText(type)}`);
  const numbers = Float64Array.from(values as ArrayLike<number>, (value: Scalar) => toNumber(value, who));
  const rounded = numbers.slice();
  try {
    roundAll(rounded, type.dtype, precision);
  } catch (cause) {
    throw new CrossoverError(`${who}: ${(cause as Error).message}`, { cause });
  }
  if (!isFloating(type.dtype)) checkSame(numbers, rounded, type.dtype, who);
  return { dtype: type.dtype, shape: [...shape], values: rounded };
}

function toNumber(value: Scalar, who: string): number {
  const number = Number(value);
  if (typeof value === 'bigint' && !Number.isSafeInteger(number))
    throw new CrossoverError(`${who} holds ${value}; whole numbers up to 2^53 are accepted`);
  return number;
}

function checkSame(given: Float64Array, rounded: Float64Array, dtype: GraphDType, who: string): void {
  for (const [i, value] of given.entries()) {
    const isByte = Number.isInteger(value) && value >= 0 && value <= 255;
    if (value === rounded[i] && (dtype !== 'e2m1x2' || isByte)) continue;
    throw new CrossoverError(`${who} holds ${value}, which is no ${dtype}`);
  }
}

function shaped(given: InputValue, type: TensorType, who: string): ShapedInput {
  if (isTyped(given)) return { shape: shapeOfFlat(given.length, type.shape, who), values: given };
  if (isShaped(given)) return given;
  const values: Scalar[] = [];
  const shape: number[] = [];
  flatten(given, 0, shape, values, who);
  return { shape, values };
}

function isTyped(given: InputValue): given is NumericArray {
  return ArrayBuffer.isView(given);
}

function isShaped(given: Exclude<InputValue, NumericArray>): given is ShapedInput {
  return typeof given === 'object' && given !== null && !Array.isArray(given) && 'values' in given;
}

function shapeOfFlat(length: number, dims: readonly Dim[], who: string): readonly number[] {
  if (dims.length === 1) return [length];
  const known = dims.filter((dim) => typeof dim === 'number');
  if (known.length === dims.length) return known;
  throw new CrossoverError(
    `${who} is a typed array of ${length} values; give { shape, values } for [${dims.join(', ')}]`,
  );
}

/** Collects values, and sizes the first time that a depth is reached; all others there must be the same. */
function flatten(given: Nested, depth: number, shape: number[], values: Scalar[], who: string): void {
  if (isScalar(given)) {
    if (depth !== shape.length) refuseRagged(who);
    values.push(given);
    return;
  }
  if (!Array.isArray(given))
    throw new CrossoverError(
      `${who} holds ${String(given)}; use numbers, lists of them, or { shape, values }`,
    );
  if (depth === shape.length && values.length === 0) shape.push(given.length);
  else if (shape[depth] !== given.length) refuseRagged(who);
  for (const one of given) flatten(one, depth + 1, shape, values, who);
}

function isScalar(given: Nested): given is Scalar {
  return typeof given === 'number' || typeof given === 'bigint' || typeof given === 'boolean';
}

function refuseRagged(who: string): never {
  throw new CrossoverError(`${who} has lists of different lengths or depths; a tensor has not`);
}
