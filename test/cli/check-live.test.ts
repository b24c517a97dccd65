/** @file `crossover check --live`: a plan of this host, one that is wrong on purpose, one of GPUs that are not here, and none. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadPlan, savePlan } from '../../dist/plan/file.js';
import type { Plan } from '../../dist/plan/plan.js';
import { ask, crossover, folder, ROOT } from './crossover.ts';

const LIVE = ['check', '--live', '--seconds', '2'];

/** A folder with a plan of one key, measured here and now. */
async function tuned(): Promise<string> {
  const cwd = folder();
  const args = [
    '--ranks',
    '2',
    '--device',
    'cpu',
    '--operations',
    'all_reduce',
    '--dtype',
    'f32',
    '--mode',
    'replay',
  ];
  await crossover(['tune', ...args, '-b', '4K', '-e', '1M', '--seconds', '1'], { cwd });
  return cwd;
}

// It measures, so others on the cores may hide what it should find: then it is done again.
test('a plan of this host, and the same with its worst choice', { retry: 2 }, async () => {
  const cwd = await tuned();
  const path = join(cwd, 'crossover-plan.json');
  const { code, out, error } = await crossover(LIVE, { cwd });
  expect(error).toBe('');
  expect(out).toMatch(/^all_reduce f32 x2 replay +\d+ +\d+ +\d+\.\d % +\d+\.\d\d x$/m);
  // Whoever shares this machine may make one algorithm slower than another at any moment; the last line and the exit code agree.
  expect(out).toMatch(code === 0 ? /^the plan.* hold/m : /^the plan does not hold here any more/m);

  // Chunks of 2 KiB: 512 barriers, so many that others on the cores delay every run of them alike, and so few that enough runs fit.
  const plan = loadPlan(path);
  const slow = (entry: Plan['entries'][0]): Plan['entries'][0] => ({
    ...entry,
    ranges: [
      {
        ...entry.ranges.at(-1)!,
        algorithm: 'one_shot',
        tunables: { chunk_bytes: 2048 },
        from: 0,
        to: null,
        at: 1 << 20,
      },
    ],
  });
  savePlan(path, { ...plan, entries: plan.entries.map(slow) });
  // Where others use the cores, too few runs may fit into the time for anything to be told apart: then there is more of it.
  let wrong = await crossover([...LIVE, '--json'], { cwd });
  for (const seconds of ['8', '16']) {
    if (wrong.code === 0)
      wrong = await crossover(['check', '--live', '--seconds', seconds, '--json'], { cwd });
  }
  expect(wrong.code).toBe(1);
  const report = JSON.parse(wrong.out);
  expect(report).toMatchObject({ holds: false, differences: [], skipped: 0 });
  expect(report.verdicts[0]).toMatchObject({ finding: 'moved', bytes: 1 << 20 });
  expect(report.verdicts[0].lossPercent).toBeGreaterThan(50);
});

test('a plan of GPUs where there are none: one error that says so', async () => {
  const cwd = folder();
  const plan = readFileSync(join(ROOT, 'results/4xh200/plan-all-reduce-2-gpus.json'));
  writeFileSync(join(cwd, 'crossover-plan.json'), plan);
  const { code, error } = await crossover(LIVE, { cwd, env: { CUDA_VISIBLE_DEVICES: '' } });
  expect(code).toBe(1);
  expect(error.trim().split('\n')).toHaveLength(1);
  expect(error).toMatch(/GPU/);
});

test.each<[what: string, args: string[], code: number, error: RegExp]>([
  ['no plan', [], 1, /crossover-plan\.json/],
  ['files as well', ['times.csv'], 2, /--live measures; it reads no files/],
  ['an engine as well', ['--engine', 'vllm'], 2, /--live is about the plan; leave --engine out/],
  ['no time', ['--seconds', '0'], 2, /--seconds is "0"; use a number above 0/],
  ['a tolerance that is none', ['--tolerance', 'x'], 2, /--tolerance is "x"; use a number of percent/],
])('refused: %s', async (_what, args, code, error) => {
  const ended = await ask(['check', '--live', ...args], { cwd: folder() });
  expect(ended).toMatchObject({ code, out: '' });
  expect(ended.error).toMatch(error);
});
