/** @file Launches of models' kernels as C reads them: the list of parameters, the parameters, and CUlaunchConfig. */
import { expect, test } from 'vitest';
import { ComputeRecord } from '../../dist/engine/cuda/compute/record.js';
import { viewOf } from '../../dist/ffi/memory.js';

const STREAM = 0x7f00_1234_5678n;
const launch = { source: 'rows.cu', kernel: 'embedding', grid: [3] as const, block: 128 };
const viewAt = (address: bigint, bytes: number): DataView => new DataView(viewOf(address, bytes).buffer);

test('parameters follow each other: addresses, integers, floats', () => {
  const record = new ComputeRecord(STREAM);
  const params = { addresses: [0x7f12_3456_7890, 0], integers: [2 ** 31 - 1, 7], floats: [0.1] };
  record.write({ ...launch, params }, 1);
  const list = viewAt(record.params, 5 * 8);
  const at = (i: number): DataView => viewAt(list.getBigUint64(8 * i, true), 8);
  expect([0, 1].map((i) => Number(at(i).getBigUint64(0, true)))).toEqual(params.addresses);
  expect([2, 3].map((i) => at(i).getUint32(0, true))).toEqual(params.integers);
  expect(at(4).getFloat32(0, true)).toBe(Math.fround(0.1));
  const many = Array.from({ length: 65 }, (_, i) => i);
  expect(() => record.write({ ...launch, params: { addresses: many } }, 1)).toThrow(
    'embedding has more than 64 parameters',
  );
  record.release();
});

test('the configuration has the shape, the stream, and the attributes that are wanted', () => {
  const record = new ComputeRecord(STREAM);
  const params = { addresses: [] };
  const words = (): number[] => {
    const view = viewAt(record.config, 64);
    return [0, 4, 8, 12, 16, 20, 24, 48].map((offset) => view.getUint32(offset, true));
  };
  record.write({ ...launch, params }, 0);
  expect(words().at(-1)).toBe(0);
  record.write({ ...launch, params }, 1);
  expect(words()).toEqual([3, 1, 1, 128, 1, 1, 0, 1]);
  record.write({ ...launch, params, grid: [5, 6, 7], block: 64, sharedBytes: 4096, cluster: 2 }, 1);
  expect(words()).toEqual([5, 6, 7, 64, 1, 1, 4096, 2]);
  const config = viewAt(record.config, 64);
  expect(config.getBigUint64(32, true)).toBe(STREAM);
  const attributes = viewAt(config.getBigUint64(40, true), 144);
  // Programmatic stream serialization, allowed or not; then the dimension of clusters, which goes with either.
  expect([0, 8].map((offset) => attributes.getUint32(offset, true))).toEqual([6, 1]);
  record.write({ ...launch, params, cluster: 2 }, 0);
  expect(words().at(-1)).toBe(2);
  expect([0, 8].map((offset) => attributes.getUint32(offset, true))).toEqual([6, 0]);
  expect([72, 80, 84, 88].map((offset) => attributes.getUint32(offset, true))).toEqual([4, 2, 1, 1]);
  record.release();
});
