/**
 * @file Regret, worked by hand.
 */
import { describe, expect, it } from 'vitest';
import { type HeldOut, regretAt, regretReport } from '../../dist/plan/regret.js';
import { FUSED, KEY } from './samples.ts';

const sample = (chosen: string, times: Record<string, number>, bytes = 3000): HeldOut => ({
  key: KEY,
  bytes,
  chosen,
  times,
});

describe('regretReport', () => {
  it('is 0 for a plan that chose the best', () => {
    expect(regretReport([sample('a', { a: 1, b: 2 })])).toEqual({
      mean: 0,
      worst: 0,
      count: 1,
      worstAt: { key: 'all_reduce bf16 x4 replay', bytes: 3000, chosen: 'a', best: 'a' },
    });
  });

  it('gives the mean, and the place of the worst', () => {
    const samples = [
      sample('a', { a: 1, b: 2 }),
      { ...sample('b', { a: 4, b: 5, c: 9 }, 70), key: FUSED },
      sample('a', { a: 1.05, b: 1 }),
    ];
    const report = regretReport(samples)!;
    expect(report.mean).toBeCloseTo(0.1, 12);
    expect(report.worst).toBeCloseTo(0.25, 12);
    expect(report.count).toBe(3);
    expect(report.worstAt).toEqual({
      key: 'all_reduce_rms_norm bf16 x2 replay h4096',
      bytes: 70,
      chosen: 'b',
      best: 'a',
    });
  });

  it('is undefined when nothing was held out', () => {
    expect(regretReport([])).toBeUndefined();
  });
});

describe('regretAt', () => {
  it('is the time of the choice over the time of the best, less one', () => {
    expect(regretAt(sample('slow', { slow: 3, fast: 2 }))).toEqual({ regret: 0.5, best: 'fast' });
  });

  it.each<[HeldOut, string]>([
    [sample('c', { a: 1, b: 2 }), 'chosen is c at 3000 bytes, must be one that was measured: a, b'],
    [sample('toString', { a: 1 }), 'chosen is toString at 3000 bytes, must be one that was measured: a'],
    [sample('a', {}), 'chosen is a at 3000 bytes, must be one that was measured: none'],
    [sample('a', { a: 0 }), 'time of a at 3000 bytes is 0, must be finite us and more than 0'],
    [
      sample('a', { a: 1, b: Number.NaN }),
      'time of b at 3000 bytes is NaN, must be finite us and more than 0',
    ],
  ])('refuses what cannot be compared %#', (held, message) => {
    expect(() => regretAt(held)).toThrow(message);
  });
});
