/** @file The tuner on a request that takes a moment: its entries make a valid plan, its held-out sizes are what they must be. */
import { beforeAll, expect, test } from 'vitest';
import { fingerprintHere } from '../../dist/collective/engines.js';
import { launch } from '../../dist/group/launch.js';
import { sizeFor } from '../../dist/measure/workload.js';
import { compilePlan } from '../../dist/plan/lookup.js';
import { choiceName, type Plan } from '../../dist/plan/plan.js';
import { regretReport } from '../../dist/plan/regret.js';
import { validatePlan } from '../../dist/plan/validate.js';
import { keysOf, type TuneRequest } from '../../dist/tune/request.js';
import type { TuneResult } from '../../dist/tune/tune.js';
import { samplePlan } from '../plan/samples.ts';
import { program } from '../support/program.ts';

const REQUEST: TuneRequest = {
  operations: ['all_reduce', 'reduce_scatter', 'all_reduce_rms_norm'],
  dtypes: ['f32'],
  modes: ['replay'],
  hidden: [64],
  quantizations: ['none', 'i8_token'],
  minBytes: 1024,
  maxBytes: 16384,
  factor: 4,
  seconds: 5,
  deterministic: false,
  seed: 3,
  progress: false,
};
const RANKS = 2;
const keys = keysOf(REQUEST, RANKS);
let results: TuneResult[];
let result: TuneResult;

beforeAll(async () => {
  results = await launch<TuneResult>(program('./programs/tune.ts', import.meta.url), {
    ranks: RANKS,
    data: REQUEST,
  });
  result = results[0]!;
});

test('all ranks have the same result', () => {
  expect(results[1]).toEqual(result);
});

test('an entry a key, in their order, that makes a valid plan', () => {
  expect(result.entries.map((entry) => entry.key)).toEqual(keys);
  const plan: Plan = {
    ...samplePlan(result.entries),
    fingerprint: fingerprintHere(),
    regret: regretReport(result.heldOut),
  };
  expect(validatePlan(JSON.parse(JSON.stringify(plan)), 'plan').entries).toHaveLength(keys.length);
  const index = compilePlan(plan);
  for (const key of keys) expect(index.entry(key)).toMatchObject({ approximate: false });
});

test('ranges tile all sizes, and what they choose was measured', () => {
  for (const { key, ranges, candidates, measured } of result.entries) {
    expect(ranges[0]!.from).toBe(0);
    expect(ranges.at(-1)!.to).toBeNull();
    for (const [i, range] of ranges.slice(1).entries()) expect(range.from).toBe(ranges[i]!.to);
    const names = candidates.map(choiceName);
    for (const range of ranges) expect(names).toContain(choiceName(range));
    expect(measured.from).toBe(sizeFor(key, 1024));
    expect(measured.to).toBe(sizeFor(key, 16384));
  }
});

test('held-out sizes lie within the sweep, were not part of it, and have a time for every candidate there', () => {
  for (const { key, candidates, measured } of result.entries) {
    const heldOut = result.heldOut.filter((one) => JSON.stringify(one.key) === JSON.stringify(key));
    expect(heldOut.length).toBeGreaterThan(0);
    for (const { bytes, chosen, times } of heldOut) {
      expect(sizeFor(key, bytes)).toBe(bytes);
      expect(bytes).toBeGreaterThanOrEqual(measured.from);
      expect(bytes).toBeLessThanOrEqual(measured.to);
      expect([1024, 4096, 16384].map((size) => sizeFor(key, size))).not.toContain(bytes);
      expect(Object.keys(times)).toContain(chosen);
      expect(Object.keys(times).length).toBeGreaterThanOrEqual(candidates.length > 1 ? 2 : 1);
      for (const us of Object.values(times)) expect(us).toBeGreaterThan(0);
    }
  }
});
