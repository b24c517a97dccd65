/** @file Ways to compute matrix products on GPUs: which fit which device, and how launches divide the work. Nothing here needs a GPU. */
import { describe, expect, test } from 'vitest';
import type { Product } from '../../dist/engine/compute.js';
import { PLAIN } from '../../dist/engine/cuda/compute/products.js';
import { launchOwn, type OwnProduct } from '../../dist/engine/cuda/compute/products-own.js';
import { tuneProducts } from '../../dist/engine/cuda/compute/products-tune.js';
import {
  expertGuess,
  gridOf,
  guess,
  type OwnWay,
  ownCandidates,
  ownGuess,
  type ProductShape,
  skinnyShared,
  tilesShared,
} from '../../dist/engine/cuda/compute/products-ways.js';
import { mostShared } from '../../dist/engine/cuda/compute/shape.js';
import type { ComputeTarget, ModelLaunch } from '../../dist/engine/cuda/compute/target.js';
import { sourceText } from '../../dist/engine/cuda/sources.js';
import type { Group } from '../../dist/group/group.js';
import { Random } from '../collective/support/random.ts';

const DEVICES = [
  { capability: 80, multiprocessors: 108 },
  { capability: 86, multiprocessors: 84 },
  { capability: 89, multiprocessors: 142 },
  { capability: 90, multiprocessors: 132 },
  { capability: 100, multiprocessors: 148 },
  { capability: 120, multiprocessors: 170 },
];

const random = new Random(7);

function someShape(codes = random.next() < 0.3): ProductShape {
  const unit = codes ? 16 : random.pick([1, 8, 64]);
  return {
    tokens: random.pick([1, 2, 3, 5, 8, 9, 16, 17, 32, 33, 64, 100, 129, 4096]),
    outer: codes ? 16 * random.whole(1, 1000) : random.whole(1, 20_000),
    inner: unit * random.whole(1, 200),
    groups: codes ? 1 : random.pick([1, 1, 8, 128]),
    codes,
  };
}

function problemOf(way: OwnWay, { tokens }: ProductShape, capability: number): string | undefined {
  if (way.by === 'any') return undefined;
  const bytes = way.by === 'skinny' ? skinnyShared(way, tokens) : tilesShared(way);
  if (bytes > mostShared(capability)) return `${bytes} bytes of shared memory`;
  if (capability < 90 && way.cluster > 1) return `a cluster of ${way.cluster}`;
  return way.cluster > 8 ? `a cluster of ${way.cluster}` : undefined;
}

/** The launch of a product on an H200. */
function launchOf(way: OwnWay, product: Partial<OwnProduct> & ProductShape): ModelLaunch {
  let found: ModelLaunch | undefined;
  const target = { capability: 90, multiprocessors: 132, launch: (one: ModelLaunch) => (found = one) };
  const addresses = { out: 1, x: 2, weight: 3 };
  launchOwn(way, { ...PLAIN, ...addresses, ...product }, target as unknown as ComputeTarget);
  return found!;
}

describe('ways', () => {
  test('the numbers are those of the kernels', () => {
    expect(sourceText('skinny.cuh')).toContain('STAGES = NT == 1 ? 4 : 3;');
    expect(sourceText('skinny.cuh')).toContain('PITCH = ROWS + 4;');
    expect(sourceText('products.cuh')).toContain('STEP_BYTES = 128;');
    expect(sourceText('tiles.cuh')).toContain('TILE_ROWS = 128;');
    expect(sourceText('tiles.cuh')).toContain('TILE_THREADS = 256;');
    for (const kernel of ['linear_tiles_32, 32, 4', 'linear_tiles_64, 64, 4', 'linear_tiles_128, 128, 3'])
      expect(sourceText('linear_tiles.cu')).toContain(`TILES(${kernel})`);
  });

  test('every way fits the device', () => {
    const problems: string[] = [];
    for (let i = 0; i < 300; i++) {
      const shape = someShape();
      const device = random.pick(DEVICES);
      const ways = [
        ownGuess(shape, device),
        expertGuess(shape, random.pick([1, 4]) * shape.groups, device),
        ...ownCandidates(shape, device, random.next() < 0.5),
      ];
      for (const way of ways) {
        const problem = problemOf(way, shape, device.capability);
        if (problem) problems.push(`${JSON.stringify({ way, shape, device })}: ${problem}`);
      }
    }
    expect(problems).toEqual([]);
  });

  test('few tokens take own kernels, many the library where it is there', () => {
    const [h200] = DEVICES.filter(({ capability }) => capability === 90) as [(typeof DEVICES)[number]];
    const shape = { tokens: 16, outer: 4096, inner: 4096, groups: 1, codes: false };
    const never = (): boolean => {
      throw new Error('the library is not needed');
    };
    expect(guess(shape, h200, never).by).toBe('skinny');
    expect(guess({ ...shape, tokens: 17 }, h200, () => true)).toEqual({ by: 'library' });
    expect(guess({ ...shape, tokens: 17 }, h200, () => false)).toMatchObject({ by: 'tiles', tokens: 32 });
    expect(guess({ ...shape, inner: 4097 }, h200, () => true)).toEqual({ by: 'library' });
    expect(guess({ ...shape, inner: 4097 }, h200, () => false)).toEqual({ by: 'any' });
    // 160 tiles of 32 rows are two for most of 80 multiprocessors, and none for the others.
    expect(ownGuess({ ...shape, tokens: 1, outer: 5120 }, h200)).toMatchObject({ rows: 16, warps: 16 });
    expect(ownGuess({ ...shape, tokens: 1 }, h200)).toMatchObject({ rows: 32, warps: 8 });
  });
});

describe('launches', () => {
  test('blocks have all tiles of rows, and every block one at least', () => {
    for (let i = 0; i < 300; i++) {
      const shape = { ...someShape(false), tokens: random.pick([1, 8, 16]) };
      const device = random.pick(DEVICES);
      const way = ownGuess({ ...shape, inner: 64 }, device);
      if (way.by !== 'skinny') throw new Error('not skinny');
      const { span, blocks } = gridOf(way, shape, device, random.whole(1, 200));
      const tiles = Math.ceil(shape.outer / way.rows);
      expect(blocks * span).toBeGreaterThanOrEqual(tiles);
      expect((blocks - 1) * span).toBeLessThan(tiles);
    }
  });

  test('parameters are addresses and sizes in the order of the kernels', () => {
    const shape = { tokens: 3, outer: 4096, inner: 2048, groups: 1, codes: true };
    const way = { by: 'skinny', tokens: 8, rows: 32, warps: 8, blocks: 1, cluster: 2 } as const;
    const launch = launchOf(way, { ...shape, xScale: 5, weightScale: 6, scalePerToken: 1 });
    expect(launch).toMatchObject({
      source: 'linear_skinny.cu',
      kernel: 'linear_skinny_8x32',
      defines: ['CODES=1'],
      block: 256,
      cluster: 2,
      grid: [128, 1, 1],
    });
    // Span 2: 128 tiles of rows for 66 clusters. Room for 4 tokens.
    expect(launch.params).toEqual({
      addresses: [1, 2, 3, 0, 5, 6, 0, 0],
      integers: [3, 4096, 2048, 1, 1, 1, 2, 4],
    });
  });

  test('there are as many blocks as any routing needs', () => {
    for (let i = 0; i < 200; i++) {
      const count = random.whole(1, 100);
      const pairs = random.whole(1, 300);
      const counts = new Array<number>(count).fill(0);
      // Most pairs to few experts, some elsewhere.
      for (let p = 0; p < pairs; p++) counts[Math.floor(count * random.next() ** random.pick([1, 4]))]!++;
      const tokens = random.pick([32, 64, 128] as const);
      const shape = { tokens: pairs, outer: 256, inner: 64, groups: count, codes: false };
      const { grid } = launchOf({ by: 'tiles', tokens, cluster: 1 }, { ...shape, order: 4, offsets: 5 });
      const needed = counts.reduce((sum, n) => sum + Math.ceil(n / tokens), 0);
      expect(grid[1]).toBeGreaterThanOrEqual(needed);
      expect(grid[1]).toBeLessThanOrEqual(pairs);
    }
  });
});

test('tuning asks the library for the scales that a product has', () => {
  const asked: boolean[] = [];
  const problem = ({ vectors }: { vectors: boolean }): undefined => {
    asked.push(vectors);
  };
  const own = { library: { version: 1, problem }, wayOf: () => ({ by: 'library' }), choose: () => {} };
  // No memory to measure in: the guess is taken.
  const device = { cacheBytes: 1, cuda: { memAlloc: () => 2 } };
  const target = { capturing: false, once: () => own, wait: () => {}, device, ...DEVICES[3] };
  const alone = { rank: 0, gather: (value: unknown) => [value], broadcast: (value: unknown) => value };
  const product: Product = { kernel: 'scaled_linear', tokens: 64, heads: 1, outer: 64, inner: 64 };
  tuneProducts(
    [product, { ...product, scalePerToken: 1 }, { ...product, scalePerToken: 0 }],
    target as unknown as ComputeTarget,
    alone as unknown as Group,
  );
  expect(asked).toEqual([false, true]);
});

describe('tuning refuses', () => {
  const product: Product = { kernel: 'linear', tokens: 1, heads: 1, outer: 64, inner: 64 };
  const tune = (change: Partial<Product>, capturing = false): void =>
    tuneProducts([{ ...product, ...change }], { capturing } as ComputeTarget, {} as Group);

  test.each([
    [{ outer: 0 }, 'linear: outer is 0; use 1 or more'],
    [{ inner: 1.5 }, 'linear: inner is 1.5; use a whole number from 0 to 2^31 - 1'],
    [{ kernel: 'scaled_linear', inner: 24 } as const, 'scaled_linear: inner is 24; use a multiple of 16'],
    [{ heads: 2 }, 'linear: heads is 2; use 1, or head_linear'],
  ])('%o', (change, message) => {
    expect(() => tune(change)).toThrow(message);
  });

  test('while recording', () => {
    expect(() => tune({}, true)).toThrow('products cannot be tuned while a recording is made');
  });
});
