/**
 * @file Weights: decoded, brought into order, read once, and overridden.
 */
import { describe, expect, it } from 'vitest';
import { execute } from '../../../dist/graph/execute/executor.js';
import type { GraphDType } from '../../../dist/graph/ir/type.js';
import type { Weight } from '../../../dist/graph/ir/weight.js';
import { graph, node, numbers, value, X } from './graph.ts';

const weight = (dtype: GraphDType, bytes: ArrayBufferView, rest: Partial<Weight> = {}): Weight => ({
  dtype,
  shape: [2],
  strides: [1],
  offset: 0,
  storage: () => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  ...rest,
});

describe('weights', () => {
  const load = (dtype: GraphDType, bytes: ArrayBufferView, rest: Partial<Weight> = {}) => {
    const one = weight(dtype, bytes, rest);
    const w = value('w', one.shape, dtype);
    const run = graph({
      inputs: [{ value: w, weight: 'layer.w' }],
      outputs: [w],
      weights: { 'layer.w': one },
    });
    return numbers(execute(run, [{}])[0]![0]);
  };

  it.each<[GraphDType, ArrayBufferView, number[]]>([
    ['f64', Float64Array.of(0.1, -2), [0.1, -2]],
    ['f32', Float32Array.of(0.5, -2), [0.5, -2]],
    ['f16', Uint16Array.of(0x3c00, 0xc000), [1, -2]],
    ['bf16', Uint16Array.of(0x3f80, 0xc000), [1, -2]],
    ['f8e4m3', Uint8Array.of(0x38, 0xc0), [1, -2]],
    ['f8e5m2', Uint8Array.of(0x3c, 0xfc), [1, -Infinity]],
    ['i64', BigInt64Array.of(2n ** 53n - 1n, -5n), [2 ** 53 - 1, -5]],
    ['u64', BigUint64Array.of(7n, 5n), [7, 5]],
    ['i32', Int32Array.of(-(2 ** 31), 5), [-(2 ** 31), 5]],
    ['u32', Uint32Array.of(2 ** 32 - 1, 5), [2 ** 32 - 1, 5]],
    ['i16', Int16Array.of(-300, 5), [-300, 5]],
    ['u16', Uint16Array.of(65535, 5), [65535, 5]],
    ['i8', Int8Array.of(-3, 5), [-3, 5]],
    ['u8', Uint8Array.of(253, 5), [253, 5]],
    ['bool', Uint8Array.of(0, 1), [0, 1]],
    ['e2m1x2', Uint8Array.of(0x21, 0xff), [0x21, 0xff]],
  ])('of %s are decoded', (dtype, bytes, wanted) => {
    expect(load(dtype, bytes)).toEqual(wanted);
  });

  it('keep to their strides and their offset', () => {
    const bytes = Float32Array.from({ length: 12 }, (_, i) => i);
    expect(load('f32', bytes, { shape: [3, 2], strides: [1, 4], offset: 1 })).toEqual([1, 5, 2, 6, 3, 7]);
    expect(load('f32', bytes, { shape: [2, 3], strides: [0, 2], offset: 4 })).toEqual([4, 6, 8, 4, 6, 8]);
    expect(load('f32', bytes, { shape: [0, 3], strides: [3, 1], offset: 99 })).toEqual([]);
    expect(load('f32', bytes, { shape: [], strides: [], offset: 11 })).toEqual([11]);
  });

  it('are refused when they cannot be had', () => {
    expect(() => load('f32', Float32Array.of(1), { shape: [2] })).toThrow(
      'weight "layer.w" reaches to byte 8 of its storage, which has 4',
    );
    expect(() => load('i64', BigInt64Array.of(2n ** 60n, 0n))).toThrow(
      'weight "layer.w" holds 1152921504606846976',
    );
    expect(() => load('complex64', Float32Array.of(1, 2, 3, 4))).toThrow('weight "layer.w" is complex64');
  });

  const w = value('w', [2]);
  const y = value('y', [2]);
  let reads = 0;
  const stored = weight('f32', Float32Array.of(10, 20));
  const scaled = graph({
    inputs: [{ value: X }, { value: w, weight: 'layer.w' }],
    nodes: [node('mul', { a: X, b: w }, y)],
    outputs: [y],
    weights: {
      'layer.w': {
        ...stored,
        storage: () => {
          reads++;
          return stored.storage();
        },
      },
    },
  });

  it('are read once for all ranks, and may be overridden on each', () => {
    reads = 0;
    const ranks = [{ x: [1, 2] }, { x: [3, 4] }, { x: [5, 6] }];
    const weights = [undefined, new Map([['layer.w', [1, 0]]])];
    const outs = execute(scaled, ranks, { weights });
    expect(outs.map(([out]) => numbers(out))).toEqual([
      [10, 40],
      [3, 0],
      [50, 120],
    ]);
    expect(reads).toBe(1);
  });

  it('that override must fit', () => {
    const by = (name: string, given: number[]) => () =>
      execute(scaled, [{ x: [1, 2] }], { weights: [new Map([[name, given]])] });
    expect(by('layer.w', [1, 2, 3])).toThrow('weight "layer.w" is f32[3]; it must be f32[2]');
    expect(by('other', [1, 2])).toThrow('the graph reads no weight "other"');
    const two = () => execute(scaled, [{ x: [1, 2] }], { weights: [undefined, new Map()] });
    expect(two).toThrow('weights are given for 2 ranks; there are 1');
  });

  it('stand in for a file that has none', () => {
    const bare = { ...scaled, weights: new Map() };
    expect(() => execute(bare, [{ x: [1, 2] }])).toThrow('the file holds no weight "layer.w"');
    const outs = execute(bare, [{ x: [1, 2] }], { weights: [new Map([['layer.w', [3, 4]]])] });
    expect(numbers(outs[0]![0])).toEqual([3, 8]);
  });
});
