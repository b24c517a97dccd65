/** @file Verdicts on P2P: the pattern that is compared, and the file that keeps them, which no change survives. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeStruct } from '../../dist/engine/cuda/inspect/arguments.js';
import { mismatch, mix } from '../../dist/engine/cuda/inspect/pattern.js';
import { VerdictCache } from '../../dist/engine/cuda/inspect/verdict-cache.js';

const verdicts = [
  [null, { ok: true }],
  [{ ok: false, reason: 'what it reads is wrong' }, null],
];
const key = { driver: '13000 NVRM 580.159.04', boot: 'b0', devices: ['GPU-a 01', 'GPU-b 02'], kernel: 'k0' };

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'crossover-p2p-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('kept, and found again by the same key alone', () => {
  const path = folder();
  new VerdictCache(path).write(key, verdicts);
  const cache = new VerdictCache(path);
  expect(cache.read(key)).toEqual(verdicts);
  for (const change of [
    { driver: '13000 NVRM 580.159.05' },
    { boot: 'b1' },
    { devices: ['GPU-b 02', 'GPU-a 01'] },
    { devices: ['GPU-a 01'] },
    { devices: ['GPU-a 01', 'GPU-b 03'] },
    { kernel: 'k1' },
  ])
    expect(cache.read({ ...key, ...change })).toBeUndefined();
});

test('a file that was changed counts as absent', () => {
  const path = folder();
  const cache = new VerdictCache(path);
  cache.write(key, verdicts);
  const [file] = readdirSync(path);
  const text = readFileSync(join(path, file!), 'utf8');
  writeFileSync(join(path, file!), text.replace('"ok":false', '"ok":true '));
  expect(new VerdictCache(path).read(key)).toBeUndefined();
});

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
