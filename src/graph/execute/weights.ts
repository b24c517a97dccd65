/**
 * @file Weights as tensors: their bytes read, decoded, and brought into order.
 */
import { CrossoverError } from '../../errors.ts';
import { decodeArray } from '../../tensor/formats/array.ts';
import { elementBytes, type GraphDType } from '../ir/type.ts';
import { contiguousStrides, type Weight } from '../ir/weight.ts';
import { copyStrided, type Tensor } from './array.ts';
import { decodeF8e5m2 } from './rounding.ts';

/** @throws CrossoverError when the storage is too short, or holds what the executor cannot compute with */
export function loadWeight(name: string, weight: Weight): Tensor {
  const { dtype, shape, strides, offset } = weight;
  // Where its first and its last element lie: storages may be shared, so only what lies between is decoded.
  const reach = (sign: 1 | -1): number =>
    shape.reduce(
      (sum, size, dim) => sum + (sign * strides[dim]! > 0 ? (size - 1) * strides[dim]! : 0),
      offset,
    );
  const isEmpty = shape.includes(0);
  const [first, last] = isEmpty ? [0, -1] : [reach(-1), reach(1)];
  const size = elementBytes(dtype);
  const bytes = weight.storage();
  if (first < 0 || (last + 1) * size > bytes.length) {
    throw new CrossoverError(
      `weight "${name}" reaches to byte ${(last + 1) * size} of its storage, which has ${bytes.length}`,
    );
  }
  const values = decoded(name, dtype, bytes.subarray(first * size, (last + 1) * size));
  const isInOrder = contiguousStrides(shape).every(
    (stride, dim) => stride === strides[dim] || shape[dim] === 1,
  );
  return {
    dtype,
    shape,
    values: isInOrder || isEmpty ? values : copyStrided(values, shape, strides, offset - first),
  };
}

function decoded(name: string, dtype: GraphDType, bytes: Uint8Array): Float64Array {
  switch (dtype) {
    case 'f32':
    case 'f16':
    case 'bf16':
    case 'f8e4m3':
    case 'i8':
      return decodeArray(dtype, bytes);
    case 'u8':
    // Pairs of e2m1 are bytes here.
    case 'e2m1x2':
      return Float64Array.from(bytes);
    case 'bool':
      return Float64Array.from(bytes, (byte) => (byte === 0 ? 0 : 1));
    case 'f8e5m2':
      return Float64Array.from(bytes, decodeF8e5m2);
    default:
      return decodedWide(name, dtype, bytes);
  }
}

function decodedWide(name: string, dtype: GraphDType, bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = readerOf(view, dtype);
  if (!read) throw new CrossoverError(`weight "${name}" is ${dtype}, which the reference executor lacks`);
  const size = elementBytes(dtype);
  return Float64Array.from({ length: bytes.length / size }, (_, i) => {
    const value = read(i * size);
    if (typeof value === 'number') return value;
    const whole = Number(value);
    if (Number.isSafeInteger(whole)) return whole;
    throw new CrossoverError(
      `weight "${name}" holds ${value}; the reference executor computes whole numbers up to 2^53`,
    );
  });
}

function readerOf(view: DataView, dtype: GraphDType): ((at: number) => number | bigint) | undefined {
  switch (dtype) {
    case 'f64':
      return (at) => view.getFloat64(at, true);
    case 'i64':
      return (at) => view.getBigInt64(at, true);
    case 'u64':
      return (at) => view.getBigUint64(at, true);
    case 'i32':
      return (at) => view.getInt32(at, true);
    case 'u32':
      return (at) => view.getUint32(at, true);
    case 'i16':
      return (at) => view.getInt16(at, true);
    case 'u16':
      return (at) => view.getUint16(at, true);
    default:
      return undefined;
  }
}
