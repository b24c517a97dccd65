/**
 * @file One call of a model's kernel: its operands, some of them memory with contents, and a judge of what it leaves there.
 */

import type { EngineName } from '../../../dist/collective/engines.js';
import type { ComputeName } from '../../../dist/engine/compute.js';
import type { DType } from '../../../dist/tensor/dtype.js';
import { decodeArray, encodeArray } from '../../../dist/tensor/formats/array.js';
import type { Random } from '../../collective/support/random.ts';

export type CaseDType = Extract<DType, 'bf16' | 'f32' | 'f8e4m3'> | 'i32';

/** Memory that a kernel is handed. */
export interface Memory {
  readonly dtype: CaseDType;
  /** What is there before. */
  readonly bytes: Uint8Array;
  /** Whether the kernel may change it. */
  readonly written: boolean;
}

/** What is in memory afterwards, by operand. */
export interface After {
  numbers(operand: string): Float64Array;
  bytes(operand: string): Uint8Array;
  memory(operand: string): Memory;
}

export interface Case {
  readonly kernel: ComputeName;
  /** Memory by operand; operands that are not named are absent. */
  readonly memory: Readonly<Record<string, Memory>>;
  readonly integers: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
  /** Says what is wrong, or nothing. */
  readonly judge: (after: After) => string | undefined;
  /** A shape that no model has, and that an engine may refuse; the CPU serves all. */
  readonly odd?: boolean;
  /** Whether it changes what it reads, so that it cannot be repeated. */
  readonly once?: boolean;
}

/** What cases are made for. */
export interface Making {
  readonly random: Random;
  readonly engine: EngineName;
  /** Shapes as models have them, which a CPU has no time for. */
  readonly large: boolean;
}

const BYTES: Readonly<Record<CaseDType, number>> = { bf16: 2, f32: 4, f8e4m3: 1, i32: 4 };
/** What outputs hold before. As i32 it is no count, no page and no number of anything. */
export const GUARD = 0xa5;

export function encode(dtype: CaseDType, values: ArrayLike<number>): Uint8Array {
  return dtype === 'i32' ? new Uint8Array(Int32Array.from(values).buffer) : encodeArray(dtype, values);
}

export function decode(dtype: CaseDType, bytes: Uint8Array): Float64Array {
  return dtype === 'i32'
    ? Float64Array.from(new Int32Array(bytes.slice().buffer))
    : decodeArray(dtype, bytes);
}

/** An operand that is read only. */
export function given(dtype: CaseDType, values: ArrayLike<number>): Memory {
  return { dtype, bytes: encode(dtype, values), written: false };
}

/** An operand that is read and written. */
export function changed(dtype: CaseDType, values: ArrayLike<number>): Memory {
  return { dtype, bytes: encode(dtype, values), written: true };
}

/** An operand that is only written. */
export function made(dtype: CaseDType, count: number): Memory {
  return { dtype, bytes: new Uint8Array(count * BYTES[dtype]).fill(GUARD), written: true };
}

/** The numbers of an operand, as kernels see them. */
export function numbersOf({ dtype, bytes }: Memory): Float64Array {
  return decode(dtype, bytes);
}

/** Normal numbers, each with its own bits. */
export function normals(random: Random, count: number, scale = 1): Float64Array {
  return Float64Array.from({ length: count }, () => random.normal() * scale);
}

/** A prime, so that rows of a power of two do not repeat each other. */
const TABLE = 65_521;

/** An operand of normal numbers: of as many as it has, or of a table over and over where they are many. */
export function givenNormals(random: Random, dtype: CaseDType, count: number, scale = 1): Memory {
  if (count <= TABLE) return given(dtype, normals(random, count, scale));
  const table = encode(dtype, normals(random, TABLE, scale));
  const bytes = new Uint8Array(count * BYTES[dtype]);
  for (let at = 0; at < bytes.length; at += table.length)
    bytes.set(table.subarray(0, Math.min(table.length, bytes.length - at)), at);
  return { dtype, bytes, written: false };
}

/** Some rows of an operand with `width` columns, one behind the other. */
export function rowsOf({ dtype, bytes }: Memory, width: number, rows: readonly number[]): Float64Array {
  const size = width * BYTES[dtype];
  const out = new Uint8Array(rows.length * size);
  for (const [i, row] of rows.entries()) out.set(bytes.subarray(row * size, (row + 1) * size), i * size);
  return decode(dtype, out);
}

/** Numbers of columns of a result that are looked at: all where there are few. */
export function someOf(random: Random, count: number, most: number): number[] {
  return count <= most ? Array.from({ length: count }, (_, i) => i) : distinct(random, most, count);
}

/** `count` different whole numbers from 0 to below `below`, in any order. */
export function distinct(random: Random, count: number, below: number): number[] {
  const all = Array.from({ length: below }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = random.whole(i, below - 1);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all.slice(0, count);
}
