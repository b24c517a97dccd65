/**
 * @file Values that are known at import: small tensors of the file, and sizes that Shape gives. Shapes, axes and bounds that ONNX passes as tensors are
 * read from these.
 */
import { decodeBf16 } from '../../../tensor/formats/bf16.ts';
import { decodeF8e4m3 } from '../../../tensor/formats/f8e4m3.ts';
import { decodeF16 } from '../../../tensor/formats/f16.ts';
import type { Value } from '../../ir/graph.ts';
import { type Dim, elementBytes, type GraphDType } from '../../ir/type.ts';
import { contiguousStrides, type Weight } from '../../ir/weight.ts';

/** A dim of a tensor that is no number: what Shape gives of it. */
export interface Size {
  readonly dim: Dim;
  readonly of: Value;
  readonly axis: number;
}

export type Element = number | Size;

export interface Known {
  readonly dtype: GraphDType;
  readonly shape: readonly number[];
  /** Row-major. Truth values are 0 and 1. */
  readonly elements: readonly Element[];
}

/** Larger tensors are data, and no shapes. */
export const MAX_KNOWN = 1024;

const READERS: Partial<Record<GraphDType, (view: DataView, at: number) => number>> = {
  f64: (view, at) => view.getFloat64(at, true),
  f32: (view, at) => view.getFloat32(at, true),
  f16: (view, at) => decodeF16(view.getUint16(at, true)),
  bf16: (view, at) => decodeBf16(view.getUint16(at, true)),
  f8e4m3: (view, at) => decodeF8e4m3(view.getUint8(at)),
  i64: (view, at) => Number(view.getBigInt64(at, true)),
  u64: (view, at) => Number(view.getBigUint64(at, true)),
  i32: (view, at) => view.getInt32(at, true),
  u32: (view, at) => view.getUint32(at, true),
  i16: (view, at) => view.getInt16(at, true),
  u16: (view, at) => view.getUint16(at, true),
  i8: (view, at) => view.getInt8(at),
  u8: (view, at) => view.getUint8(at),
  bool: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
};

/** A weight's numbers; undefined when it is large, or of a type whose numbers nothing here needs. */
export function readKnown({ dtype, shape, storage }: Weight): Known | undefined {
  const read = READERS[dtype];
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (!read || count > MAX_KNOWN) return undefined;
  const bytes = storage();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = elementBytes(dtype);
  return { dtype, shape, elements: Array.from({ length: count }, (_, i) => read(view, i * width)) };
}

const WRITERS: Partial<Record<GraphDType, (view: DataView, at: number, value: number) => void>> = {
  f64: (view, at, value) => view.setFloat64(at, value, true),
  f32: (view, at, value) => view.setFloat32(at, value, true),
  i64: (view, at, value) => view.setBigInt64(at, clampedInt64(value), true),
  i32: (view, at, value) => view.setInt32(at, value, true),
  bool: (view, at, value) => view.setUint8(at, value),
};

/** The numbers as a weight; undefined when some are none, or the dtype is none that is computed with here, or does not hold them. */
export function knownWeight({ dtype, shape, elements }: Known): Weight | undefined {
  const write = WRITERS[dtype];
  if (!write || !elements.every((one) => typeof one === 'number' && isExactIn(dtype, one))) return undefined;
  const width = elementBytes(dtype);
  const storage = (): Uint8Array => {
    const bytes = new Uint8Array(elements.length * width);
    const view = new DataView(bytes.buffer);
    elements.forEach((element, i) => {
      write(view, i * width, Number(element));
    });
    return bytes;
  };
  return { dtype, shape, strides: contiguousStrides(shape), offset: 0, storage };
}

/** The largest int64, which bounds of slices are, is 2^63 as a float64. */
function clampedInt64(value: number): bigint {
  const whole = BigInt(value);
  return whole >= 2n ** 63n ? 2n ** 63n - 1n : whole;
}

/** Whether the dtype holds a number as it is. */
function isExactIn(dtype: GraphDType, value: number): boolean {
  switch (dtype) {
    case 'f64':
      return true;
    case 'f32':
      return Object.is(Math.fround(value), value);
    case 'i64':
      return Number.isInteger(value) && Math.abs(value) <= 2 ** 63;
    case 'i32':
      return value === (value | 0);
    case 'bool':
      return value === 0 || value === 1;
    default:
      return false;
  }
}
