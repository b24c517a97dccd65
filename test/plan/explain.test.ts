/**
 * @file Explanations: times between, at and beyond what was measured, the runner-up, and the words.
 */
import { describe, expect, it } from 'vitest';
import { CrossoverError } from '../../dist/errors.js';
import { extrapolate, interpolate } from '../../dist/plan/curve.js';
import { explain, formatExplanation } from '../../dist/plan/explain.js';
import { compilePlan } from '../../dist/plan/lookup.js';
import { formatBytes, formatMicroseconds } from '../../dist/units.js';
import { curve, FUSED, KEY, sampleEntry, samplePlan } from './samples.ts';

const plan = samplePlan();

describe('explain', () => {
  it('gives the measured time at a measured size', () => {
    const result = explain(plan, KEY, 4096);
    expect(result).toMatchObject({
      algorithm: 'two_shot_pull',
      tunables: { blocks: 24 },
      range: { from: 4096, to: 65536 },
      us: 6,
      runnerUp: { algorithm: 'one_shot_push', us: 8 },
      basis: 'measured',
      approximate: false,
      notes: [],
    });
    expect(result.advantagePercent).toBeCloseTo(33.33, 2);
  });

  it('says how far the results of a lossy choice are off', () => {
    const entry = sampleEntry();
    const candidates = entry.candidates.map((one) =>
      one.algorithm === 'two_shot_pull' ? { ...one, relativeError: 0.0214 } : one,
    );
    const { notes } = explain(samplePlan([{ ...entry, candidates }]), KEY, 4096);
    expect(notes).toEqual([
      'it rounds values on the way: results are off by 2.1 % of the exact ones, on average',
    ]);
  });

  it('interpolates on log-log axes', () => {
    // Half way from 1024 to 4096 on a log scale: sqrt(4 * 8). nccl: a sixth of the way from 12 to 14.
    const result = explain(plan, KEY, 2048);
    expect(result.us).toBeCloseTo(Math.sqrt(32), 9);
    expect(result.runnerUp!.us).toBeCloseTo(12 * (14 / 12) ** (1 / 6), 9);
    expect(result.basis).toBe('interpolated');
  });

  it('extrapolates beyond the sweep, says so, and compares nothing there', () => {
    const above = explain(plan, KEY, 4194304);
    // The slope of the last two points of nccl, 14 us at 64 KiB and 40 us at 1 MiB, for two more doublings.
    expect(above.us).toBeCloseTo(40 * (40 / 14) ** (2 / 4), 9);
    expect(above).toMatchObject({ basis: 'extrapolated', runnerUp: undefined, advantagePercent: undefined });
    expect(above.notes).toEqual(['4 MiB is outside of what was measured, 1 KiB to 1 MiB']);
    const below = explain(plan, KEY, 8);
    expect(below).toMatchObject({ us: 4, basis: 'extrapolated', runnerUp: undefined });
    expect(explain(plan, KEY, 0).us).toBe(4);
  });

  it('falls back to the time of the range when the plan holds no curve', () => {
    const bare = samplePlan([{ ...sampleEntry(), candidates: [] }]);
    const result = explain(bare, KEY, 20000);
    expect(result).toMatchObject({ us: 8, basis: 'interpolated', runnerUp: undefined });
    expect(result.notes).toEqual(['the time is the one at 16 KiB: the plan holds no curve for this choice']);
    expect(explain(bare, KEY, 16384).basis).toBe('measured');
  });

  it('takes another setting of the algorithm only when there is no other algorithm', () => {
    const base = sampleEntry();
    const slow = {
      algorithm: 'two_shot_pull',
      tunables: { blocks: 8 },
      points: base.candidates[1]!.points.map((p) => ({ ...p, us: p.us * 1.01 })),
    };
    const both = samplePlan([{ ...base, candidates: [...base.candidates, slow] }]);
    expect(explain(both, KEY, 16384).runnerUp).toMatchObject({ algorithm: 'nccl' });
    const alone = samplePlan([{ ...base, candidates: [base.candidates[1]!, slow] }]);
    expect(explain(alone, KEY, 16384).runnerUp).toMatchObject({
      algorithm: 'two_shot_pull',
      tunables: { blocks: 8 },
    });
  });

  it('passes on that another entry stands in', () => {
    const result = explain(plan, { ...FUSED, hidden: 5120, mode: 'eager' }, 4096);
    expect(result.approximate).toBe(true);
    expect(result.notes).toHaveLength(2);
  });

  it('accepts a compiled plan', () => {
    expect(explain(compilePlan(plan), KEY, 4096)).toEqual(explain(plan, KEY, 4096));
  });

  it('refuses a key without an entry, and sizes that are none', () => {
    expect(() => explain(plan, { ...KEY, dtype: 'f32' }, 8)).toThrow(
      new CrossoverError(
        'the plan has no entry for all_reduce f32 x4 replay; it has all_reduce bf16 x4 replay, all_reduce_rms_norm bf16 x2 replay h4096',
      ),
    );
    expect(() => explain(samplePlan([]), KEY, 8)).toThrow('it has nothing');
    const many = [1, 2, 3, 5, 6, 7, 8].map((worldSize) => sampleEntry({ ...KEY, worldSize }));
    expect(() => explain(samplePlan(many), KEY, 8)).toThrow('all_reduce bf16 x6 replay and 2 more');
    for (const bytes of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => explain(plan, KEY, bytes)).toThrow(`bytes is ${bytes}, must be a whole number, 0 or more`);
    }
  });
});

describe('formatExplanation', () => {
  it('says the choice, what comes next, and the notes, a line each', () => {
    expect(formatExplanation(explain(plan, KEY, 4096))).toBe(
      [
        'all_reduce bf16 x4 replay, 4 KiB: two_shot_pull blocks=24, 6 us (measured), chosen from 4 KiB to below 64 KiB.',
        'Next is one_shot_push with 8 us, 33 % longer.',
      ].join('\n'),
    );
    expect(formatExplanation(explain(plan, { ...KEY, mode: 'eager' }, 8))).toBe(
      [
        'all_reduce bf16 x4 eager, 8 B: one_shot_push, 4 us (extrapolated), chosen below 4 KiB.',
        'Note: eager was not measured; this is the plan for replay; 8 B is outside of what was measured, 1 KiB to 4 KiB.',
      ].join('\n'),
    );
    expect(formatExplanation(explain(plan, KEY, 1048576))).toBe(
      'all_reduce bf16 x4 replay, 1 MiB: nccl, 40 us (measured), chosen from 64 KiB on.',
    );
  });

  it('says when the runner-up was as fast, or faster within the noise', () => {
    const ranges = [{ ...sampleEntry().ranges[0]!, to: null }];
    const words = (us: number): string => {
      const candidates = [curve('one_shot_push', { 1024: 10 }), curve('rival', { 1024: us })];
      return formatExplanation(explain(samplePlan([{ ...sampleEntry(), ranges, candidates }]), KEY, 1024));
    };
    expect(words(10)).toContain('chosen at every size.\nNext is rival with 10 us, equal.');
    expect(words(9.9)).toContain('Next is rival with 9.9 us, 1 % less, within the noise.');
    expect(words(10.25)).toContain('2.5 % longer.');
  });
});

describe('curves', () => {
  const { points } = curve('a', { 1024: 4, 4096: 16 });
  it('are read between their points only', () => {
    expect(interpolate(points, 2048)!.us).toBeCloseTo(8, 12);
    expect(interpolate(points, 1024)).toBe(points[0]);
    expect(interpolate(points, 4096)).toBe(points[1]);
    expect(interpolate(points, 1023)).toBeUndefined();
    expect(interpolate(points, 4097)).toBeUndefined();
    expect(interpolate([], 1)).toBeUndefined();
  });

  it('take the larger of two spreads between points', () => {
    expect(
      interpolate(
        [
          { bytes: 8, us: 1, spread: 0.5 },
          { bytes: 32, us: 1, spread: 0.1 },
        ],
        16,
      )!.spread,
    ).toBe(0.5);
  });

  it('never fall and never rise faster than bytes beyond their points', () => {
    expect(extrapolate(curve('falls', { 1024: 4, 2048: 2 }).points, 8192)!.us).toBe(2);
    expect(extrapolate(curve('steep', { 1024: 1, 2048: 8 }).points, 8192)!.us).toBeCloseTo(32, 9);
    expect(extrapolate(curve('one', { 1024: 7 }).points, 8192)!.us).toBe(7);
    expect(extrapolate([], 8)).toBeUndefined();
  });
});

it('formats sizes and times', () => {
  expect([0, 512, 1024, 1536, 1414, 1048576, 2 ** 30, 2 ** 50].map(formatBytes)).toEqual([
    '0 B',
    '512 B',
    '1 KiB',
    '1.5 KiB',
    '1.38 KiB',
    '1 MiB',
    '1 GiB',
    '1024 TiB',
  ]);
  expect([0.1234, 5, 18.34, 999.4, 999.6, 1240, 999_400, 999_600, 2.5e6].map(formatMicroseconds)).toEqual([
    '0.123 us',
    '5 us',
    '18.3 us',
    '999 us',
    '1 ms',
    '1.24 ms',
    '999 ms',
    '1 s',
    '2.5 s',
  ]);
});
