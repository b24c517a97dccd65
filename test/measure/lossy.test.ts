/** @file The bound of lossy sums, against sums of values that were rounded to f8e4m3 as the kernel rounds them. */
import { expect, test } from 'vitest';
import { algorithmsOf } from '../../dist/collective/catalog.js';
import { lossyBound } from '../../dist/measure/lossy.js';
import { seeded } from '../../dist/measure/random.js';
import { OPERATIONS } from '../../dist/operations.js';
import { roundToDType } from '../../dist/tensor/formats/element.js';

/** A group of 256 values to f8e4m3 and back, with one scale. */
function rounded(values: Float64Array): Float64Array {
  const scale = Math.max(...values.map(Math.abs)) / 448;
  return values.map((x) => (scale === 0 ? 0 : roundToDType('f8e4m3', x / scale) * scale));
}

test.each([2, 4, 8])('holds for %i ranks, and is not far too large', (worldSize) => {
  const random = seeded(worldSize);
  let closest = 0;
  for (let round = 0; round < 200; round++) {
    // From one magnitude to many: small values beside large ones have subnormal codes.
    const spread = 12 * random();
    const inputs = Array.from({ length: worldSize }, () =>
      Float64Array.from({ length: 256 }, () => (2 * random() - 1) * 2 ** (-spread * random())),
    );
    const sent = inputs.map(rounded);
    const results = rounded(
      Float64Array.from({ length: 256 }, (_, i) => sent.reduce((sum, x) => sum + x[i]!, 0)),
    );
    for (const [i, result] of results.entries()) {
      const exact = inputs.reduce((sum, x) => sum + x[i]!, 0);
      const magnitude = inputs.reduce((sum, x) => sum + Math.abs(x[i]!), 0);
      const part = Math.abs(result - exact) / lossyBound(worldSize, magnitude, exact);
      expect(part).toBeLessThanOrEqual(1);
      closest = Math.max(closest, part);
    }
  }
  expect(closest).toBeGreaterThan(0.4);
});

test('only what is called so is lossy', () => {
  const lossy = OPERATIONS.flatMap(algorithmsOf).filter((algorithm) => algorithm.lossy);
  expect(lossy.map(({ operation, name }) => `${operation} ${name}`)).toEqual([
    'all_reduce two_shot_quantized',
  ]);
});
