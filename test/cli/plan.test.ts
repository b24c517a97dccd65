/** @file `crossover plan`: show, explain, check and schema, of a plan made here, of another host's, and of none. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fingerprintHere } from '../../dist/collective/engines.js';
import { savePlan } from '../../dist/plan/file.js';
import type { Plan } from '../../dist/plan/plan.js';
import { samplePlan } from '../plan/samples.ts';
import { ask, folder } from './crossover.ts';

/** A folder with a plan in the default place. */
function withPlan(change: Partial<Plan> = {}): string {
  const cwd = folder();
  savePlan(join(cwd, 'crossover-plan.json'), { ...samplePlan(), fingerprint: fingerprintHere(), ...change });
  return cwd;
}

test('show prints where it comes from, every key, and the plan by size', async () => {
  const { code, out, error } = await ask(['plan', 'show'], { cwd: withPlan() });
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toMatch(/^made 2026-01-31T12:00:00.000Z by crossover 0\.1\.0 on /);
  expect(out).toMatch(/-- crossover at 4 KiB: one_shot_push -> two_shot_pull/);
  expect(out).toMatch(
    /^all_reduce bf16 x4 replay +one_shot_push +\| 4 KiB +two_shot_pull +\| 64 KiB +nccl$/m,
  );
  expect(out).toMatch(/^regret at 12 sizes .* mean 1\.0 %, worst 5\.0 %/m);
});

test('show --json is the plan', async () => {
  const cwd = withPlan();
  const { out } = await ask(['plan', 'show', '--json', '--plan', 'crossover-plan.json'], { cwd });
  expect(JSON.parse(out)).toEqual({ ...samplePlan(), fingerprint: fingerprintHere() });
});

test('explain says what, why and by how much', async () => {
  const cwd = withPlan();
  const args = ['plan', 'explain', 'all_reduce', '4K', '--mode', 'replay'];
  const { code, out } = await ask(args, { cwd });
  expect(code).toBe(0);
  expect(out).toMatch(/^all_reduce bf16 x4 replay, 4 KiB: two_shot_pull blocks=24, 6 us \(measured\)/);
  expect(out).toMatch(/^Next is one_shot_push with 8 us, 33 % longer/m);
  const data = JSON.parse((await ask([...args, '--json'], { cwd })).out);
  expect(data).toMatchObject({
    algorithm: 'two_shot_pull',
    tunables: { blocks: 24 },
    basis: 'measured',
    us: 6,
  });
});

test('explain takes hidden sizes and world sizes, and says what the plan has when it has no answer', async () => {
  const cwd = withPlan();
  const args = [
    'plan',
    'explain',
    'all_reduce_rms_norm',
    '60K',
    '--hidden',
    '5120',
    '--mode',
    'replay',
    '--json',
  ];
  const { key, approximate, notes } = JSON.parse((await ask(args, { cwd })).out);
  expect(key).toMatchObject({ hidden: 5120, worldSize: 2 });
  expect({ approximate, notes: notes.length > 0 }).toEqual({ approximate: true, notes: true });

  const { code, error } = await ask(['plan', 'explain', 'all_reduce', '4K', '--ranks', '8'], { cwd });
  expect(code).toBe(1);
  expect(error).toMatch(/^error: .*all_reduce bf16 x8 eager.*it has all_reduce bf16 x4 replay[^\n]*\n$/);
});

test('check accepts a plan of this host', async () => {
  const cwd = withPlan();
  const { code, out, error } = await ask(['plan', 'check'], { cwd });
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toMatch(/it holds here\n$/);
  expect(JSON.parse((await ask(['plan', 'check', '--json'], { cwd })).out)).toEqual({
    holds: true,
    differences: [],
  });
});

test('check refuses another host, names the differences and exits with 1', async () => {
  const { fingerprint } = samplePlan();
  const cwd = withPlan({ fingerprint });
  const { code, out, error } = await ask(['plan', 'check'], { cwd });
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(error).toMatch(
    /^error: the plan is from elsewhere \(engine: cuda in the plan, cpu here;.*CPU: Example CPU 9000 in the plan.*"crossover tune"\n$/,
  );

  const json = await ask(['plan', 'check', '--json'], { cwd });
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({ holds: false });
  expect(JSON.parse(json.out).differences).toContain('engine: cuda in the plan, cpu here');
});

test.each([['show'], ['check'], ['explain', 'all_reduce', '4K']])(
  'no plan: exit code 1 and a hint: %s',
  async (...args) => {
    const { code, out, error } = await ask(['plan', ...args], { cwd: folder() });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(error).toMatch(
      /^error: cannot read \.\/crossover-plan\.json: ENOENT.*make a plan with "crossover tune"\n$/,
    );
  },
);

test('a file that is no plan is one line', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'x.json'), '{"schema": 1,');
  const { code, error } = await ask(['plan', 'show', '--plan', 'x.json'], { cwd });
  expect(code).toBe(1);
  expect(error).toMatch(/^error: x\.json is not JSON: [^\n]+\n$/);
});

test('schema is a JSON schema', async () => {
  const { code, out } = await ask(['plan', 'schema']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ type: 'object', properties: { entries: { type: 'array' } } });
});
