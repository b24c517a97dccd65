/** @file A plan for people: the text of a hand-made one, to the letter. */
import { expect, test } from 'vitest';
import type { PlanEntry } from '../../dist/plan/plan.js';
import { formatEntry, formatRegret, formatSummary, us } from '../../dist/report/plan-tables.js';
import { curve, FUSED, KEY, sampleEntry, samplePlan } from '../plan/samples.ts';

test('one key: a row a size, the choice marked, crossovers between the rows', () => {
  expect(formatEntry(sampleEntry()).split('\n')).toEqual([
    'all_reduce bf16 x4 replay, us',
    '  size  one_shot_push  two_shot_pull   nccl  spread  plan                     next best',
    ' 1 KiB          4.00*             -   12.0    2.5 %  one_shot_push                200 %',
    '  -- crossover at 4 KiB: one_shot_push -> two_shot_pull',
    ' 4 KiB          8.00           6.00*     -    3.3 %  two_shot_pull blocks 24       33 %',
    '  -- crossover at 64 KiB: two_shot_pull -> nccl',
    '64 KiB             -           16.0   14.0*   3.6 %  nccl                          14 %',
    ' 1 MiB             -              -   40.0*   1.3 %  nccl',
  ]);
});

test('rows of fused operations are counted; tunables of the unfused sequence are not shown', () => {
  const entry: PlanEntry = {
    key: { ...FUSED, hidden: 512 },
    measured: { from: 1024, to: 2048 },
    ranges: [
      {
        from: 0,
        to: 2000,
        algorithm: 'unfused_ring',
        tunables: { chunk_bytes: 4096 },
        at: 1024,
        us: 9,
        spread: 0,
      },
      {
        from: 2000,
        to: null,
        algorithm: 'one_shot',
        tunables: { chunk_bytes: 4096 },
        at: 2048,
        us: 5,
        spread: 0,
      },
    ],
    candidates: [curve('unfused_ring', { 1024: 9, 2048: 10 }), curve('one_shot', { 1024: 11, 2048: 5 })],
  };
  expect(formatEntry(entry).split('\n')).toEqual([
    'all_reduce_rms_norm bf16 x2 replay h512, us',
    ' size  rows  unfused_ring  one_shot  spread  plan                  next best',
    '1 KiB     1         9.00*     11.0    0.0 %  unfused_ring               22 %',
    '  -- crossover at 1.95 KiB: unfused_ring -> one_shot',
    '2 KiB     2         10.0      5.00*   0.0 %  one_shot chunk 4 KiB      100 %',
  ]);
});

test("the time beside a choice is that of the plan's own settings, and nothing is behind by -0 %", () => {
  const choice = { algorithm: 'one_shot', tunables: { blocks: 8 } };
  const entry: PlanEntry = {
    key: KEY,
    measured: { from: 1024, to: 1024 },
    ranges: [{ ...choice, from: 0, to: null, at: 1024, us: 10, spread: 1 }],
    candidates: [
      { ...curve('one_shot', { 1024: 9.9 }), tunables: { blocks: 4 } },
      { ...choice, points: [{ bytes: 1024, us: 10, spread: 1 }] },
      curve('ring', { 1024: 9.97 }),
    ],
  };
  expect(formatEntry(entry).split('\n').at(-1)).toBe(
    '1 KiB     10.0*  9.97   10.0 %  one_shot blocks 8        0 %',
  );
});

test('a line a key as a summary', () => {
  const entry = sampleEntry();
  const [first, second] = entry.ranges;
  // Another tunable of the same algorithm is no crossover.
  const same = {
    ...entry,
    key: { ...KEY, mode: 'eager' as const },
    ranges: [first!, { ...second!, algorithm: first!.algorithm }],
  };
  expect(formatSummary(samplePlan([entry, same])).split('\n')).toEqual([
    'all_reduce bf16 x4 replay  one_shot_push  | 4 KiB  two_shot_pull  | 64 KiB  nccl',
    'all_reduce bf16 x4 eager   one_shot_push',
  ]);
});

test('regret in one line', () => {
  expect(formatRegret(samplePlan())).toBe(
    'regret at 12 sizes that were not in the sweep: mean 1.0 %, worst 5.0 % ' +
      '(all_reduce bf16 x4 replay 2.93 KiB: chose one_shot_push, best nccl)',
  );
  expect(formatRegret({ ...samplePlan(), regret: undefined })).toBe('regret: not measured');
});

test('microseconds have three digits', () => {
  expect([0.1234, 5, 12.345, 99.95, 123.4, 1234.5].map(us)).toEqual([
    '0.123',
    '5.00',
    '12.3',
    '100',
    '123',
    '1235',
  ]);
});
