/** @file Row kernels: what descriptors, shapes of launches and kernels have to know alike. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Algorithm, refusal } from '../../dist/collective/algorithm.js';
import { fusedOneShotPush } from '../../dist/collective/all-reduce-rms-norm/one-shot-push.js';
import { fusedTwoShotPush } from '../../dist/collective/all-reduce-rms-norm/two-shot-push.js';
import { kernelOf } from '../../dist/engine/cuda/catalog.js';
import { MAX_PACKETS } from '../../dist/engine/cuda/layout.js';
import { sourceText } from '../../dist/engine/cuda/sources.js';
import { emptyLaunch, type Launch } from '../../dist/engine/engine.js';
import { hasWholeRows, MOST_CLUSTER, mostRowBytes, rowBytes } from '../../dist/engine/rows.js';
import { DTYPES } from '../../dist/tensor/dtype.js';
import { recorder } from '../collective/support/recorder.ts';

const WARP = 32;
const MULTIPROCESSORS = 132;

/** The value of a constant of a kernel that depends on WORLD. */
function constant(file: string, name: string, world: number): number {
  const text = new RegExp(`constexpr u32 ${name} = (.*);`).exec(sourceText(file))?.[1];
  return Number(new Function('WORLD', `return ${text}`)(world));
}

const launches = fc.record({
  dtype: fc.integer({ min: 0, max: 2 }),
  hidden: fc.oneof(fc.integer({ min: 1, max: 32768 }), fc.constantFrom(128, 2880, 4096, 5120, 7168, 8192)),
  tokens: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 4096 })),
  input: fc.constantFrom(1 << 20, (1 << 20) + 8),
  worldSize: fc.integer({ min: 2, max: 8 }),
});

/** Rows of a block, as a kernel finds them that gives a thread `threadBytes` of a row. */
function rowsOfBlock(launch: Launch, block: number, threadBytes: number): number {
  const warps = Math.ceil(rowBytes(launch) / (WARP * threadBytes));
  return block / WARP / warps;
}

test('rows hold what the launch bounds of the kernels allow', () => {
  for (let world = 2; world <= 8; world++) {
    const most = constant('all_reduce_rms_norm_one_shot_push.cu', 'FEWER', world);
    expect([4, 8, 16].map((bytes) => mostRowBytes(bytes, world, false))).toEqual([4096, 8192, 16 * most]);
    for (const bytes of [4, 8, 16]) {
      const threads = constant('all_reduce_rms_norm_two_shot_push.cu', `THREADS_${bytes}`, world);
      expect(mostRowBytes(bytes, world, true)).toBe(threads * bytes * world);
    }
  }
});

test('rows are whole when all tensors and rows begin at multiples of 16 bytes, above 2^32 too', () => {
  const launch = {
    ...emptyLaunch(),
    dtype: 2,
    hidden: 4096,
    input: 0x7f00_0000_0000,
    output: 0x7f00_0001_0000,
  };
  expect(hasWholeRows(launch)).toBe(true);
  expect(hasWholeRows({ ...launch, hidden: 4100 })).toBe(false);
  expect(hasWholeRows({ ...launch, dtype: 0, hidden: 4100 })).toBe(true);
  expect(hasWholeRows({ ...launch, scaleOut: 0x7f00_0000_0004 })).toBe(false);
});

describe.each([
  { algorithm: fusedOneShotPush, twoShot: false },
  { algorithm: fusedTwoShotPush, twoShot: true },
])('$algorithm.name', ({ algorithm, twoShot }) => {
  /** Every setting of what is not refused, as it would be launched. */
  function each(
    missing: (kernel: string) => string | undefined,
    check: (launch: Launch, worldSize: number) => void,
  ): void {
    let served = 0;
    fc.assert(
      fc.property(launches, ({ worldSize, ...fields }) => {
        const engine = recorder({ worldSize, missing });
        const launch = { ...emptyLaunch(), ...fields };
        const request = {
          operation: 'all_reduce_rms_norm',
          dtype: DTYPES[launch.dtype]!,
          worldSize,
          bytes: launch.tokens * rowBytes(launch),
          hidden: launch.hidden,
        } as const;
        if (refusal(algorithm as Algorithm, request, engine) !== undefined) return;
        for (const tunables of algorithm.tunables(request, engine))
          algorithm.enqueue(engine, launch, tunables);
        for (const each of engine.launches) check(each, worldSize);
        served += engine.launches.length;
      }),
      { numRuns: 1000 },
    );
    expect(served).toBeGreaterThan(200);
  }

  function checkLaunch(launch: Launch, worldSize: number, clusters = true): void {
    const target = { multiprocessors: MULTIPROCESSORS, worldSize, clusters };
    const shape = kernelOf(launch.kernel).shape(launch, target);
    const bytes = Number(/_(\d+)(_cluster)?$/.exec(launch.kernel)?.[1] ?? 16);
    const cluster = shape.cluster ?? 1;
    expect(launch.kernel.endsWith('_any')).toBe(!hasWholeRows(launch));
    expect(cluster).toBeLessThanOrEqual(MOST_CLUSTER);
    const threadBytes = bytes * (twoShot ? worldSize : 1);
    expect(shape.block * threadBytes).toBeLessThanOrEqual(mostRowBytes(bytes, worldSize, twoShot));
    if (cluster > 1) {
      expect(shape.grid).toBe(launch.tokens * cluster);
      expect(shape.block * cluster * threadBytes).toBeGreaterThanOrEqual(rowBytes(launch));
      // Sums that the exchange of a cluster has room for.
      expect((shape.block / WARP) * cluster * (twoShot ? worldSize : 1)).toBeLessThanOrEqual(256);
    } else {
      const rows = rowsOfBlock(launch, shape.block, threadBytes);
      expect(Number.isInteger(rows)).toBe(true);
      expect(shape.grid).toBe(Math.ceil(launch.tokens / rows));
    }
    // Packets, each with an epoch and two halves of a slot a peer. In the two-shot ones all threads send, if there is something for them or not.
    const threads =
      cluster > 1 ? shape.block * cluster : Math.ceil(rowBytes(launch) / (WARP * threadBytes)) * WARP;
    const packets = launch.tokens * (twoShot ? (threads * bytes) / 128 : Math.ceil(rowBytes(launch) / 128));
    expect(packets).toBeLessThanOrEqual(MAX_PACKETS);
    expect(packets * 2 * (worldSize - 1) * 128).toBeLessThanOrEqual(64 << 20);
  }

  test('every setting fits registers and mailboxes, and has every row', () => {
    each(
      () => undefined,
      (launch, worldSize) => checkLaunch(launch, worldSize),
    );
  });

  test('does without clusters where there are none', () => {
    each(
      (kernel) => (kernel.endsWith('_cluster') ? 'no clusters' : undefined),
      (launch, worldSize) => {
        checkLaunch(launch, worldSize, false);
        expect(launch.kernel).not.toMatch(/_cluster$/);
        const target = { multiprocessors: MULTIPROCESSORS, worldSize, clusters: false };
        expect(kernelOf(launch.kernel).shape(launch, target).cluster ?? 1).toBe(1);
      },
    );
  });
});

describe('local kernels', () => {
  test.each([
    {
      name: 'rms_norm',
      shares: { rms_norm: 1, rms_norm_4: 4 } as Record<string, number>,
      any: 'rms_norm_any',
    },
    { name: 'quantize', shares: { quantize: 4 } as Record<string, number>, any: 'quantize_any' },
  ])('$name has every row, of any length and alignment', ({ name, shares, any }) => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(launches, ({ worldSize, ...fields }) => {
        const launch = { ...emptyLaunch(), ...fields };
        const target = { multiprocessors: MULTIPROCESSORS, worldSize };
        const variant = kernelOf(name).variant!(launch, target);
        seen.add(variant);
        const { grid, block } = kernelOf(variant).shape(launch, target);
        if (variant === any) {
          expect(grid).toBe(launch.tokens);
          return;
        }
        expect(hasWholeRows(launch)).toBe(true);
        const rows = rowsOfBlock(launch, block, 16 * shares[variant]!);
        expect(Number.isInteger(rows)).toBe(true);
        expect(rows).toBeGreaterThan(0);
        expect(grid).toBe(Math.ceil(launch.tokens / rows));
      }),
      { numRuns: 1000 },
    );
    expect([...seen].sort()).toEqual([...Object.keys(shares), any].sort());
  });

  test('add has every element', () => {
    const { variant } = kernelOf('add');
    const target = { multiprocessors: MULTIPROCESSORS, worldSize: 2 };
    const launch = { ...emptyLaunch(), dtype: 2, count: 4096, input: 1024, residual: 2048, output: 4096 };
    expect(variant!(launch, target)).toBe('add');
    expect(variant!({ ...launch, count: 4097 }, target)).toBe('add_any');
    expect(variant!({ ...launch, residual: 2050 }, target)).toBe('add_any');
    for (const count of [1, 2048, 2049, 4097]) {
      const { grid, block } = kernelOf('add_any').shape({ ...launch, count }, target);
      expect(grid * block * 8).toBeGreaterThanOrEqual(count);
    }
  });
});
