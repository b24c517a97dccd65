/**
 * @file Quantization: worked cases, special rows, and what dequantizing gives back.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { SMALLEST_SCALE } from '../../../dist/operations.js';
import { decodeArray } from '../../../dist/tensor/formats/array.js';
import { decodeF8e4m3, encodeF8e4m3 } from '../../../dist/tensor/formats/f8e4m3.js';
import { quantize, quantizeRounded } from '../../../dist/tensor/reference/quantize.js';
import { elements, f64 } from './arrays.ts';

const { NaN: NAN, POSITIVE_INFINITY: INF } = Number;
const row16 = (...values: number[]) => Float64Array.from({ length: 16 }, (_, i) => values[i] ?? 0);

describe.each([
  ['float64', quantize],
  ['float32', quantizeRounded],
] as const)('in %s arithmetic', (_, quantizeIn) => {
  test('f8e4m3_static takes the scale out and saturates', () => {
    const q = quantizeIn(f64(1, -0.5, 3, 1000, -1000, NAN), 3, 'f8e4m3_static', 0.5);
    expect(q.dtype).toBe('f8e4m3');
    expect([...decodeArray('f8e4m3', q.bytes)]).toEqual([2, -1, 6, 448, -448, NAN]);
    expect([...q.dequantized]).toEqual([1, -0.5, 3, 224, -224, NAN]);
    expect([...q.scales]).toEqual([0.5]);
    expect([...q.scaleBytes]).toEqual([0, 0, 0, 0x3f]);
  });

  test('f8e4m3_token scales each row by its own amax', () => {
    const q = quantizeIn(f64(448, -224, 1, 0.5, 0.25, -1.75), 3, 'f8e4m3_token');
    expect([...q.scales]).toEqual([1, 2 ** -8]);
    expect([...decodeArray('f8e4m3', q.bytes)]).toEqual([448, -224, 1, 128, 64, -448]);
    expect([...q.dequantized]).toEqual([448, -224, 1, 0.5, 0.25, -1.75]);
    expect(q.scaleBytes).toHaveLength(8);
  });

  test('i8_token scales each row by its own amax, ties to even', () => {
    const q = quantizeIn(f64(127, -127, 2.5, 254, -3, 3), 3, 'i8_token');
    expect(q.dtype).toBe('i8');
    expect([...q.scales]).toEqual([1, 2]);
    expect([...decodeArray('i8', q.bytes)]).toEqual([127, -127, 2, 127, -2, 2]);
    expect([...q.dequantized]).toEqual([127, -127, 2, 254, -4, 4]);
  });

  test.each(['f8e4m3_token', 'i8_token'] as const)('%s: a row of zeros has scale 1', (format) => {
    const q = quantizeIn(f64(0, -0, 3, 4), 2, format);
    expect(q.scales[0]).toBe(1);
    expect([...q.dequantized.slice(0, 2)].map(Math.abs)).toEqual([0, 0]);
  });

  test.each(['f8e4m3_token', 'i8_token'] as const)(
    '%s: NaN stays in its row, and shows in all of it',
    (format) => {
      const q = quantizeIn(f64(1, NAN, 1, 2), 2, format);
      expect([...q.dequantized.slice(0, 2)]).toEqual([NAN, NAN]);
      expect(q.dequantized[3]).toBeCloseTo(2, 5);
    },
  );

  test.each(['f8e4m3_token', 'i8_token'] as const)(
    '%s: an infinite scale leaves zeros, and the code of NaN where the infinities were',
    (format) => {
      const q = quantizeIn(f64(1, -INF, -2), 3, format);
      expect([...q.scales]).toEqual([INF]);
      expect([...q.bytes]).toEqual(format === 'i8_token' ? [0, 0, 0] : [0, 0x7f, 0x80]);
    },
  );

  test.each(['f8e4m3_token', 'i8_token'] as const)('%s: a scale is never less than 2^-126', (format) => {
    const largest = format === 'i8_token' ? 127 : 448;
    const tiny = largest * 2 ** -126;
    const q = quantizeIn(f64(tiny, 0, tiny / 2, -0, 2 ** -149, 0, 2 * tiny, 0), 2, format);
    expect([...q.scales]).toEqual([2 ** -126, 2 ** -126, 2 ** -126, 2 ** -125]);
    const codes = [...decodeArray(q.dtype, q.bytes)].map((code) => code + 0);
    expect(codes).toEqual([largest, 0, format === 'i8_token' ? 64 : 224, 0, 0, 0, largest, 0]);
  });

  test('nvfp4: block scales, codes and what they stand for', () => {
    // Block 0: amax 6, so scale 1 * g = 2; block 1: amax 1.5, so scale 0.25 * g = 0.5.
    const x = f64(...row16(6, -3, 0.5, 0.2, 2.5, -5), ...row16(1.5, 0.375, -0.125));
    const q = quantizeIn(x, 32, 'nvfp4', 2);
    expect(q.dtype).toBe('e2m1x2');
    expect([...q.scales]).toEqual([2, 0.5]);
    expect([...q.scaleBytes]).toEqual([0x40, 0x30]);
    expect([...decodeArray('e2m1x2', q.bytes)]).toEqual([
      ...row16(6, -3, 0.5, 0, 2, -4),
      ...row16(6, 1.5, -0.5),
    ]);
    expect([...q.dequantized]).toEqual([...row16(6, -3, 0.5, 0, 2, -4), ...row16(1.5, 0.375, -0.125)]);
    expect(q.bytes[0]).toBe(0xd7);
  });

  test('nvfp4: the usual global scale puts the largest block scale at 448', () => {
    const q = quantizeIn(row16(10.5, 1), 16, 'nvfp4', (448 * 6) / 10.5);
    expect([...q.scales]).toEqual([448]);
    expect(q.dequantized[0]).toBe(10.5);
  });

  test('nvfp4: a block whose scale rounds to 0 has only zeros, with their signs', () => {
    const q = quantizeIn(f64(...row16(1e-5, -1e-5), ...row16(), ...row16(6)), 48, 'nvfp4', 1);
    expect([...q.scales]).toEqual([0, 0, 1]);
    expect([...q.bytes.slice(0, 16)]).toEqual([0x80, ...Array(15).fill(0)]);
    expect([...q.dequantized.slice(0, 32)]).toEqual([0, -0, ...Array(30).fill(0)]);
  });

  test('nvfp4: a block scale saturates, and so do the codes under it; NaN stays in its block', () => {
    const q = quantizeIn(
      f64(...row16(1e6, 448), ...row16(INF, 448), ...row16(NAN, 1), ...row16(6)),
      64,
      'nvfp4',
      1,
    );
    expect([...q.scales]).toEqual([448, 448, NAN, 1]);
    expect([...q.dequantized.slice(0, 2)]).toEqual([6 * 448, 448]);
    expect([...q.dequantized.slice(16, 18)]).toEqual([6 * 448, 448]);
    expect([...q.dequantized.slice(32, 48)]).toEqual(Array(16).fill(NAN));
    expect(q.dequantized[48]).toBe(6);
  });

  test('what cannot be done is refused', () => {
    const x = row16(1);
    expect(() => quantizeIn(x, 16, 'nvfp4')).toThrow('scale is undefined; use a positive finite number');
    for (const bad of [0, -1, NAN, INF]) {
      expect(() => quantizeIn(x, 16, 'f8e4m3_static', bad)).toThrow(`scale is ${bad}; use`);
      expect(() => quantizeIn(x, 16, 'nvfp4', bad)).toThrow(CrossoverError);
    }
    expect(() => quantizeIn(x, 16, 'f8e4m3_static', 2 ** -127)).toThrow('needs 2^-126 or more');
    expect(() => quantizeIn(x, 8, 'nvfp4', 1)).toThrow('hidden is 8; nvfp4 needs a multiple of 16');
    expect(() => quantizeIn(x, 5, 'i8_token')).toThrow(
      'x has 16 elements; it needs whole rows of hidden = 5',
    );
    expect(() => quantizeIn(x, 0, 'i8_token')).toThrow(CrossoverError);
  });
});

describe('float32 arithmetic', () => {
  test('scales are float32, and rounded before they are inverted', () => {
    const q = quantizeRounded(f64(100, 33), 2, 'f8e4m3_token');
    expect(q.scales[0]).toBe(Math.fround(100 / 448));
    expect(q.scales[0]).not.toBe(100 / 448);
    expect(quantize(f64(100, 33), 2, 'f8e4m3_token').scales[0]).toBe(100 / 448);
  });

  test('every reciprocal and product is rounded to float32 before it is encoded', () => {
    // Numbers just beside a tie, which float32 rounds onto it, so that the first three codes differ from those of float64.
    // The first would be 89 if the reciprocal or the product were left unrounded, or x were divided by the scale; the last would be 6 if only the
    // quotient of the scales were left unrounded.
    const codes = (quantizeIn: typeof quantize) => [
      quantizeIn(f64(65), 1, 'f8e4m3_static', 3.823529005050659).bytes[0],
      quantizeIn(row16(5.46875), 16, 'nvfp4', 2.880000114440918).scaleBytes[0],
      quantizeIn(row16(3.84375, 0.15463362634181976), 16, 'nvfp4', 1.414634108543396).bytes[0]! >> 4,
      quantizeIn(row16(2.640625, 1.490675449371338), 16, 'nvfp4', 281.75146484375).bytes[0]! >> 4,
    ];
    expect(codes(quantizeRounded)).toEqual([88, 66, 0, 5]);
    expect(codes(quantize)).toEqual([89, 67, 1, 5]);
  });

  test('a scale that float32 cannot hold is refused', () => {
    expect(() => quantizeRounded(f64(1), 1, 'f8e4m3_static', 1e-60)).toThrow('scale is 1e-60; use');
    expect(() => quantizeRounded(f64(1), 1, 'f8e4m3_static', 1e60)).toThrow(CrossoverError);
  });

  test('the reciprocal of the largest scale is subnormal, and not 0', () => {
    const largest = (2 - 2 ** -23) * 2 ** 127;
    const q = quantizeRounded(f64(largest, -largest / 2, INF, 1, NAN), 5, 'f8e4m3_static', largest);
    expect([...decodeArray('f8e4m3', q.bytes)]).toEqual([1, -0.5, 448, 0, NAN]);
  });

  test("a row's largest value has the largest code, though its product may be an ulp beside it", () => {
    // From the numbers whose scale is 2^-126 up to the largest float32.
    const magnitude = fc.tuple(fc.integer({ min: -117, max: 127 }), fc.integer({ min: 0, max: 2 ** 23 - 1 }));
    const products = new Set<number>();
    fc.assert(
      fc.property(magnitude, ([exponent, mantissa]) => {
        const amax = (1 + mantissa * 2 ** -23) * 2 ** exponent;
        for (const [format, largest] of [
          ['f8e4m3_token', 448],
          ['i8_token', 127],
        ] as const) {
          const q = quantizeRounded(f64(amax, -amax, amax / 3), 3, format);
          expect([...decodeArray(q.dtype, q.bytes).slice(0, 2)]).toEqual([largest, -largest]);
          products.add(Math.fround(amax * Math.fround(1 / q.scales[0]!)) - largest);
        }
      }),
    );
    expect(Math.min(...products)).toBeLessThan(0);
    expect(Math.max(...products)).toBeGreaterThan(0);
  });
});

describe('error of what comes back', () => {
  test('f8e4m3_token: within 2^-4 of each element, or half the smallest subnormal', () => {
    fc.assert(
      fc.property(elements('bf16', 24), (x) => {
        const q = quantizeRounded(x, 8, 'f8e4m3_token');
        for (const [i, value] of x.entries()) {
          const scale = q.scales[Math.floor(i / 8)]!;
          const allowed = Math.max(Math.abs(value) * 2 ** -4, scale * 2 ** -10) * (1 + 1e-6);
          expect(Math.abs(q.dequantized[i]! - value)).toBeLessThanOrEqual(allowed);
        }
      }),
    );
  });

  test('i8_token: within half a step of each element, symmetric, the largest at +-127 unless the scale is the smallest', () => {
    fc.assert(
      fc.property(elements('bf16', 24), (x) => {
        const q = quantizeRounded(x, 8, 'i8_token');
        const codes = decodeArray('i8', q.bytes);
        expect([
          ...decodeArray(
            'i8',
            quantizeRounded(
              x.map((v) => -v),
              8,
              'i8_token',
            ).bytes,
          ),
        ]).toEqual([...codes.map((c) => 0 - c)]);
        for (const [i, value] of x.entries()) {
          const scale = q.scales[Math.floor(i / 8)]!;
          const row = x.slice(i - (i % 8), i - (i % 8) + 8);
          expect(Math.abs(q.dequantized[i]! - value)).toBeLessThanOrEqual(scale * 0.5 * (1 + 1e-5));
          if (
            scale > SMALLEST_SCALE &&
            value !== 0 &&
            row.every((other) => Math.abs(other) <= Math.abs(value))
          )
            expect(Math.abs(codes[i]!)).toBe(127);
        }
      }),
    );
  });

  test('nvfp4: block scales are e4m3 of amax / 6 * g, and codes the nearest e2m1 under them', () => {
    const numbers = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
    fc.assert(
      fc.property(elements('bf16', 32), fc.double({ min: 1, max: 200, noNaN: true }), (x, g) => {
        const q = quantize(x, 32, 'nvfp4', g);
        for (let block = 0; block < 2; block++) {
          const part = x.slice(16 * block, 16 * block + 16);
          const amax = part.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
          const scale = decodeF8e4m3(encodeF8e4m3((amax / 6) * g));
          expect(q.scales[block]).toBe(scale);
          for (const [i, value] of part.entries()) {
            const error = Math.abs(q.dequantized[16 * block + i]! - value);
            const best = Math.min(...numbers.map((n) => Math.abs((n * scale) / g - Math.abs(value))));
            expect(error).toBeLessThanOrEqual(best * (1 + 1e-9) + 1e-15);
          }
        }
      }),
    );
  });
});
