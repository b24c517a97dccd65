/**
 * @file Tensors of a file as weights: checked at import, decoded when someone asks for their bytes.
 */
import { CrossoverError } from '../../../errors.ts';
import { elementBytes, type GraphDType, tensorType, type ValueType } from '../../ir/type.ts';
import { contiguousStrides, type Weight } from '../../ir/weight.ts';
import { externalPart, readPart } from './external.ts';
import type { OnnxTensor } from './messages.ts';
import { typedElements } from './parse-tensor.ts';
import type { Wire } from './wire.ts';

/** TensorProto.DataType. Strings (8), 4-bit and 2-bit integers and f8e8m0 have no element type here. */
const DTYPES: Readonly<Record<number, GraphDType>> = {
  1: 'f32',
  2: 'u8',
  3: 'i8',
  4: 'u16',
  5: 'i16',
  6: 'i32',
  7: 'i64',
  9: 'bool',
  10: 'f16',
  11: 'f64',
  12: 'u32',
  13: 'u64',
  14: 'complex64',
  15: 'complex128',
  16: 'bf16',
  17: 'f8e4m3',
  18: 'f8e4m3fnuz',
  19: 'f8e5m2',
  20: 'f8e5m2fnuz',
};

/** Pairs of 4-bit floats are one element here. */
const FLOAT4 = 23;
const STRING = 8;
/** Bits of an element of the types that have none here. */
const OTHER_BITS: Readonly<Record<number, number>> = { 21: 4, 22: 4, 24: 8, 25: 2, 26: 2 };

export function dtypeOf(code: number): GraphDType | undefined {
  return DTYPES[code];
}

/** The type of a tensor; opaque when graphs here have no such elements. Dims of a pair of 4-bit floats are halved. */
export function typeOf<D extends number | string>(code: number, dims: readonly D[]): ValueType {
  const dtype = DTYPES[code];
  if (dtype) return tensorType(dtype, dims);
  const last = dims.at(-1);
  if (code !== FLOAT4 || typeof last !== 'number' || last % 2 !== 0) return { kind: 'opaque' };
  return tensorType('e2m1x2', [...dims.slice(0, -1), last / 2]);
}

export interface Content {
  readonly type: ValueType;
  /** Of elements that have no dtype here, the bytes as they lie in the file, as u8. Absent for texts. */
  readonly weight?: Weight;
  readonly texts: readonly string[];
}

/** Files that weights are read from. */
export interface Source {
  readonly wire: Wire;
  readonly folder: string;
}

/** @throws CrossoverError when the dims, the type and the bytes disagree */
export function contentOf(tensor: OnnxTensor, source: Source, place: string): Content {
  const { dims, type: code, texts } = tensor;
  if (code === STRING) return { type: { kind: 'opaque' }, texts };
  const count = elementCount(dims, place);
  const type = typeOf(code, dims);
  const dtype = type.kind === 'tensor' ? type.dtype : 'u8';
  const bits = code === FLOAT4 ? 4 : DTYPES[code] ? elementBytes(dtype) * 8 : OTHER_BITS[code];
  if (bits === undefined) {
    throw new CrossoverError(`${place} has data_type ${code}; expected one of TensorProto.DataType, 1 to 26`);
  }
  const bytes = Math.ceil((count * bits) / 8);
  if (!Number.isSafeInteger(bytes))
    throw new CrossoverError(`${place} has ${count} elements, which no file holds`);
  const shape = type.kind === 'tensor' ? [...type.shape].map(Number) : [bytes];
  const storage = storageOf(tensor, source, { code, count, bytes, bits }, place);
  return { type, texts, weight: { dtype, shape, strides: contiguousStrides(shape), offset: 0, storage } };
}

function elementCount(dims: readonly number[], place: string): number {
  let count = 1;
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0) {
      throw new CrossoverError(`${place} has the dims ${dims.join(', ')}; expected whole numbers from 0`);
    }
    count *= dim;
  }
  if (Number.isSafeInteger(count)) return count;
  throw new CrossoverError(`${place} has the dims ${dims.slice(0, 8).join(', ')}, which no file holds`);
}

interface Need {
  readonly code: number;
  readonly count: number;
  readonly bytes: number;
  readonly bits: number;
}

function storageOf(tensor: OnnxTensor, source: Source, need: Need, place: string): () => Uint8Array {
  const { raw, external, counts } = tensor;
  const { code, count, bytes, bits } = need;
  if (external) {
    const part = externalPart(external, source.folder, bytes, place);
    return () => readPart(part, place);
  }
  if (raw) {
    if (raw.length !== bytes) {
      throw new CrossoverError(
        `${place} has ${raw.length} bytes of raw_data; its dims and its type need ${bytes}`,
      );
    }
    // Readers view bytes as elements, which have to be aligned.
    return () => (raw.byteOffset % 8 === 0 ? raw : raw.slice());
  }
  const field = typedField(code);
  // Parts of complex numbers stand alone, and numbers below a byte share one.
  const numbers = code === 14 || code === 15 ? count * 2 : bits < 8 ? bytes : count;
  const found = counts.get(field) ?? 0;
  if (found !== numbers) {
    throw new CrossoverError(
      `${place} has ${found} numbers in field ${field}; its dims and its type need ${numbers}`,
    );
  }
  return () => encode(source.wire, tensor, field, numbers === 0 ? 1 : bytes / numbers, bytes);
}

/** The field of TensorProto that holds elements of a type. */
function typedField(code: number): number {
  switch (code) {
    case 1:
    case 14:
      return 4;
    case 11:
    case 15:
      return 10;
    case 7:
      return 7;
    case 12:
    case 13:
      return 11;
    default:
      return 5;
  }
}

/** Numbers of a typed field, `width` bytes each: bits of floats as they are, the low bytes of whole numbers. */
function encode(wire: Wire, tensor: OnnxTensor, field: number, width: number, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  const view = new DataView(out.buffer);
  let to = 0;
  for (const at of typedElements(wire, tensor, field)) {
    if (field === 4 || field === 10) out.set(wire.bytes.subarray(at, at + width), to);
    else if (width === 8) view.setBigInt64(to, wire.varintExact(at), true);
    else {
      const value = wire.varint(at);
      if (width === 4) view.setUint32(to, value, true);
      else if (width === 2) view.setUint16(to, value, true);
      else out[to] = value;
    }
    to += width;
  }
  return out;
}
