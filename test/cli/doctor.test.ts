/** @file `crossover doctor`: says what is here, and fails when a plan would be refused. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { savePlan } from '../../dist/plan/file.js';
import { samplePlan } from '../plan/samples.ts';
import { crossover, folder } from './crossover.ts';

const gpus = existsSync('/dev/nvidiactl');
/** Of a host without GPUs. */
const NAMES = ['CPU', 'memory', 'WebAssembly', 'GPUs', 'driver', 'NVRTC', 'cuBLASLt', 'NCCL', 'plan'];

test.skipIf(gpus)('says what this host has, what it means and what to do', async () => {
  const { code, out, error } = await crossover(['doctor', '--no-measure'], { cwd: folder() });
  expect({ code, error }).toEqual({ code: 0, error: '' });
  for (const what of NAMES) expect(out).toMatch(new RegExp(`^ok +${what} `, 'm'));
  expect(out).toContain('SIMD and threads');
  expect(out).toContain('run "crossover tune"');
});

test.skipIf(gpus)('--json has the same findings', async () => {
  const { code, out } = await crossover(['doctor', '--json', '--no-measure'], { cwd: folder() });
  expect(code).toBe(0);
  const { findings } = JSON.parse(out) as { findings: { section: string; what: string; ok: boolean }[] };
  const seen = findings.filter(({ section }) => section !== 'environment');
  expect(seen.map(({ what, ok }) => [what, ok])).toEqual(NAMES.map((what) => [what, true]));
});

test("fails over another host's plan, and says so in data too", async () => {
  const cwd = folder();
  savePlan(join(cwd, 'crossover-plan.json'), samplePlan());
  const { code, out, error } = await crossover(['doctor', '--no-measure'], { cwd });
  expect(code).toBe(1);
  expect(out).toMatch(/^NO +plan .*from elsewhere: engine: cuda in the plan, cpu here/m);
  expect(error).toBe('error: plan: see above\n');
  const json = await crossover(['doctor', '--json', '--no-measure'], { cwd });
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out).findings.at(-1)).toMatchObject({
    what: 'plan',
    ok: false,
    remedy: expect.any(String),
  });
});

test('fails when $CROSSOVER_PLAN names a file that is not there', async () => {
  const { code, out } = await crossover(['doctor', '--no-measure'], {
    env: { CROSSOVER_PLAN: '/nowhere/plan.json' },
  });
  expect(code).toBe(1);
  expect(out).toMatch(/^NO +plan +no \/nowhere\/plan\.json/m);
});
