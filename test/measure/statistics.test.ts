/** @file Medians against their definition, and the confidence interval against the binomial distribution it stands for. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seeded } from '../../dist/measure/random.js';
import { estimate, median } from '../../dist/measure/statistics.js';

const samples = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 });

test('the median is the middle, or the mean of the two in the middle', () => {
  fc.assert(
    fc.property(samples, (values) => {
      const rank = (k: number): number =>
        values.find(
          (v) => values.filter((w) => w < v).length <= k && values.filter((w) => w <= v).length > k,
        )!;
      const n = values.length;
      expect(median(values)).toBe(n % 2 === 1 ? rank((n - 1) / 2) : (rank(n / 2 - 1) + rank(n / 2)) / 2);
    }),
  );
});

test('the interval holds the median, its ends were measured, and order does not matter', () => {
  fc.assert(
    fc.property(samples, (values) => {
      const before = [...values];
      const e = estimate(values);
      expect(values).toEqual(before);
      expect(e.low).toBeLessThanOrEqual(e.median);
      expect(e.high).toBeGreaterThanOrEqual(e.median);
      expect(values).toContain(e.low);
      expect(values).toContain(e.high);
      expect(e.spread).toBeCloseTo((e.high - e.low) / 2, 9);
      expect(estimate([...values].reverse())).toEqual(e);
    }),
  );
});

test('nothing was measured', () => {
  expect(estimate([])).toMatchObject({ median: Number.NaN, samples: 0 });
});

describe('the interval holds the true median', () => {
  /** P(k values of n are below the true median). */
  const binomial = (n: number): number[] => {
    const p = [2 ** -n];
    for (let k = 1; k <= n; k++) p.push((p[k - 1]! * (n - k + 1)) / k);
    return p;
  };

  test.each([7, 11, 15, 19, 23, 40, 99, 400])('in 95 of 100 cases, of %i samples', (n) => {
    // Of n different samples, the interval's ends are order statistics: which ones shows on 0..n-1.
    const { low, high } = estimate(Array.from({ length: n }, (_, i) => i));
    expect(low + high).toBe(n - 1);
    const p = binomial(n);
    let coverage = 0;
    for (let below = low + 1; below <= high; below++) coverage += p[below]!;
    expect(coverage).toBeGreaterThan(0.93);
  });

  test('also when the noise is skewed, as that of timings', () => {
    const random = seeded(7);
    let held = 0;
    for (let k = 0; k < 2000; k++) {
      // Exponential: its median is ln 2.
      const { low, high } = estimate(Array.from({ length: 31 }, () => -Math.log(1 - random())));
      if (low <= Math.LN2 && Math.LN2 <= high) held++;
    }
    expect(held / 2000).toBeGreaterThan(0.93);
  });
});

test('the generator is uniform enough and repeats itself', () => {
  const [a, b] = [seeded(5), seeded(5)];
  const values = Array.from({ length: 4000 }, () => a());
  expect(values.map(() => b())).toEqual(values);
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...values)).toBeLessThan(1);
  expect(values.reduce((sum, v) => sum + v, 0) / values.length).toBeCloseTo(0.5, 1);
  expect(seeded(6)()).not.toBe(seeded(5)());
});
