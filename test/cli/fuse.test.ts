/** @file `crossover fuse`: on models that torch exported, on graphs of its own, by plans and caps, and what it refuses. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { trace } from '../../dist/graph/build/trace.js';
import { graphToJson } from '../../dist/graph/ir/json.js';
import { formatPlan } from '../../dist/plan/file.js';
import { fusedPlan } from '../graph/support/plans.ts';
import { ask, crossover, folder, ROOT } from './crossover.ts';

const data = (name: string): string => join(ROOT, 'test/data/graph', name);
const fuse = (cwd: string, ...args: string[]) => ask(['fuse', ...args], { cwd });

/** A folder with a graph of one site with 4096 columns and any number of tokens, and a plan of it. */
function block(): string {
  const cwd = folder();
  const graph = trace('block', (g) => {
    const x = g.input('x', 'bf16', [g.symbol('tokens'), 4096]);
    return [g.scope('o_proj', () => g.rmsNorm(g.allReduce(x), null))];
  });
  writeFileSync(join(cwd, 'block.json'), JSON.stringify(graphToJson(graph)));
  writeFileSync(join(cwd, 'plan.json'), formatPlan(fusedPlan()));
  return cwd;
}

test.each(['llama.pt2', 'qwen3.pt2', 'qwen3-bfloat16-core.json.gz'])('%s: four sites', async (file) => {
  const { code, out, error } = await fuse(folder(), data(file), '--fusion-cap-mb', 'inf');
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toMatch(/^\S+: \d+ nodes, 4 all-reduces; 4 of group "0" can be fused$/m);
  expect(
    out.match(
      /^m\.model\.layers\.[01]\.\S+ +all_reduce \+ residual \+ rms_norm \(weight \w+ the cast\) +64 +all +16 +-$/gm,
    ),
  ).toHaveLength(4);
  expect(out).toMatch(/^one graph, for the one shape it has: 4 of 4 fused$/m);
});

test('without a plan it says what could be fused, and fuses nothing', async () => {
  const { code, out } = await fuse(folder(), data('llama.pt2'));
  expect(code).toBe(0);
  expect(out).toMatch(/nothing fused$/m);
  expect(out).toMatch(/^note: not measured, so not fused unless a cap says so: there is no plan$/m);
});

test('by a plan: ranges, savings, and a graph for each that can be read again', async () => {
  const cwd = block();
  const { code, out } = await fuse(
    cwd,
    'block.json',
    '--plan',
    'plan.json',
    '--tokens',
    '32',
    '-o',
    'fused.json',
  );
  expect(code).toBe(0);
  expect(out).toMatch(/^o_proj .* 2 to 47, 230 to 512 +1\.00$/m);
  expect(out).toMatch(/^ {2}48 to 229: nothing fused$/m);
  const files = [
    'fused.1-1.json',
    'fused.2-47.json',
    'fused.48-229.json',
    'fused.230-512.json',
    'fused.513-.json',
  ];
  expect(out).toMatch(new RegExp(`^written: ${files.join(', ')}$`, 'm'));
  const again = await fuse(cwd, 'fused.2-47.json', '--graph');
  expect(again.out).toMatch(/%rms_norm, %all_reduce = all_reduce_rms_norm\(x: %x, residual: null/);
});

test('--json has the same as data', async () => {
  const { out } = await fuse(block(), 'block.json', '--plan', 'plan.json', '--fusion-cap-mb', '1', '--json');
  const report = JSON.parse(out);
  expect(report).toMatchObject({
    group: '',
    axis: 'tokens',
    sites: [{ origin: 'o_proj', form: 'all_reduce + rms_norm (one operation)', hidden: 4096 }],
    misses: [],
    variants: [
      { from: 1, to: 129, fused: ['all_reduce'] },
      { from: 129, to: null, fused: [] },
    ],
  });
});

test('--buffers shows the heap; it needs the ranks, and a bound for the tokens', async () => {
  const cwd = block();
  const args = ['block.json', '--fusion-cap-mb', 'inf', '--buffers'];
  const placed = await fuse(cwd, ...args, '--ranks', '4', '--max-tokens', '16');
  expect(placed.out).toMatch(/^ +rms_norm +written +0 +128 KiB /m);
  const unbounded = await fuse(cwd, ...args, '--ranks', '4');
  expect(unbounded.out).toMatch(/tokens/);
  const nobody = await fuse(cwd, ...args);
  expect(nobody).toMatchObject({ code: 2 });
  expect(nobody.error).toMatch(/--buffers needs the number of ranks: --ranks, or a plan/);
});

describe('refused in one line', () => {
  test.each<[what: string, args: string[], code: number, error: RegExp]>([
    ['no file', ['nowhere.pt2'], 1, /nowhere\.pt2/],
    ['another kind of file', ['README.md'], 1, /README\.md/],
    ['a cap that is no number', ['block.json', '--fusion-cap-mb', 'big'], 2, /--fusion-cap-mb is "big"/],
    [
      'a mode that is none',
      ['block.json', '--mode', 'lazy'],
      2,
      /--mode is "lazy"; use one of eager, replay/,
    ],
    [
      'tokens that are none',
      ['block.json', '--tokens', '0'],
      2,
      /--tokens is "0"; use a whole number from 1/,
    ],
    ['a plan that is none', ['block.json', '--plan', 'README.md'], 1, /README\.md/],
    ['a folder', ['block.json', '-o', '.'], 2, /is a folder; name a file in it/],
    ['a folder that is none', ['block.json', '-o', 'nowhere/out.json'], 2, /there is no folder nowhere/],
  ])('%s', async (_what, args, code, error) => {
    const cwd = block();
    writeFileSync(join(cwd, 'README.md'), readFileSync(join(ROOT, 'README.md')));
    const before = readdirSync(cwd);
    const ended = await fuse(cwd, ...args);
    expect(ended.code).toBe(code);
    expect(ended.error).toMatch(error);
    expect(ended.error.trim().split('\n')).toHaveLength(1);
    expect(readdirSync(cwd)).toEqual(before);
  });
});

test.skipIf(process.platform === 'win32')('what is no file is written straight into', async () => {
  const cwd = block();
  const pipe = join(cwd, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const read = promisify(execFile)('cat', [pipe], { maxBuffer: 1 << 24 });
  const args = ['block.json', '--plan', 'plan.json', '--tokens', '32'];
  const { code, out, error } = await crossover(['fuse', ...args, '-o', pipe], { cwd });
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toContain(`written: ${pipe}`);
  // A graph a range, one behind the other.
  expect((await read).stdout.match(/^\{$/gm)).toHaveLength(5);
  expect(readdirSync(cwd).sort()).toEqual(['block.json', 'pipe', 'plan.json']);
  expect((await fuse(cwd, ...args, '-o', '/dev/null')).code).toBe(0);
  expect(existsSync('/dev/null.json')).toBe(false);
});
