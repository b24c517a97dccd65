/**
 * @file Spacing of numbers, and errors counted in it: exhaustively for the spacing, case by case for what has no distance.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CrossoverError } from '../../dist/errors.js';
import { encodeArray } from '../../dist/tensor/formats/array.js';
import { maxUlpError, ulpError, ulpOf, worstUlpError } from '../../dist/tensor/ulp.js';
import * as oracle from './formats/oracle.ts';

const { NaN: NAN, POSITIVE_INFINITY: INF, NEGATIVE_INFINITY: NEG_INF } = Number;

describe('spacing', () => {
  test.each([
    ['f16', oracle.F16],
    ['bf16', oracle.BF16],
    ['f8e4m3', oracle.F8E4M3],
    ['e2m1x2', oracle.E2M1],
  ] as const)('%s: every number plus its spacing is the next one', (dtype, spec) => {
    const values = oracle.positiveValues(spec);
    const off = values.slice(0, -1).filter((value, i) => value + ulpOf(dtype, value) !== values[i + 1]);
    expect(off).toEqual([]);
    const [last, previous] = [values[values.length - 1]!, values[values.length - 2]!];
    for (const beyond of [last, last * 4, INF, NEG_INF]) expect(ulpOf(dtype, beyond)).toBe(last - previous);
  });

  test('between two numbers it is that of the lower one; signs do not matter', () => {
    expect(ulpOf('f16', 1.9999)).toBe(2 ** -10);
    expect(ulpOf('f16', -2.0001)).toBe(2 ** -9);
    expect(ulpOf('f32', 1)).toBe(2 ** -23);
    expect(ulpOf('f32', 0)).toBe(2 ** -149);
    expect(ulpOf('i8', 100)).toBe(1);
    expect(ulpOf('bf16', NAN)).toBeNaN();
  });
});

describe('error of one number', () => {
  test.each([
    ['f16', 1, 1, 0],
    ['f16', 1 + 2 ** -10, 1, 1],
    ['f16', 1, 1 + 2 ** -11, 0.5],
    ['f16', -1, 1, 2048],
    ['bf16', 2, 2 + 2 ** -5, 2],
    ['f16', 2 ** -24, 0, 1],
    ['f16', 0, -0, 0],
    ['f16', NAN, NAN, 0],
    ['f16', NAN, 1, INF],
    ['f16', 1, NAN, INF],
    ['f16', INF, INF, 0],
    ['f16', NEG_INF, INF, INF],
    ['f16', 65504, INF, INF],
    ['f16', INF, 65520, 0.5],
    ['f16', INF, 65504, 1],
    ['f16', INF, 70000, 0],
    ['f16', NEG_INF, 70000, (65536 + 70000) / 32],
    ['f16', 65504, 65536, 1],
    ['f32', INF, (2 - 2 ** -23) * 2 ** 127, 1],
    ['f8e4m3', 448, 1000, 0],
    ['f8e4m3', -448, NEG_INF, 0],
    ['f8e4m3', 416, 1000, 1],
    ['f8e4m3', NAN, NAN, 0],
    ['e2m1x2', 6, NAN, 0],
    ['e2m1x2', 4, NAN, 1],
    ['i8', 0, NAN, 0],
    ['i8', 127, 200, 0],
    ['i8', -3, -1.5, 1.5],
  ] as const)('%s: %d for %d is %d', (dtype, actual, expected, error) => {
    expect(ulpError(dtype, actual, expected)).toBe(error);
  });
});

describe('error of a tensor', () => {
  test.each(['f32', 'f16', 'bf16'] as const)('%s: rounding stays within half an ulp', (dtype) => {
    const values = fc.array(fc.double({ min: -60000, max: 60000, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, (list) => {
        expect(maxUlpError(dtype, encodeArray(dtype, list), list)).toBeLessThanOrEqual(0.5);
      }),
      { numRuns: 500 },
    );
  });

  test('the worst element is named', () => {
    const bytes = encodeArray('bf16', [1, 2, 4, 8]);
    expect(worstUlpError('bf16', bytes, [1, 2.03125, 4, 8.0625])).toEqual({
      error: 2,
      index: 1,
      actual: 2,
      expected: 2.03125,
    });
    expect(maxUlpError('bf16', bytes, [1, 2.03125, 4, 8.0625])).toBe(2);
    expect(maxUlpError('bf16', bytes, [1, 2, 4, 8])).toBe(0);
  });

  test('one NaN out of place is as wrong as can be', () => {
    expect(maxUlpError('f16', encodeArray('f16', [1, NAN]), [1, 2])).toBe(INF);
    expect(maxUlpError('f16', encodeArray('f16', [1, NAN]), [1, NAN])).toBe(0);
  });

  test('no elements, no error; different lengths are refused', () => {
    expect(maxUlpError('f16', new Uint8Array(0), [])).toBe(0);
    expect(() => maxUlpError('f16', new Uint8Array(4), [1])).toThrow(CrossoverError);
  });
});
