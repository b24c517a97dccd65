/**
 * @file Crossovers: cases worked by hand, and what holds for any curves.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beats, findCrossovers } from '../../dist/plan/crossovers.js';
import { interpolate } from '../../dist/plan/curve.js';
import { makePlanEntry } from '../../dist/plan/entry.js';
import type { Candidate, PlanRange } from '../../dist/plan/plan.js';
import { arbitraryCandidates, curve, KEY } from './samples.ts';

/** `a <4096 b <inf`: the choices and where each ends. */
function summary(ranges: readonly PlanRange[]): string {
  return ranges.map(({ algorithm, to }) => `${algorithm} <${to ?? 'inf'}`).join(' ');
}

describe('cases worked by hand', () => {
  it('puts the boundary where the lines cross on log-log axes', () => {
    // a = bytes / 1024, b = 4: equal at 4096, between the sizes 1024 and 16384.
    const ranges = findCrossovers([curve('a', { 1024: 1, 16384: 16 }), curve('b', { 1024: 4, 16384: 4 })]);
    expect(summary(ranges)).toBe('a <4096 b <inf');
    expect(ranges[0]).toMatchObject({ from: 0, at: 1024, us: 1 });
    expect(ranges[1]).toMatchObject({ from: 4096, at: 16384, us: 4 });
  });

  it('rounds a boundary to whole bytes', () => {
    // a rises from 1 to 2, b falls from 2 to 1: they cross half way on a log scale, at sqrt(1000 * 2000) = 1414.2.
    const ranges = findCrossovers([curve('a', { 1000: 1, 2000: 2 }), curve('b', { 1000: 2, 2000: 1 })]);
    expect(summary(ranges)).toBe('a <1414 b <inf');
  });

  it('makes one range of one candidate with one point', () => {
    const ranges = findCrossovers([curve('a', { 64: 3 }, 0.5)]);
    expect(ranges).toEqual([{ from: 0, to: null, algorithm: 'a', tunables: {}, at: 64, us: 3, spread: 0.5 }]);
  });

  it('lets a candidate win, lose and win again', () => {
    const nccl = curve('nccl', { 1024: 1, 4096: 9, 16384: 10, 65536: 11 });
    const custom = curve('custom', { 1024: 3, 4096: 3, 16384: 5, 65536: 44 });
    const ranges = findCrossovers([nccl, custom]);
    expect(ranges.map(({ algorithm }) => algorithm)).toEqual(['nccl', 'custom', 'nccl']);
    // nccl leads 1:3 and trails 9:3, so it is half way between 1024 and 4096; it trails 10:5 and leads 11:44, so at a third between 16384 and 65536.
    expect(ranges.map(({ from }) => from)).toEqual([0, 2048, Math.round(16384 * 4 ** (1 / 3))]);
  });

  it('tells settings of one algorithm apart', () => {
    const small: Candidate = { ...curve('a', { 1024: 1, 4096: 4 }), tunables: { blocks: 4 } };
    const large: Candidate = { ...curve('a', { 1024: 4, 4096: 1 }), tunables: { blocks: 64 } };
    const ranges = findCrossovers([small, large]);
    expect(ranges.map(({ tunables, to }) => [tunables.blocks, to])).toEqual([
      [4, 2048],
      [64, null],
    ]);
  });

  it('uses measured midpoints of two candidates only, and interpolates the third', () => {
    const a = curve('a', { 1024: 1, 2048: 2.5, 4096: 8 });
    const b = curve('b', { 1024: 2, 2048: 2.4, 4096: 3 });
    const c = curve('c', { 1024: 0.5, 4096: 0.6 });
    expect(summary(findCrossovers([a, b, c]))).toBe('c <inf');
    // At 2048, b leads by 2.4 : 2.5; the lines cross a little before.
    const part = Math.log(2) / (Math.log(2) + Math.log(2.5 / 2.4));
    expect(summary(findCrossovers([a, b]))).toBe(`a <${Math.round(1024 * 2 ** part)} b <inf`);
  });
});

describe('noise', () => {
  const sizes = [1024, 2048, 4096, 8192, 16384, 32768];
  const times = (values: number[]): Record<number, number> =>
    Object.fromEntries(sizes.map((bytes, at) => [bytes, values[at]!]));
  const steady = times([10, 10, 10, 10, 10, 10]);

  it('makes no range of a lone win within the spreads', () => {
    const blip = curve('blip', times([12, 12, 9.5, 12, 12, 12]), 0.4);
    expect(summary(findCrossovers([curve('steady', steady, 0.4), blip]))).toBe('steady <inf');
  });

  it('makes a range of a lone win beyond the spreads', () => {
    const blip = curve('blip', times([12, 12, 7, 12, 12, 12]), 0.4);
    const ranges = findCrossovers([curve('steady', steady, 0.4), blip]);
    expect(ranges.map(({ algorithm }) => algorithm)).toEqual(['steady', 'blip', 'steady']);
  });

  it('makes no range of a win within the tolerance, whatever the spreads', () => {
    const blip = curve('blip', times([12, 12, 9.7, 12, 12, 12]));
    expect(summary(findCrossovers([curve('steady', steady), blip], { tolerance: 0.05 }))).toBe('steady <inf');
    expect(findCrossovers([curve('steady', steady), blip], { tolerance: 0 })).toHaveLength(3);
  });

  it('merges a last size that is won within the spreads', () => {
    const late = curve('late', times([12, 12, 12, 12, 12, 9.5]), 0.4);
    expect(summary(findCrossovers([curve('steady', steady, 0.4), late]))).toBe('steady <inf');
  });

  it('prefers who is a little better at every size', () => {
    const better = curve('better', times([9.6, 9.6, 9.6, 9.6, 9.6, 9.6]), 0.4);
    expect(summary(findCrossovers([curve('steady', steady, 0.4), better]))).toBe('better <inf');
  });

  it('gives equal candidates to the first', () => {
    expect(summary(findCrossovers([curve('a', steady), curve('b', steady)]))).toBe('a <inf');
  });

  it('finds no range in equal curves with noise of half the spread', () => {
    const noisy = (phase: number): Record<number, number> =>
      Object.fromEntries(
        Array.from({ length: 40 }, (_, at) => [1024 * (at + 1), 10 + 0.25 * Math.sin(phase + at * at)]),
      );
    expect(
      findCrossovers([curve('a', noisy(0), 0.5), curve('b', noisy(1), 0.5), curve('c', noisy(2), 0.5)]),
    ).toHaveLength(1);
  });
});

describe('candidates that are not available everywhere', () => {
  it('gives the gap to the one that is measured on both sides', () => {
    const all = curve('all', { 1024: 9, 2048: 9, 4096: 9 });
    expect(summary(findCrossovers([all, curve('small', { 1024: 1, 2048: 1 })]))).toBe('small <2049 all <inf');
    expect(summary(findCrossovers([all, curve('large', { 2048: 1, 4096: 1 })]))).toBe('all <2048 large <inf');
  });

  it('shares the gap on a log scale when neither is measured on both sides', () => {
    const ranges = findCrossovers([
      curve('small', { 256: 1, 1024: 1 }),
      curve('large', { 4096: 1, 8192: 1 }),
    ]);
    expect(summary(ranges)).toBe('small <2048 large <inf');
  });

  it('ignores candidates without a point', () => {
    expect(summary(findCrossovers([curve('none', {}), curve('a', { 8: 1 })]))).toBe('a <inf');
  });
});

it('makes an entry with times in whole nanoseconds, none of them 0', () => {
  const entry = makePlanEntry(KEY, [curve('a', { 8: 1.23456, 64: 0.0001 }, 0.00049), curve('none', {})]);
  expect(entry).toEqual({
    key: KEY,
    measured: { from: 8, to: 64 },
    ranges: [{ from: 0, to: null, algorithm: 'a', tunables: {}, at: 64, us: 0.001, spread: 0 }],
    candidates: [curve('a', { 8: 1.235, 64: 0.001 }, 0)],
  });
});

describe('refused input', () => {
  const cases: [string, Candidate[], number | undefined, string][] = [
    ['no candidate', [], undefined, 'there is no measured point, must be at least one to find crossovers'],
    [
      'no point',
      [curve('a', {})],
      undefined,
      'there is no measured point, must be at least one to find crossovers',
    ],
    [
      'twins',
      [curve('a', { 8: 1 }), curve('a', { 8: 2 })],
      undefined,
      'candidate a is listed twice, must be unique',
    ],
    ['size 0', [curve('a', { 0: 1 })], undefined, 'a: bytes is 0, must be a whole number more than 0'],
    [
      'half a byte',
      [curve('a', { 1.5: 1 })],
      undefined,
      'a: bytes is 1.5, must be a whole number more than 0',
    ],
    ['no time', [curve('a', { 8: 0 })], undefined, 'a at 8 bytes: us is 0, must be finite and more than 0'],
    [
      'NaN',
      [curve('a', { 8: Number.NaN })],
      undefined,
      'a at 8 bytes: us is NaN, must be finite and more than 0',
    ],
    [
      'infinite',
      [curve('a', { 8: Infinity })],
      undefined,
      'a at 8 bytes: us is Infinity, must be finite and more than 0',
    ],
    [
      'spread',
      [curve('a', { 8: 1 }, -1)],
      undefined,
      'a at 8 bytes: spread is -1, must be finite and 0 or more',
    ],
    ['tolerance', [curve('a', { 8: 1 })], 1, 'tolerance is 1, must be 0 or more and less than 1'],
    [
      'NaN tolerance',
      [curve('a', { 8: 1 })],
      Number.NaN,
      'tolerance is NaN, must be 0 or more and less than 1',
    ],
  ];
  it.each(cases)('%s', (_name, candidates, tolerance, message) => {
    expect(() => findCrossovers(candidates, { tolerance })).toThrow(message);
  });

  it('sizes that do not increase', () => {
    const points = [
      { bytes: 8, us: 1, spread: 0 },
      { bytes: 8, us: 1, spread: 0 },
    ];
    expect(() => findCrossovers([{ algorithm: 'a', tunables: { blocks: 2 }, points }])).toThrow(
      'a blocks=2: bytes is 8, must be a whole number more than 8',
    );
  });
});

describe('any curves', () => {
  it('give ranges that tile all sizes from 0, each unlike its neighbours', () => {
    fc.assert(
      fc.property(arbitraryCandidates, (candidates) => {
        const ranges = findCrossovers(candidates);
        expect(ranges[0]!.from).toBe(0);
        expect(ranges.at(-1)!.to).toBeNull();
        for (const [index, range] of ranges.slice(1).entries()) {
          const before = ranges[index]!;
          expect(before.to).toBe(range.from);
          expect(Number.isSafeInteger(range.from) && range.from > before.from).toBe(true);
          expect([range.algorithm, range.tunables]).not.toEqual([before.algorithm, before.tunables]);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('give at each size of the sweep a choice that is available and not beaten', () => {
    const tolerances = fc.constantFrom(0, 0.01, 0.2);
    fc.assert(
      fc.property(arbitraryCandidates, tolerances, (candidates, tolerance) => {
        const ranges = findCrossovers(candidates, { tolerance });
        for (const { bytes } of candidates.flatMap(({ points }) => points)) {
          const range = ranges.find(({ from, to }) => from <= bytes && (to === null || bytes < to))!;
          const chosen = candidates.find(
            (c) => c.algorithm === range.algorithm && c.tunables === range.tunables,
          )!;
          const estimate = interpolate(chosen.points, bytes);
          expect(estimate).toBeDefined();
          for (const other of candidates) {
            const rival = interpolate(other.points, bytes);
            expect(rival !== undefined && beats(rival, estimate!, tolerance)).toBe(false);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('without noise and tolerance, give the fastest at each size of the sweep', () => {
    fc.assert(
      fc.property(arbitraryCandidates, (noisy) => {
        const candidates = noisy.map((c) => ({
          ...c,
          points: c.points.map((point) => ({ ...point, spread: 0 })),
        }));
        const ranges = findCrossovers(candidates, { tolerance: 0 });
        for (const { bytes } of candidates.flatMap(({ points }) => points)) {
          const range = ranges.find(({ from, to }) => from <= bytes && (to === null || bytes < to))!;
          const chosen = candidates.find(
            (c) => c.algorithm === range.algorithm && c.tunables === range.tunables,
          )!;
          const times = candidates.flatMap(({ points }) => interpolate(points, bytes)?.us ?? []);
          expect(interpolate(chosen.points, bytes)!.us).toBe(Math.min(...times));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('give a representative point inside each range', () => {
    fc.assert(
      fc.property(arbitraryCandidates, (candidates) => {
        const entry = makePlanEntry(KEY, candidates);
        for (const { from, to, at, us } of entry.ranges) {
          expect(at >= from && (to === null || at < to) && us > 0).toBe(true);
          expect(at >= entry.measured.from && at <= entry.measured.to).toBe(true);
        }
      }),
    );
  });
});
