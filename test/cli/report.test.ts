/** @file `crossover report`: what it reads, what it writes, and how it refuses. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, folder, ROOT } from './crossover.ts';

const XEON = join(ROOT, 'results/xeon-16-cores/plan-2-ranks.json');
const EPYC = join(ROOT, 'results/epyc-2-cores/plan-2-ranks.json');
const H200 = join(ROOT, 'results/4xh200/plan-all-reduce-2-gpus.json');
const P2P = join(ROOT, 'test/data/p2pBandwidthLatencyTest_4x4090.txt');

/** Own measurements, as JSON. */
function own(path: string, us: number): string {
  const rows = [1024, 4096].map((bytes) => ({
    operation: 'all_reduce',
    algorithm: 'nccl',
    bytes,
    dtype: 'bf16',
    world_size: 2,
    us,
    spread: 0.1,
  }));
  writeFileSync(path, JSON.stringify(rows));
  return path;
}

test('a plan as a page and as SVG files', async () => {
  const cwd = folder();
  const { code, out, error } = await ask(['report', H200, '--svg', 'charts'], { cwd });
  expect([code, error]).toEqual([0, '']);
  expect(out).toMatch(/^crossover-report\.html: [\d.]+ KiB, 2 sections\ncharts: 8 SVG files\n$/);
  const page = readFileSync(join(cwd, 'crossover-report.html'), 'utf8');
  expect(page).toContain('<title>Collectives on 2x NVIDIA H200</title>');
  expect(page).toContain("default-src 'none'");
  expect(readdirSync(join(cwd, 'charts')).sort()[0]).toBe('all-reduce-bf16-x2-eager-bandwidth-dark.svg');
});

test('says what there is, and nothing of what there is none of', async () => {
  const cwd = folder();
  own(join(cwd, 'own.json'), 5);
  const one = await ask(['report', 'own.json'], { cwd });
  expect(one.out).toMatch(/ KiB, 1 section\n$/);
  const matrices = await ask(['report', P2P], { cwd });
  expect(matrices.out).toMatch(/ KiB, \d+ matrices\n$/);
});

test('without files, the plan that is there', async () => {
  const cwd = folder();
  const { code, error } = await ask(['report', '-o', 'page.html', '--title', 'My <host>'], {
    cwd,
    env: { CROSSOVER_PLAN: EPYC },
  });
  expect([code, error]).toEqual([0, '']);
  expect(readFileSync(join(cwd, 'page.html'), 'utf8')).toContain('<h1>My &lt;host&gt;</h1>');
});

test('measurements and a plan together are one set', async () => {
  const cwd = folder();
  const file = own(join(cwd, 'own.json'), 5);
  const { code, out } = await ask(['report', file, P2P, '--plan', H200, '--json'], { cwd });
  expect(code).toBe(0);
  const model = JSON.parse(out);
  expect(model.sets.map(({ name }: { name: string }) => name)).toEqual([
    'own + p2pBandwidthLatencyTest_4x4090',
  ]);
  expect(model.sections.map(({ name }: { name: string }) => name)).toEqual([
    'all_reduce bf16 x2',
    'all_reduce bf16 x2 eager',
    'all_reduce bf16 x2 replay',
  ]);
  expect(model.matrices.length).toBeGreaterThan(2);
  expect(model.regret).toHaveLength(1);
  // Data is printed in place of the page.
  expect(readdirSync(cwd)).toEqual(['own.json']);
});

test('sets are compared; files of one name are told apart by their folders', async () => {
  const cwd = folder();
  const { code, out } = await ask(['report', XEON, '--compare', EPYC, '--json'], { cwd });
  expect(code).toBe(0);
  const model = JSON.parse(out);
  expect(model.sets.map(({ name }: { name: string }) => name)).toEqual([
    'xeon-16-cores/plan-2-ranks',
    'epyc-2-cores/plan-2-ranks',
  ]);
  expect(model.sections[0].differences.length).toBeGreaterThan(10);
});

test('refuses in one line what it cannot do', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'empty.txt'), 'nothing here\n');
  writeFileSync(join(cwd, 'decode.json'), JSON.stringify({ benchmark: 'decode', rows: [] }));
  const cases: [string[], number, RegExp][] = [
    [
      ['decode.json'],
      1,
      /^error: decode\.json is a result of crossover decode; report shows plans, measurements and results of serve-bench\n$/,
    ],
    [[], 1, /^error: cannot read .*crossover-plan\.json.*make a plan with "crossover tune"\n$/],
    [['empty.txt'], 1, /^error: empty\.txt begins with "nothing here", which is no known format/],
    [['missing.txt'], 1, /^error: .*missing\.txt/],
    [[XEON, EPYC], 2, /^error: 2 plans in one set .*use --compare/],
    [[XEON, '-o', 'none/page.html'], 2, /^error: --output is "none\/page\.html", but there is no folder/],
    [['-', '--compare', '-'], 2, /^error: standard input \(-\) is named twice/],
    [[XEON, '--svg', 'empty.txt'], 2, /^error: --svg is "empty\.txt", which is no folder/],
  ];
  for (const [args, expected, message] of cases) {
    const { code, error } = await ask(['report', ...args], { cwd });
    expect([args, code]).toEqual([args, expected]);
    expect(error).toMatch(message);
    expect(error.trim().split('\n')).toHaveLength(1);
  }
  expect(readdirSync(cwd).sort()).toEqual(['decode.json', 'empty.txt']);
});
