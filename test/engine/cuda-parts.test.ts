/** @file Shapes of all-gather, reduce-scatter and broadcast on GPUs, and the numbers that they share with the kernels. */
import { describe, expect, test } from 'vitest';
import { BULK_STAGES, BULK_TILE_BYTES, PAYLOAD_BYTES } from '../../dist/engine/cuda/catalog/parts.js';
import { kernelOf } from '../../dist/engine/cuda/catalog.js';
import { sourceText } from '../../dist/engine/cuda/sources.js';
import { emptyLaunch, type Launch } from '../../dist/engine/engine.js';

const h200 = { multiprocessors: 132, worldSize: 4 };
const BF16 = 2;
const I8 = 4;

const shape = (kernel: string, launch: Partial<Launch>): { grid: number; block: number } =>
  kernelOf(kernel).shape({ ...emptyLaunch(), ...launch }, h200);

describe('shapes of launches with parts', () => {
  test('the numbers are those of the kernels', () => {
    expect(sourceText('escape.cuh')).toContain('PAYLOAD_SLOTS = UNIT_SLOTS - 1;');
    expect(sourceText('layout.cuh')).toContain('SLOT_BYTES = 16;');
    expect(sourceText('layout.cuh')).toContain('UNIT_SLOTS = 32;');
    expect(PAYLOAD_BYTES).toBe(31 * 16);
    expect(sourceText('bulk.cuh')).toContain(`STAGES = ${BULK_STAGES};`);
    expect(sourceText('bulk.cuh')).toContain(`STAGE_TILE = ${BULK_TILE_BYTES / 1024} * 1024;`);
    // What a block of the smallest device with bulk copies may have, less what it keeps for itself.
    expect(BULK_STAGES * BULK_TILE_BYTES).toBeLessThanOrEqual(99 * 1024 - 1024);
  });

  test('a warp a unit: of 496 bytes where any bytes are sent, of 512 where numbers are', () => {
    expect(shape('all_gather_push', { dtype: I8, count: 4 * 496, threads: 128 }).grid).toBe(1);
    expect(shape('all_gather_push', { dtype: I8, count: 4 * 496 + 1, threads: 128 }).grid).toBe(2);
    expect(shape('reduce_scatter_push', { dtype: BF16, count: 4 * 4 * 256, threads: 128 }).grid).toBe(1);
    expect(shape('reduce_scatter_push', { dtype: BF16, count: 4 * 4 * 257, threads: 128 }).grid).toBe(2);
  });

  test('unequal parts count by the longest', () => {
    const parts = [0, 4 * 256 + 1, 0, 3];
    const count = parts.reduce((a, b) => a + b);
    expect(shape('reduce_scatter_push', { dtype: BF16, count, parts, threads: 128 }).grid).toBe(2);
    expect(shape('reduce_scatter_push', { dtype: BF16, count, threads: 128 }).grid).toBe(1);
  });

  test('blocks are no more than asked for, and one at least', () => {
    expect(shape('all_gather_direct', { dtype: I8, count: 1 << 24, blocks: 32, threads: 512 })).toMatchObject(
      {
        grid: 32,
        block: 512,
      },
    );
    expect(shape('all_gather_direct', { dtype: I8, count: 1 }).grid).toBe(1);
    expect(shape('all_gather_bulk', { dtype: I8, count: 1 << 24 }).grid).toBe(8);
    expect(shape('reduce_scatter_bulk', { dtype: BF16, count: 4, blocks: 16 }).grid).toBe(1);
    expect(shape('broadcast_scatter', { dtype: I8, count: 3 * 32768 + 1, chunkBytes: 32768 }).grid).toBe(2);
    expect(shape('broadcast_scatter', { dtype: I8, count: 16, chunkBytes: 1 }).grid).toBe(1);
  });
});
