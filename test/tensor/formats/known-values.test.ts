/**
 * @file Values that the formats' specifications and public tables give, written out, so that the other tests' definitions
 * are themselves pinned to something. Also i8, f32 and the table of element formats.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DTYPES } from '../../../dist/tensor/dtype.js';
import { decodeBf16, encodeBf16 } from '../../../dist/tensor/formats/bf16.js';
import { decodeE2m1, encodeE2m1, packE2m1 } from '../../../dist/tensor/formats/e2m1.js';
import { ELEMENT_FORMATS, roundToDType } from '../../../dist/tensor/formats/element.js';
import { decodeF8e4m3, encodeF8e4m3 } from '../../../dist/tensor/formats/f8e4m3.js';
import { decodeF16, encodeF16 } from '../../../dist/tensor/formats/f16.js';
import { decodeF32, encodeF32 } from '../../../dist/tensor/formats/f32.js';
import { decodeI8, encodeI8 } from '../../../dist/tensor/formats/i8.js';

describe('f16', () => {
  test.each([
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x0400, 2 ** -14],
    [0x0001, 2 ** -24],
    [0x3555, 0.333251953125],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
  ])('%i is %d', (bits, value) => {
    expect(decodeF16(bits)).toBe(value);
    expect(encodeF16(value)).toBe(bits);
  });

  test('rounds once: through float32, 1 + 2^-11 + 2^-40 would become a tie and fall to 1', () => {
    expect(decodeF16(encodeF16(1 + 2 ** -11 + 2 ** -40))).toBe(1 + 2 ** -10);
    expect(decodeF16(encodeF16(Math.fround(1 + 2 ** -11 + 2 ** -40)))).toBe(1);
  });

  test('65520 is the first to overflow', () => {
    expect(encodeF16(65519.999)).toBe(0x7bff);
    expect(encodeF16(65520)).toBe(0x7c00);
  });

  test('bits above the sixteenth are ignored', () => expect(decodeF16(0x1_3c00)).toBe(1));
});

describe('bf16', () => {
  test.each([
    [0x3f80, 1],
    [0xc000, -2],
    [0x4049, 3.140625],
    [0x7f7f, 3.3895313892515355e38],
    [0x0080, 2 ** -126],
    [0x0001, 2 ** -133],
    [0xff80, Number.NEGATIVE_INFINITY],
  ])('%i is %d', (bits, value) => {
    expect(decodeBf16(bits)).toBe(value);
    expect(encodeBf16(value)).toBe(bits);
  });

  test('is the upper half of the float32 of the same number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), (bits) => {
        expect(decodeBf16(bits)).toBe(decodeF32(bits * 0x10000));
      }),
      { numRuns: 2000 },
    );
  });

  test('every NaN becomes 0x7fc0', () => {
    expect(decodeBf16(0xffff)).toBeNaN();
    expect(encodeBf16(decodeBf16(0xffff))).toBe(0x7fc0);
  });
});

describe('f8e4m3', () => {
  test.each([
    [0x38, 1],
    [0x7e, 448],
    [0xfe, -448],
    [0x08, 2 ** -6],
    [0x07, 0.013671875],
    [0x01, 2 ** -9],
    [0x40, 2],
    [0x45, 3.25],
  ])('%i is %d', (bits, value) => {
    expect(decodeF8e4m3(bits)).toBe(value);
    expect(encodeF8e4m3(value)).toBe(bits);
  });

  test('saturates, and has two NaN', () => {
    expect(encodeF8e4m3(449)).toBe(0x7e);
    expect(encodeF8e4m3(464)).toBe(0x7e);
    expect(encodeF8e4m3(1e9)).toBe(0x7e);
    expect(encodeF8e4m3(Number.NEGATIVE_INFINITY)).toBe(0xfe);
    expect(decodeF8e4m3(0x7f)).toBeNaN();
    expect(decodeF8e4m3(0xff)).toBeNaN();
    expect(encodeF8e4m3(Number.NaN)).toBe(0x7f);
  });
});

describe('e2m1', () => {
  test('has these eight numbers and their negatives', () => {
    const codes = [0, 1, 2, 3, 4, 5, 6, 7];
    expect(codes.map(decodeE2m1)).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6]);
    expect(codes.map((code) => decodeE2m1(code + 8))).toEqual([-0, -0.5, -1, -1.5, -2, -3, -4, -6]);
  });

  test('ties go to the even mantissa', () => {
    const ties = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5];
    expect(ties.map((value) => decodeE2m1(encodeE2m1(value)))).toEqual([0, 1, 1, 2, 2, 4, 4]);
  });

  test('saturates, NaN becomes 6', () => {
    expect([6.1, 7, 100, Number.POSITIVE_INFINITY, Number.NaN].map(encodeE2m1)).toEqual([7, 7, 7, 7, 7]);
    expect(encodeE2m1(Number.NEGATIVE_INFINITY)).toBe(0xf);
  });

  test('packs the first into the low nibble', () => expect(packE2m1(0x2, 0xf)).toBe(0xf2));
});

describe('i8', () => {
  test('every code decodes, and encodes back', () => {
    for (let bits = 0; bits < 256; bits++) {
      expect(decodeI8(bits)).toBe(bits < 128 ? bits : bits - 256);
      expect(encodeI8(decodeI8(bits))).toBe(bits);
    }
  });

  test('every half goes to the even neighbour, and what is beside it to the nearer', () => {
    for (let low = -128; low < 127; low++) {
      const half = low + 0.5;
      expect(decodeI8(encodeI8(half))).toBe(low % 2 === 0 ? low : low + 1);
      expect(decodeI8(encodeI8(half - 2 ** -40))).toBe(low);
      expect(decodeI8(encodeI8(half + 2 ** -40))).toBe(low + 1);
    }
  });

  test('saturates; NaN becomes 0', () => {
    const decoded = (values: number[]) => values.map((value) => decodeI8(encodeI8(value)));
    expect(decoded([127.5, 128, 1e300, Number.POSITIVE_INFINITY])).toEqual([127, 127, 127, 127]);
    expect(decoded([-128.5, -129, -1e300, Number.NEGATIVE_INFINITY])).toEqual([-128, -128, -128, -128]);
    expect(decoded([Number.NaN, -0, 0.5, -0.5])).toEqual([0, 0, 0, 0]);
  });
});

describe('f32', () => {
  test.each([
    [0x3f800000, 1],
    [0xc0490fdb, -Math.fround(Math.PI)],
    [0x00000001, 2 ** -149],
    [0x7f7fffff, 3.4028234663852886e38],
    [0xff800000, Number.NEGATIVE_INFINITY],
    [0x80000000, -0],
  ])('%i is %d', (bits, value) => {
    expect(decodeF32(bits)).toBe(value);
    expect(encodeF32(value)).toBe(bits);
  });

  test('every NaN becomes 0x7fc00000', () => expect(encodeF32(decodeF32(0xffabcdef))).toBe(0x7fc00000));
});

describe('the table of element formats', () => {
  test.each(DTYPES)(
    '%s: its smallest and largest numbers are numbers of the dtype, and the ends of its range',
    (dtype) => {
      const { min, max, overflow } = ELEMENT_FORMATS[dtype];
      expect(roundToDType(dtype, min)).toBe(min);
      expect(roundToDType(dtype, max)).toBe(max);
      expect(roundToDType(dtype, max * 2)).toBe(overflow === 'infinity' ? Number.POSITIVE_INFINITY : max);
      expect(roundToDType(dtype, min * 2)).toBe(overflow === 'infinity' ? Number.NEGATIVE_INFINITY : min);
    },
  );
});
