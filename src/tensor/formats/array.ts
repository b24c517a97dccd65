/**
 * @file Whole tensors between bytes and numbers. Bytes are little-endian whatever the host, need no alignment, and may lie
 * in shared memory. 8- and 16-bit types are decoded through a table of all their values, made at first use. Each loop
 * calls one encoder by name rather than one from a table, so that it is inlined.
 */
import { CrossoverError } from '../../errors.ts';
import { type DType, dtypeBytes } from '../dtype.ts';
import { encodeBf16 } from './bf16.ts';
import { decodeE2m1, encodeE2m1, packE2m1 } from './e2m1.ts';
import { ELEMENT_FORMATS } from './element.ts';
import { encodeF8e4m3 } from './f8e4m3.ts';
import { encodeF16 } from './f16.ts';
import { F32_NAN } from './f32.ts';
import { encodeI8 } from './i8.ts';

const tables = new Map<DType, Float64Array>();

/** The number of every code of an 8- or 16-bit dtype. */
function decodeTable(dtype: DType): Float64Array {
  let table = tables.get(dtype);
  if (table === undefined) {
    const { decode } = ELEMENT_FORMATS[dtype];
    table = Float64Array.from({ length: 2 ** (8 * dtypeBytes(dtype)) }, (_, bits) => decode(bits));
    tables.set(dtype, table);
  }
  return table;
}

/**
 * The numbers in a tensor's bytes, exactly. `e2m1x2` gives two numbers for a byte, the low nibble's first.
 * Throws when the bytes do not divide into elements.
 */
export function decodeArray(dtype: DType, bytes: Uint8Array): Float64Array {
  const size = dtypeBytes(dtype);
  if (bytes.length % size !== 0) {
    throw new CrossoverError(`bytes of ${dtype} has length ${bytes.length}; use a multiple of ${size}`);
  }
  const count = bytes.length / size;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === 'e2m1x2') {
    const values = new Float64Array(2 * count);
    for (let i = 0; i < count; i++) {
      values[2 * i] = decodeE2m1(bytes[i]!);
      values[2 * i + 1] = decodeE2m1(bytes[i]! >>> 4);
    }
    return values;
  }
  const values = new Float64Array(count);
  if (dtype === 'f32') {
    for (let i = 0; i < count; i++) values[i] = view.getFloat32(4 * i, true);
  } else if (size === 2) {
    const table = decodeTable(dtype);
    for (let i = 0; i < count; i++) values[i] = table[view.getUint16(2 * i, true)]!;
  } else {
    const table = decodeTable(dtype);
    for (let i = 0; i < count; i++) values[i] = table[bytes[i]!]!;
  }
  return values;
}

/**
 * A tensor's bytes. Every value is rounded once, to nearest, ties to even, and canonical NaNs are written.
 * `e2m1x2` packs two values into a byte, the first in the low nibble; an odd number of values throws.
 */
export function encodeArray(dtype: DType, values: ArrayLike<number>): Uint8Array {
  const count = values.length;
  if (dtype === 'e2m1x2') return encodePairs(values);
  const bytes = new Uint8Array(count * dtypeBytes(dtype));
  const view = new DataView(bytes.buffer);
  switch (dtype) {
    case 'f32':
      for (let i = 0; i < count; i++) {
        const value = values[i]!;
        if (Number.isNaN(value)) view.setUint32(4 * i, F32_NAN, true);
        else view.setFloat32(4 * i, value, true);
      }
      break;
    case 'f16':
      for (let i = 0; i < count; i++) view.setUint16(2 * i, encodeF16(values[i]!), true);
      break;
    case 'bf16':
      for (let i = 0; i < count; i++) view.setUint16(2 * i, encodeBf16(values[i]!), true);
      break;
    case 'f8e4m3':
      for (let i = 0; i < count; i++) bytes[i] = encodeF8e4m3(values[i]!);
      break;
    case 'i8':
      for (let i = 0; i < count; i++) bytes[i] = encodeI8(values[i]!);
      break;
    default:
      dtype satisfies never;
  }
  return bytes;
}

function encodePairs(values: ArrayLike<number>): Uint8Array {
  if (values.length % 2 !== 0) {
    throw new CrossoverError(`values of e2m1x2 has length ${values.length}; use an even number`);
  }
  const bytes = new Uint8Array(values.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = packE2m1(encodeE2m1(values[2 * i]!), encodeE2m1(values[2 * i + 1]!));
  }
  return bytes;
}

/** Every value rounded to the nearest number of the dtype: what `decodeArray(dtype, encodeArray(dtype, values))` gives. */
export function roundArray(dtype: DType, values: ArrayLike<number>): Float64Array {
  return decodeArray(dtype, encodeArray(dtype, values));
}
