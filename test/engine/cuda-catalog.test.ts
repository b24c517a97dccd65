/** @file The table of CUDA kernels against kernels/cuda/, and the shapes of launches. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AXES,
  type Axis,
  definesOf,
  type Kernel,
  specialisations,
} from '../../dist/engine/cuda/catalog/kernel.js';
import {
  gridForThreads,
  gridForWarps,
  MAX_SIGNAL_BLOCKS,
  SLOT_BYTES,
  UNIT_BYTES,
} from '../../dist/engine/cuda/catalog/shape.js';
import { KERNELS, kernelOf } from '../../dist/engine/cuda/catalog.js';
import { MODEL_SOURCES } from '../../dist/engine/cuda/compute/table.js';
import { STAGE_BYTES } from '../../dist/engine/cuda/layout.js';
import {
  headersOf,
  KERNELS_FOLDER,
  MODEL_FOLDER,
  sourcesIn,
  sourceText,
} from '../../dist/engine/cuda/sources.js';
import { emptyLaunch } from '../../dist/engine/engine.js';

const rows = Object.entries(KERNELS);
const h200 = { multiprocessors: 132, worldSize: 4 };

/**
 * Names of a file's functions for launches, spelled out or made by a macro `NAME##suffix`; probes, which take records of their own, are not
 * run through the engine.
 */
function entriesOf(file: string): string[] {
  const text = sourceText(file).replaceAll('\\\n', ' ');
  const head = 'extern\\s+"C"\\s+__global__\\s+void\\s+(?:__\\w+__\\s*\\([^)]*\\)\\s*)*';
  const tail = '\\s*\\(\\s*const __grid_constant__ Launch\\b';
  const spelled = [...text.matchAll(new RegExp(`${head}(\\w+)${tail}`, 'g'))].map(([, name]) => name!);
  const made = [
    ...text.matchAll(new RegExp(`#define (\\w+)\\((\\w+).*?${head}(\\w+)##\\2${tail}`, 'g')),
  ].flatMap(([, macro, , prefix]) =>
    [...text.matchAll(new RegExp(`^${macro}\\((\\w+)`, 'gm'))].map(([, suffix]) => `${prefix}${suffix}`),
  );
  return [...spelled, ...made];
}

/** A file with all that it includes. */
function wholeText(file: string): string {
  return [...headersOf(file), file].map(sourceText).join('\n');
}

describe('the catalogue', () => {
  test('has every kernel of kernels/cuda/, and no other', () => {
    const inFiles = sourcesIn(KERNELS_FOLDER)
      .filter((file) => file.endsWith('.cu'))
      .flatMap((file) => entriesOf(file).map((name) => `${name} in ${file}`));
    const inRows = rows.map(([name, { source }]) => `${name} in ${source}`);
    expect(inRows.sort()).toEqual(inFiles.sort());
  });

  test("lists every source of models' kernels, with the macros that it is checked with", () => {
    expect(Object.keys(MODEL_SOURCES).sort()).toEqual(
      sourcesIn(MODEL_FOLDER).filter((file) => file.endsWith('.cu')),
    );
    for (const [file, lists] of Object.entries(MODEL_SOURCES)) {
      expect(lists.length, file).toBeGreaterThan(0);
      for (const [macro] of lists.flat().map((define) => define.split('='))) {
        expect(wholeText(file)).toMatch(new RegExp(`\\b${macro}\\b`));
      }
    }
  });

  test.each(rows)('%s is specialised by the macros that its source reads', (_, kernel) => {
    const text = wholeText(kernel.source).replace(/\/\/.*$/gm, '');
    for (const axis of kernel.by) expect(text).toMatch(new RegExp(`\\b${AXES[axis].macro}\\b`));
    // What number.cuh and mailbox.cuh define must be given wherever the file itself uses them.
    const own = sourceText(kernel.source).replace(/\/\/.*$/gm, '');
    const used = (Object.keys(AXES) as Axis[]).filter((axis) =>
      new RegExp(`\\b${AXES[axis].macro}\\b`).test(own),
    );
    expect(kernel.by).toEqual(expect.arrayContaining(used));
  });

  test('gives macros in one order, of the axes of the kernel alone', () => {
    const values = { quant: 1, reduce: 3, dtype: 0, world: 8 };
    expect(definesOf(kernelOf('all_reduce_two_shot'), values)).toEqual(['WORLD=8', 'DTYPE=0', 'REDUCE=3']);
    expect(definesOf(kernelOf('barrier'), values)).toEqual(['WORLD=8']);
  });

  test('refuses values that no kernel is compiled for', () => {
    const kernel = kernelOf('all_reduce_two_shot');
    const refused = (values: Partial<Record<Axis, number>>): string => {
      try {
        return definesOf(kernel, { world: 2, dtype: 0, reduce: 0, ...values }).join();
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refused({ world: 9 })).toBe(
      'world is 9; all_reduce_two_shot.cu is compiled for 2, 3, 4, 5, 6, 7, 8',
    );
    expect(refused({ dtype: 3 })).toBe('dtype is 3; all_reduce_two_shot.cu is compiled for 0, 1, 2');
    expect(() => kernelOf('all_reduce_magic')).toThrow('the CUDA engine has no kernel all_reduce_magic');
    expect(() => kernelOf('constructor')).toThrow('the CUDA engine has no kernel constructor');
  });

  test('lists specialisations once each', () => {
    const kernel: Kernel = {
      ...kernelOf('all_reduce_two_shot'),
      by: ['world', 'dtype', 'reduce', 'quant'],
    };
    const names = specialisations(kernel).map((values) => definesOf(kernel, values).join());
    expect(new Set(names).size).toBe(7 * 3 * 4 * 5);
    expect(names).toHaveLength(7 * 3 * 4 * 5);
    expect(specialisations(kernel, { world: [2, 8], reduce: [0], dtype: [1], quant: [2] })).toEqual([
      { world: 2, dtype: 1, reduce: 0, quant: 2 },
      { world: 8, dtype: 1, reduce: 0, quant: 2 },
    ]);
  });
});

describe('shapes', () => {
  test.each(rows)('%s can be launched whatever is asked', (_, kernel) => {
    fc.assert(
      fc.property(
        fc.record({
          count: fc.integer({ min: 0, max: 2 ** 31 }),
          dtype: fc.integer({ min: 0, max: 2 }),
          tokens: fc.integer({ min: 1, max: 65536 }),
          hidden: fc.integer({ min: 1, max: 32768 }),
          blocks: fc.integer({ min: 0, max: 600 }),
          threads: fc.constantFrom(0, 32, 64, 128, 256, 512, 1024),
          chunkBytes: fc.constantFrom(512, 4096, 65536, 262144),
          quantization: fc.integer({ min: 0, max: 4 }),
        }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 2, max: 8 }),
        (fields, multiprocessors, worldSize) => {
          const shape = kernel.shape({ ...emptyLaunch(), ...fields }, { multiprocessors, worldSize });
          const cluster = shape.cluster ?? 1;
          for (const number of [shape.grid, shape.block, shape.sharedBytes, cluster]) {
            expect(Number.isSafeInteger(number)).toBe(true);
          }
          expect(shape.grid).toBeGreaterThan(0);
          expect(shape.grid).toBeLessThan(2 ** 31);
          expect(shape.grid % cluster).toBe(0);
          expect(shape.block % 32).toBe(0);
          expect(shape.block).toBeGreaterThan(0);
          expect(shape.block).toBeLessThanOrEqual(1024);
          // All that a block of sm_80, the smallest here that may ask for more than 48 KiB, can have is 163 KiB; sm_89 and sm_120 have 99.
          expect(shape.sharedBytes).toBeLessThanOrEqual(99 * 1024);
          if (/\bsignal_(?:relaxed|release)\b/.test(sourceText(kernel.source))) {
            expect(shape.grid).toBeLessThanOrEqual(MAX_SIGNAL_BLOCKS);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a warp a unit: as many as there are, as far as the device or the launch allows', () => {
    const grid = (warps: number, fields: object = {}): number =>
      gridForWarps(warps, { ...emptyLaunch(), ...fields }, h200).grid;
    expect(gridForWarps(1, emptyLaunch(), h200)).toEqual({ grid: 1, block: 128, sharedBytes: 0 });
    expect([0, 4, 5, 1e6].map((warps) => grid(warps))).toEqual([1, 1, 2, 132 * 4]);
    expect(grid(5, { threads: 256 })).toBe(1);
    expect(grid(1e6, { blocks: 16 })).toBe(16);
  });

  test('a thread a slot: one block a multiprocessor, and never more than there are signals for', () => {
    const grid = (threads: number, fields: object = {}): number =>
      gridForThreads(threads, 512, { ...emptyLaunch(), ...fields }, h200).grid;
    expect([0, 512, 513, 1e9].map((threads) => grid(threads))).toEqual([1, 1, 2, 132]);
    expect(grid(513, { threads: 1024 })).toBe(1);
    expect(grid(1e9, { blocks: 600 })).toBe(MAX_SIGNAL_BLOCKS);
  });

  test('staged: the chunks of all blocks fit the stage', () => {
    const { shape } = kernelOf('all_reduce_two_shot_staged');
    for (const worldSize of [2, 3, 8]) {
      for (const chunkBytes of [4096, 65536, 2 ** 20]) {
        const launch = { ...emptyLaunch(), count: 2 ** 28, chunkBytes, blocks: 512 };
        const { grid } = shape(launch, { multiprocessors: 132, worldSize });
        expect(grid * 2 * worldSize * chunkBytes).toBeLessThanOrEqual(STAGE_BYTES);
      }
    }
  });

  test('use the numbers of layout.cuh', () => {
    const text = sourceText('layout.cuh');
    const constant = (name: string): number => Number(new RegExp(`\\b${name} = (\\d+);`).exec(text)?.[1]);
    expect(constant('SLOT_BYTES')).toBe(SLOT_BYTES);
    expect(constant('SLOT_BYTES') * constant('UNIT_SLOTS')).toBe(UNIT_BYTES);
    expect(constant('MAX_SIGNAL_BLOCKS')).toBe(MAX_SIGNAL_BLOCKS);
  });
});
