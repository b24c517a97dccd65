/**
 * @file Counts and shapes: what is accepted, what is refused, and that the error names the field and the value.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CrossoverError } from '../../dist/errors.js';
import { byteCount, checkCount, elementCount, partCount } from '../../dist/tensor/shape.js';

test('counts are whole numbers from 0 to 2^53 - 1', () => {
  expect(checkCount(0, 'n')).toBe(0);
  expect(checkCount(Number.MAX_SAFE_INTEGER, 'n')).toBe(Number.MAX_SAFE_INTEGER);
});

test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '4' as unknown as number])(
  '%s is not a count',
  (bad) => {
    expect(() => checkCount(bad, 'tokens')).toThrow(CrossoverError);
    expect(() => checkCount(bad, 'tokens')).toThrow(`tokens is ${bad}; use`);
  },
);

test('elements of a shape', () => {
  expect(elementCount([])).toBe(1);
  expect(elementCount([7])).toBe(7);
  expect(elementCount([2, 3, 4])).toBe(24);
  expect(elementCount([2 ** 30, 2 ** 30, 0])).toBe(0);
});

test('elements are the product, in any order of the dimensions', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { maxLength: 5 }), (shape) => {
      expect(elementCount(shape)).toBe(shape.reduce((a, b) => a * b, 1));
      expect(elementCount(shape.toReversed())).toBe(elementCount(shape));
    }),
  );
});

test('a bad dimension is named, behind a zero too', () => {
  expect(() => elementCount([0, -3], 'input.shape')).toThrow('input.shape[1] is -3; use');
});

test('a product beyond 2^53 - 1 is refused', () => {
  expect(() => elementCount([2 ** 27, 2 ** 26])).toThrow('shape [134217728, 67108864] has too many elements');
  expect(elementCount([2 ** 27, 2 ** 25])).toBe(2 ** 52);
});

test('bytes of a shape', () => {
  expect(byteCount('bf16', [3, 5])).toBe(30);
  expect(byteCount('f32', [3, 5])).toBe(60);
  expect(byteCount('e2m1x2', [2, 8])).toBe(16);
  expect(() => byteCount('f32', [2 ** 52])).toThrow(CrossoverError);
});

test('equal parts', () => {
  expect(partCount(12, 4)).toBe(3);
  expect(partCount(0, 4)).toBe(0);
  expect(() => partCount(10, 4, 'input')).toThrow('input is 10; use a multiple of 4');
  expect(() => partCount(10, 0)).toThrow(CrossoverError);
});
