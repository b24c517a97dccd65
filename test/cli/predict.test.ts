/** @file `crossover predict`: expected steps from a plan that can be worked out by hand, on any host. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { presetNamed } from '../../dist/workload/models/presets.js';
import { modelPlan } from '../workload/run/plans.ts';
import { ask, folder } from './crossover.ts';

const CONFIG = presetNamed('tiny');
/** All-reduces of a step: two a layer, and one behind the embedding. */
const SITES = 2 * CONFIG.layers + 1;

it('adds up what was measured of each collective', async () => {
  const path = join(folder(), 'plan.json');
  writeFileSync(path, JSON.stringify(modelPlan(2, CONFIG.hidden)));
  const options = ['--plan', path, '--batch', '1,16', '--step-us', '1000', '--fusion-cap-mb', '1', '--json'];
  const { code, out, error } = await ask(['predict', '--model', 'tiny', ...options]);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  const { rows, notes } = JSON.parse(out) as {
    rows: { batch: number; variant: string; collectivesUs?: number; stepUs?: number; change?: number }[];
    notes: string[];
  };
  expect(notes).toEqual([]);
  const row = (batch: number, variant: string) =>
    rows.find((one) => one.batch === batch && one.variant === variant)!;
  // The candidates of sampling are gathered in 2 us at one token, in 8 at 16.
  expect(row(1, 'plan').collectivesUs).toBeCloseTo(SITES * 2 + 2);
  expect(row(16, 'plan').collectivesUs).toBeCloseTo(SITES * 11 + 8);
  expect(row(16, 'fused').stepUs).toBeCloseTo(1000 + SITES * (20 - 11));
  // A cap that is above the crossover costs what fusing costs there.
  expect(row(16, 'fused-cap').change).toBeCloseTo(1000 / (1000 + SITES * 9) - 1);
  expect(row(1, 'nccl').change).toBeUndefined();
});

it('says where another measurement stands in, and what to measure where there is none', async () => {
  const path = join(folder(), 'plan.json');
  writeFileSync(path, JSON.stringify(modelPlan(2, 2 * CONFIG.hidden)));
  const near = await ask(['predict', '--model', 'tiny', '--plan', path, '--batch', '4', '--gpu', 'H200']);
  expect(near.out).toContain('hidden 256 was not measured; this is the plan for hidden 512');
  const missing = await ask(['predict', '--model', 'tiny', '--plan', path, '--ranks', '4', '--gpu', 'H200']);
  expect(missing.code).toBe(1);
  expect(missing.error).toContain(
    'measure it: crossover tune --ranks 4 --operations all_reduce,all_reduce_rms_norm',
  );
});
