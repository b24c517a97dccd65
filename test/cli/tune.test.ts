/** @file `crossover tune` with a budget of a second or two: the file it writes, what it prints, and that it can be stopped. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadPlan } from '../../dist/plan/file.js';
import { crossover, folder, start } from './crossover.ts';

const TINY = 'tune --ranks 2 --operations all_reduce --dtype f32 --mode replay -b 1K -e 16K'.split(' ');

test('writes a valid plan and prints its tables', async () => {
  const cwd = folder();
  const { code, out, error } = await crossover([...TINY, '--seconds', '6'], { cwd });
  // No progress line where stderr is no terminal.
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(readdirSync(cwd)).toEqual(['crossover-plan.json']);

  const plan = loadPlan(join(cwd, 'crossover-plan.json'));
  expect(plan.entries.map(({ key }) => key)).toEqual([
    { operation: 'all_reduce', dtype: 'f32', worldSize: 2, mode: 'replay', registered: true },
  ]);
  expect(plan.command).toBe(`crossover ${TINY.join(' ')} --seconds 6`);
  expect(plan.regret?.count).toBeGreaterThan(0);

  expect(out).toMatch(/^all_reduce f32 x2 replay/m);
  expect(out).toMatch(/^ +size +one_shot.* spread +plan/m);
  expect(out).toMatch(/^ +1 KiB .*\d\*/m);
  expect(out).toContain('Plan, by size');
  expect(out).toMatch(/^regret at \d+ sizes/m);
  expect(out).toContain('plan written to ./crossover-plan.json');
});

test('--json prints the very plan that -o gets, and --deterministic leaves other orders of summation out', async () => {
  const cwd = folder();
  const args = [...TINY, '--seconds', '0.5', '--deterministic', '--json', '-o', 'here.json'];
  const { code, out, error } = await crossover(args, { cwd });
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(readdirSync(cwd)).toEqual(['here.json']);
  const plan = JSON.parse(out);
  expect(plan).toEqual(JSON.parse(readFileSync(join(cwd, 'here.json'), 'utf8')));
  expect(plan.deterministic).toBe(true);
  const algorithms = plan.entries[0].candidates.map(
    (candidate: { algorithm: string }) => candidate.algorithm,
  );
  expect(algorithms).toContain('two_shot');
  expect(algorithms).not.toContain('ring');
});

test('$CROSSOVER_PLAN names the file', async () => {
  const cwd = folder();
  const path = join(cwd, 'named.json');
  const { code } = await crossover([...TINY, '--seconds', '0.2'], { cwd, env: { CROSSOVER_PLAN: path } });
  expect(code).toBe(0);
  expect(readdirSync(cwd)).toEqual(['named.json']);
});

test('an arena that is too small is one line and exit code 1', async () => {
  const { code, out, error } = await crossover([...TINY, '--seconds', '1', '--arena', '1K'], {
    cwd: folder(),
  });
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(error).toMatch(/^error: rank \d threw: the symmetric heap is full: .*--arena[^\n]*\n$/);
});

test.skipIf(process.platform === 'win32')('Ctrl-C ends it at once, and leaves no file', async () => {
  const cwd = folder();
  // All operations and sizes: a quiet machine is soon done with few.
  const { child, ended } = start(['tune', '--ranks', '2', '--device', 'cpu', '--seconds', '60'], { cwd });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const pressed = performance.now();
  child.kill('SIGINT');
  const { code, signal, error } = await ended;
  expect(performance.now() - pressed).toBeLessThan(3000);
  // Ended by the signal: what a shell calls 130.
  expect(code ?? signal).toBe('SIGINT');
  expect(error).toBe('');
  expect(readdirSync(cwd)).toEqual([]);
});
