/**
 * @file f16, bf16, f8e4m3 and e2m1 against an independent definition: every code, every midpoint between neighbours and
 * the float64 numbers next to it, every float32 exponent, and random float64 numbers.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBf16, encodeBf16 } from '../../../dist/tensor/formats/bf16.js';
import { decodeE2m1, encodeE2m1 } from '../../../dist/tensor/formats/e2m1.js';
import { decodeF8e4m3, encodeF8e4m3 } from '../../../dist/tensor/formats/f8e4m3.js';
import { decodeF16, encodeF16 } from '../../../dist/tensor/formats/f16.js';
import * as oracle from './oracle.ts';

const FORMATS = [
  { spec: oracle.F16, encode: encodeF16, decode: decodeF16 },
  { spec: oracle.BF16, encode: encodeBf16, decode: decodeBf16 },
  { spec: oracle.F8E4M3, encode: encodeF8e4m3, decode: decodeF8e4m3 },
  { spec: oracle.E2M1, encode: encodeE2m1, decode: decodeE2m1 },
].map((format) => ({ ...format, name: format.spec.name }));

describe.each(FORMATS)('$name', ({ spec, encode, decode }) => {
  const codes = Array.from({ length: oracle.codeCount(spec) }, (_, code) => code);
  const values = oracle.positiveValues(spec);
  const nearest = oracle.nearestEncoder(spec);
  const largest = values[values.length - 1]!;
  const signBit = oracle.codeCount(spec) / 2;

  /** Those of the numbers, and of their negatives, that are encoded otherwise than by the search. */
  function wrong(numbers: Iterable<number>): unknown[] {
    const found: unknown[] = [];
    for (const number of numbers) {
      for (const value of [number, -number]) {
        if (encode(value) !== nearest(value)) found.push({ value, got: encode(value), want: nearest(value) });
      }
    }
    return found;
  }

  test('every code decodes to its number', () => {
    expect(codes.filter((code) => !Object.is(decode(code), oracle.valueOfCode(spec, code)))).toEqual([]);
  });

  test('every number encodes to its code, and every NaN to the canonical one', () => {
    const back = (code: number) => (Number.isNaN(oracle.valueOfCode(spec, code)) ? spec.nan : code);
    expect(codes.filter((code) => encode(oracle.valueOfCode(spec, code)) !== back(code))).toEqual([]);
    expect(encode(Number.NaN)).toBe(spec.nan);
    expect(encode(-Number.NaN)).toBe(spec.nan);
  });

  test('every midpoint goes to the even code, and the float64 numbers beside it to the nearer one', () => {
    const failures: unknown[] = [];
    for (let low = 0; low + 1 < values.length; low++) {
      const middle = (values[low]! + values[low + 1]!) / 2;
      const even = low % 2 === 0 ? low : low + 1;
      for (const [value, code] of [
        [middle, even],
        [oracle.neighbour(middle, -1), low],
        [oracle.neighbour(middle, 1), low + 1],
      ] as const) {
        if (encode(value) !== code) failures.push({ value, got: encode(value), want: code });
        if (encode(-value) !== code + signBit)
          failures.push({ value: -value, got: encode(-value), want: code + signBit });
      }
    }
    expect(failures).toEqual([]);
  });

  test('the end of the range', () => {
    const limit = oracle.overflowAt(spec);
    const beyond = spec.specials === 'ieee' ? Number.POSITIVE_INFINITY : largest;
    expect(decode(encode(oracle.neighbour(limit, -1)))).toBe(largest);
    for (const value of [
      limit,
      oracle.neighbour(limit, 1),
      2 * limit,
      1e300,
      Number.MAX_VALUE,
      Number.POSITIVE_INFINITY,
    ]) {
      expect(decode(encode(value))).toBe(beyond);
      expect(decode(encode(-value))).toBe(-beyond);
    }
  });

  test('zeros keep their sign, and what underflows keeps it too', () => {
    for (const tiny of [0, Number.MIN_VALUE, 2 ** -1022, 2 ** -300, values[1]! / 2]) {
      expect(encode(tiny)).toBe(0);
      expect(encode(-tiny)).toBe(signBit);
    }
    expect(encode(oracle.neighbour(values[1]! / 2, 1))).toBe(1);
    expect(Object.is(decode(signBit), -0)).toBe(true);
  });

  test('every exponent of float64, with mantissas near both ends and the middle', () => {
    const numbers: number[] = [];
    for (let exponent = -1074; exponent <= 1023; exponent++) {
      for (const factor of [
        1,
        1 + 2 ** -23,
        1 + 2 ** -52,
        1.25,
        1.5,
        1.5 + 2 ** -30,
        1.75,
        2 - 2 ** -23,
        2 - 2 ** -52,
      ]) {
        numbers.push(factor * 2 ** exponent);
      }
    }
    expect(wrong(numbers)).toEqual([]);
  });

  test('any float64', () => {
    const anyBits = fc.bigInt(0n, 2n ** 64n - 1n).map(oracle.fromBits);
    fc.assert(
      fc.property(fc.oneof(fc.double(), anyBits), (value) => {
        expect(encode(value)).toBe(nearest(value));
      }),
      { numRuns: 5000 },
    );
  });

  test('any number within the range, most of them between two neighbours', () => {
    const between = fc
      .tuple(fc.integer({ min: 0, max: values.length - 2 }), fc.double({ min: 0, max: 1, noNaN: true }))
      .map(([low, t]) => values[low]! + t * (values[low + 1]! - values[low]!));
    fc.assert(
      fc.property(between, fc.boolean(), (value, negative) => {
        const signed = negative ? -value : value;
        expect(encode(signed)).toBe(nearest(signed));
      }),
      { numRuns: 5000 },
    );
  });

  test('encoding keeps order', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
        expect(decode(encode(Math.min(a, b)))).toBeLessThanOrEqual(decode(encode(Math.max(a, b))));
      }),
      { numRuns: 2000 },
    );
  });
});
