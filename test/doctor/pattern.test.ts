/** @file What P2P is tried with: the pattern that is compared, and how kernels are told. */
import { expect, test } from 'vitest';
import { writeStruct } from '../../dist/engine/cuda/inspect/arguments.js';
import { mismatch, mix } from '../../dist/engine/cuda/inspect/pattern.js';

test('the pattern: zeros, a stale seed, one wrong word, a page moved by 4 KiB', () => {
  const seed = 0xfffffff0;
  const words = Uint32Array.from({ length: 4096 }, (_, i) => mix(i + seed));
  expect(mismatch(words, seed)).toBeUndefined();
  expect(mismatch(words, seed + 1)).toMatchObject({ count: 4096, index: 0 });
  expect(mismatch(new Uint32Array(4096), seed)!.count).toBeGreaterThanOrEqual(4095);
  const one = words.slice();
  one[77]! ^= 1;
  expect(mismatch(one, seed)).toEqual({ count: 1, index: 77, found: one[77], expected: words[77] });
  const moved = words.slice();
  moved.copyWithin(1024, 0, 1024);
  expect(mismatch(moved, seed)).toMatchObject({ count: 1024, index: 1024 });
});

test('mix does what the kernel does: known words of lowbias32', () => {
  // Computed with 64-bit integers: x ^= x >> 16; x = x * 0x7feb352d mod 2^32; x ^= x >> 15; x = x * 0x846ca68b mod 2^32; x ^= x >> 16
  const reference = (value: number): number => {
    const mask = 0xffff_ffffn;
    let x = BigInt(value);
    x ^= x >> 16n;
    x = (x * 0x7feb352dn) & mask;
    x ^= x >> 15n;
    x = (x * 0x846ca68bn) & mask;
    return Number(x ^ (x >> 16n));
  };
  for (const value of [0, 1, 2, 0x7fffffff, 0x80000000, 0xdeadbeef, 0xffffffff])
    expect(mix(value)).toBe(reference(value));
});

test('argument structs are laid out as C lays them out', () => {
  const view = new DataView(new ArrayBuffer(64));
  expect(writeStruct(view, [{ u32: 1 }, { u64: 2 ** 40 }, { u32: 3 }, { u32: 4 }, { u64: 5 }])).toBe(32);
  expect([0, 4, 16, 20].map((at) => view.getUint32(at, true))).toEqual([1, 0, 3, 4]);
  expect(view.getBigUint64(8, true)).toBe(2n ** 40n);
  expect(view.getBigUint64(24, true)).toBe(5n);
});
