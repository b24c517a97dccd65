/**
 * @file Tensors as bytes: layout in memory, agreement with the scalar functions, and refusal of lengths that do not fit.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { DTYPES, type DType } from '../../../dist/tensor/dtype.js';
import { decodeArray, encodeArray, roundArray } from '../../../dist/tensor/formats/array.js';
import { ELEMENT_FORMATS, roundToDType } from '../../../dist/tensor/formats/element.js';

const LAYOUTS: [DType, number[], number[]][] = [
  ['f32', [1, -2], [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]],
  ['f16', [1, -65504], [0x00, 0x3c, 0xff, 0xfb]],
  ['bf16', [1, 3.140625], [0x80, 0x3f, 0x49, 0x40]],
  ['f8e4m3', [1, -448], [0x38, 0xfe]],
  ['i8', [-1, 127], [0xff, 0x7f]],
  ['e2m1x2', [0.5, -6, 1, 0], [0xf1, 0x02]],
];

test.each(LAYOUTS)('%s is little-endian, lower index first', (dtype, values, bytes) => {
  expect([...encodeArray(dtype, values)]).toEqual(bytes);
  expect([...decodeArray(dtype, Uint8Array.from(bytes))]).toEqual(values);
});

test.each(LAYOUTS)(
  '%s is read from bytes that are not aligned and from shared memory',
  (dtype, values, bytes) => {
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 3)).subarray(1, 1 + bytes.length);
    shared.set(bytes);
    expect([...decodeArray(dtype, shared)]).toEqual(values);
  },
);

test.each(['f16', 'bf16', 'f8e4m3', 'i8'] as const)(
  '%s: all codes at once agree with one at a time',
  (dtype) => {
    const wide = dtype === 'f16' || dtype === 'bf16';
    const bits = Array.from({ length: wide ? 65536 : 256 }, (_, code) => code);
    const bytes = Uint8Array.from(wide ? bits.flatMap((code) => [code & 0xff, code >> 8]) : bits);
    const decoded = decodeArray(dtype, bytes);
    expect(bits.filter((code) => !Object.is(decoded[code], ELEMENT_FORMATS[dtype].decode(code)))).toEqual([]);
  },
);

test.each(DTYPES)('%s: rounding an array is rounding its elements', (dtype) => {
  const pairs = fc.array(fc.tuple(fc.double(), fc.double({ min: -500, max: 500 })), { maxLength: 20 });
  fc.assert(
    fc.property(pairs, (list) => {
      const values = list.flat();
      expect([...roundArray(dtype, values)]).toEqual(values.map((value) => roundToDType(dtype, value)));
    }),
    { numRuns: 500 },
  );
});

test.each(DTYPES)('%s: typed arrays and plain arrays give the same bytes', (dtype) => {
  const values = [0, -0, 1.1, -2.7, 5, 1e9, Number.NaN, Number.NEGATIVE_INFINITY].map(Math.fround);
  const plain = encodeArray(dtype, values);
  expect(encodeArray(dtype, Float32Array.from(values))).toEqual(plain);
  expect(encodeArray(dtype, Float64Array.from(values))).toEqual(plain);
});

test('f32 writes one NaN, whatever its sign and payload were', () => {
  const nan = decodeArray('f32', Uint8Array.of(0xef, 0xcd, 0xab, 0xff));
  expect([...encodeArray('f32', nan)]).toEqual([0, 0, 0xc0, 0x7f]);
});

test.each(DTYPES)('%s: nothing gives nothing', (dtype) => {
  expect(encodeArray(dtype, [])).toHaveLength(0);
  expect(decodeArray(dtype, new Uint8Array(0))).toHaveLength(0);
});

describe('lengths that do not fit are refused', () => {
  test('bytes', () => {
    expect(() => decodeArray('bf16', new Uint8Array(3))).toThrow(CrossoverError);
    expect(() => decodeArray('f32', new Uint8Array(6))).toThrow(
      'bytes of f32 has length 6; use a multiple of 4',
    );
  });

  test('an odd number of e2m1 values', () => {
    expect(() => encodeArray('e2m1x2', [1, 2, 3])).toThrow(
      'values of e2m1x2 has length 3; use an even number',
    );
  });
});
