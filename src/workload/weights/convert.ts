/**
 * @file Elements of checkpoints as bf16, and bf16 as f8e4m3 codes. Each is rounded once, to nearest, ties to even.
 */
import { decodeBf16, encodeBf16 } from '../../tensor/formats/bf16.ts';
import { encodeF8e4m3 } from '../../tensor/formats/f8e4m3.ts';
import { decodeF16 } from '../../tensor/formats/f16.ts';
import { LARGEST_CODE } from './planned.ts';

const CODES = 2 ** 16;
const QUIET_NAN = 0x7fc0;
const SMALLEST_SCALE: number = 2 ** -126;

let ofF16: Uint16Array | undefined;

/** Bytes of an element in a file. */
export function storedBytes(dtype: string): number {
  return dtype === 'F32' ? 4 : 2;
}

/** Elements of a file, little endian, to bf16: in place for those of two bytes, to the front for those of four. @returns the bytes that are bf16 now */
export function toBf16(dtype: string, bytes: Uint8Array): Uint8Array {
  if (dtype === 'BF16') return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === 'F16') {
    ofF16 ??= Uint16Array.from({ length: CODES }, (_, code) => encodeBf16(decodeF16(code)));
    for (let at = 0; at < bytes.length; at += 2) view.setUint16(at, ofF16[view.getUint16(at, true)]!, true);
    return bytes;
  }
  const count = bytes.length / 4;
  for (let i = 0; i < count; i++) view.setUint16(2 * i, upperHalf(view.getUint32(4 * i, true)), true);
  return bytes.subarray(0, 2 * count);
}

/** Bits of an f32 rounded to its upper half. */
function upperHalf(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return QUIET_NAN;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** Rows as columns, of bf16. */
export function transposed(bytes: Uint8Array, rows: number, columns: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const [from, to] = [2 * (r * columns + c), 2 * (c * rows + r)];
      result[to] = bytes[from]!;
      result[to + 1] = bytes[from + 1]!;
    }
  }
  return result;
}

/** Codes of bf16 numbers by the scale that takes the largest of them to the largest code. */
export function toCodes(bytes: Uint8Array): { codes: Uint8Array; scale: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length / 2;
  let largest = 0;
  // Magnitudes have the order of their bits; what is above infinity is NaN, which has no size.
  for (let i = 0; i < count; i++) {
    const magnitude = view.getUint16(2 * i, true) & 0x7fff;
    if (magnitude > largest && magnitude < 0x7f80) largest = magnitude;
  }
  const scale = largest === 0 ? 1 : Math.max(Math.fround(decodeBf16(largest) / LARGEST_CODE), SMALLEST_SCALE);
  const inverse = Math.fround(1 / scale);
  const table = Uint8Array.from({ length: CODES }, (_, code) =>
    encodeF8e4m3(Math.fround(decodeBf16(code) * inverse)),
  );
  const codes = new Uint8Array(count);
  for (let i = 0; i < count; i++) codes[i] = table[view.getUint16(2 * i, true)]!;
  return { codes, scale };
}
