/**
 * @file What tensors are filled with, as bytes: ordinary numbers and everything that arithmetic can stumble over.
 */
import { type DType, dtypeBytes } from '../../../dist/tensor/dtype.js';
import { encodeArray } from '../../../dist/tensor/formats/array.js';
import { Random } from './random.ts';

/**
 * - `normal`: normal numbers whose magnitudes span 2^-8 to 2^8
 * - `special`: the same, one in four replaced by NaN (quiet, signalling, negative), infinities, zeros, subnormals or the largest numbers
 * - `largest`: only the largest finite numbers, of either sign: sums overflow
 * - `ones`: every bit set
 */
export const FLAVOURS = ['normal', 'special', 'largest', 'ones'] as const;

export type Flavour = (typeof FLAVOURS)[number];

/** Codes by dtype: quiet and signalling NaN, all ones, infinities, zeros, subnormals, largest, smallest normal, one. */
const SPECIAL: Partial<Record<DType, readonly number[]>> = {
  f32: [
    0x7fc00000, 0x7f800001, 0xffffffff, 0x7f800000, 0xff800000, 0x00000000, 0x80000000, 0x00000001,
    0x807fffff, 0x7f7fffff, 0xff7fffff, 0x00800000, 0x3f800000,
  ],
  f16: [
    0x7e00, 0x7c01, 0xffff, 0x7c00, 0xfc00, 0x0000, 0x8000, 0x0001, 0x83ff, 0x7bff, 0xfbff, 0x0400, 0x3c00,
  ],
  bf16: [
    0x7fc0, 0x7f81, 0xffff, 0x7f80, 0xff80, 0x0000, 0x8000, 0x0001, 0x807f, 0x7f7f, 0xff7f, 0x0080, 0x3f80,
  ],
};

const LARGEST: Partial<Record<DType, readonly number[]>> = {
  f32: [0x7f7fffff, 0xff7fffff],
  f16: [0x7bff, 0xfbff],
  bf16: [0x7f7f, 0xff7f],
};

/** Elements in a table; a prime, so that no chunk or row of a power of two meets the same elements again. */
const TABLE = 16381;

const tables = new Map<string, Uint8Array>();

/** Numbers of a dtype to cut tensors from: making them one by one would take most of a test's time. */
function table(dtype: DType, flavour: Flavour): Uint8Array {
  const name = `${dtype} ${flavour}`;
  let bytes = tables.get(name);
  if (bytes === undefined) {
    bytes = makeTable(dtype, flavour);
    tables.set(name, bytes);
  }
  return bytes;
}

function makeTable(dtype: DType, flavour: Flavour): Uint8Array {
  const random = new Random(TABLE);
  const special = SPECIAL[dtype];
  if (flavour === 'ones') return new Uint8Array(TABLE * dtypeBytes(dtype)).fill(0xff);
  if (special === undefined) return Uint8Array.from({ length: TABLE }, () => random.whole(0, 255));
  const values = Float64Array.from({ length: TABLE }, () => random.normal() * 2 ** random.whole(-8, 8));
  const bytes = encodeArray(dtype, values);
  if (flavour === 'normal') return bytes;
  const codes = flavour === 'largest' ? LARGEST[dtype]! : special;
  const words = dtype === 'f32' ? new Uint32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
  for (let i = 0; i < TABLE; i++) {
    if (flavour === 'largest' || random.chance(0.25)) words[i] = random.pick(codes);
  }
  return bytes;
}

/** The bytes of `count` elements; the same for the same arguments. Types that are not reduced get random bytes. */
export function elements(dtype: DType, count: number, flavour: Flavour, seed: number): Uint8Array {
  const source = table(dtype, flavour);
  const bytes = new Uint8Array(count * dtypeBytes(dtype));
  let from = new Random(seed).whole(0, TABLE - 1) * dtypeBytes(dtype);
  for (let at = 0; at < bytes.length; from = 0) {
    const piece = source.subarray(from, from + bytes.length - at);
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Infinity and the canonical NaN, by dtype. */
const NAN: Partial<Record<DType, readonly [infinity: number, canonical: number]>> = {
  f32: [0x7f800000, 0x7fc00000],
  f16: [0x7c00, 0x7e00],
  bf16: [0x7f80, 0x7fc0],
};

/** The same bytes with every NaN made the canonical one: which NaN an operation gives is left to the processor. */
export function canonical(dtype: DType, bytes: Uint8Array): Uint8Array {
  const [infinity, nan] = NAN[dtype] ?? [0, 0];
  if (nan === 0) return bytes;
  const copy = bytes.slice();
  const words = dtype === 'f32' ? new Uint32Array(copy.buffer) : new Uint16Array(copy.buffer);
  const magnitude = dtype === 'f32' ? 0x7fffffff : 0x7fff;
  for (let i = 0; i < words.length; i++) {
    if ((words[i]! & magnitude) > infinity) words[i] = nan;
  }
  return copy;
}
