/** @file Sizes that a key can have, those of a sweep, and the arena that a workload takes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countOf } from '../../dist/bench/request.js';
import { launch } from '../../dist/group/launch.js';
import { seeded } from '../../dist/measure/random.js';
import { arenaFor, pattern, sizeFor } from '../../dist/measure/workload.js';
import { OPERATIONS, type Operation } from '../../dist/operations.js';
import { makePlanEntry } from '../../dist/plan/entry.js';
import { dtypeBytes } from '../../dist/tensor/dtype.js';
import { heldOutSizes } from '../../dist/tune/judge.js';
import { keysOf, sizesOf, type TuneRequest } from '../../dist/tune/request.js';
import { program } from '../support/program.ts';
import { arbitraryKey } from './keys.ts';

const bytes = fc.integer({ min: 1, max: 1 << 26 });

test('sizeFor: the nearest size of whole elements on every rank, or of whole rows', () => {
  fc.assert(
    fc.property(arbitraryKey, bytes, (key, wanted) => {
      const size = sizeFor(key, wanted);
      const parts = key.operation === 'all_gather' || key.operation === 'reduce_scatter' ? key.worldSize : 1;
      const unit = dtypeBytes(key.dtype) * parts * (key.hidden ?? 1);
      expect(size % unit).toBe(0);
      expect(size).toBeGreaterThanOrEqual(unit);
      if (size > unit) expect(Math.abs(size - wanted)).toBeLessThanOrEqual(unit / 2);
      expect(sizeFor(key, size)).toBe(size);
    }),
  );
});

test('countOf: what nccl-tests prints beside a size: elements of a part where ranks have parts', () => {
  const key = { dtype: 'f32', worldSize: 4, mode: 'eager', registered: true } as const;
  const count = (operation: Operation): number => countOf({ ...key, operation }, 4096);
  expect(OPERATIONS.map((operation) => [operation, count(operation)])).toEqual([
    ['all_reduce', 1024],
    ['all_gather', 256],
    ['reduce_scatter', 256],
    ['broadcast', 1024],
    ['all_reduce_rms_norm', 1024],
  ]);
});

test('heldOutSizes: none that was measured, in the sweep or in between', () => {
  const key = {
    operation: 'all_reduce_rms_norm',
    dtype: 'bf16',
    worldSize: 2,
    mode: 'eager',
    hidden: 512,
    registered: true,
  } as const;
  const points = [1, 2, 3, 4, 6, 8].map((rows) => ({ bytes: rows * 1024, us: rows, spread: 0 }));
  const entry = makePlanEntry(key, [{ algorithm: 'one_shot', tunables: {}, points }]);
  for (let seed = 0; seed < 20; seed++)
    for (const bytes of heldOutSizes(entry, seeded(seed))) expect([5, 7]).toContain(bytes / 1024);
});

test('arenaFor: grows with the operands of one set, and holds them', () => {
  fc.assert(
    fc.property(arbitraryKey, bytes, (key, wanted) => {
      const size = sizeFor(key, wanted);
      const tensors = key.hidden === undefined ? 2 : 3;
      expect(arenaFor(key, size)).toBeGreaterThanOrEqual(tensors * size);
    }),
  );
});

test('arenaFor: what workloads really take', async () => {
  const results = await launch<string[]>(program('./programs/arena.ts', import.meta.url), { ranks: 2 });
  expect(results).toEqual([[], []]);
});

const REQUEST: TuneRequest = {
  operations: ['all_reduce', 'all_gather', 'all_reduce_rms_norm'],
  dtypes: ['bf16', 'f32'],
  modes: ['eager', 'replay'],
  hidden: [100, 4096],
  quantizations: ['none', 'nvfp4'],
  minBytes: 1024,
  maxBytes: 1 << 20,
  factor: 4,
  seconds: 1,
  deterministic: false,
  seed: 1,
  progress: false,
};

test('keysOf: every combination once, without those that cannot be', () => {
  const keys = keysOf(REQUEST, 2);
  // 2 operations x 2 dtypes x 2 modes, and 3 shapes of the fused one: nvfp4 needs a multiple of 16.
  expect(keys).toHaveLength(8 + 12);
  expect(new Set(keys.map((key) => JSON.stringify(key))).size).toBe(keys.length);
  expect(keys.filter((key) => key.quantization === 'nvfp4').every((key) => key.hidden === 4096)).toBe(true);
});

test('sizesOf: ascending, without repetition, sizes that the key can have', () => {
  const requests = fc.record({
    minBytes: fc.integer({ min: 1, max: 1 << 20 }),
    ratio: fc.integer({ min: 1, max: 1024 }),
    factor: fc.double({ min: 1.5, max: 16, noNaN: true }),
  });
  fc.assert(
    fc.property(arbitraryKey, requests, (key, { minBytes, ratio, factor }) => {
      const sizes = sizesOf({ ...REQUEST, minBytes, maxBytes: minBytes * ratio, factor }, key);
      expect(sizes.length).toBeGreaterThan(0);
      for (const [i, size] of sizes.entries()) {
        expect(sizeFor(key, size)).toBe(size);
        if (i > 0) expect(size).toBeGreaterThan(sizes[i - 1]!);
      }
    }),
  );
  expect(sizesOf(REQUEST, keysOf(REQUEST, 2)[0]!)).toEqual([1024, 4096, 16384, 65536, 262144, 1048576]);
});

test('patterns are multiples of 1/8 up to 1 that repeat, and differ between ranks', () => {
  for (let i = 0; i < 5000; i++) {
    const value = pattern(3, i);
    expect(Math.abs(value)).toBeLessThanOrEqual(1);
    expect(Number.isInteger(value * 8)).toBe(true);
    expect(pattern(3, i + 17 * 256)).toBe(value);
    expect(pattern(2, i)).not.toBe(value);
  }
});
