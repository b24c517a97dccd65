/** @file `crossover run` on the examples, what ranks return as data, and the plan that programs follow. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { crossover, folder, ROOT } from './crossover.ts';

/** Not from the repository's root, where a plan may lie about. */
const run = (...args: string[]) => crossover(['run', ...args], { cwd: folder() });
const example = (name: string): string => join(ROOT, 'examples', name);

describe('examples', () => {
  test('hello', async () => {
    const { code, out, error } = await run(example('hello.ts'), '--ranks', '3');
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out).toBe(
      [0, 1, 2].map((rank) => `rank ${rank}: hello from 3 ranks, and our ranks sum to 3\n`).join(''),
    );
  });

  test('graph', async () => {
    const { code, out } = await run(example('graph.ts'), '--ranks', '1');
    expect(code).toBe(0);
    expect(out).toMatch(/^run on 2 ranks: fused and unfused give the same numbers$/m);
  });

  test('llama-block', async () => {
    const { code, out } = await run(example('llama-block.ts'), '--ranks', '1');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ crossover_graph: 1, name: 'llama-block' });
  });

  test('all-reduce', async () => {
    const { code, out } = await run(example('all-reduce.ts'), '--ranks', '2');
    expect(code).toBe(0);
    expect(out.match(/^\d+ bytes: every element is 3 on every rank$/gm)).toHaveLength(3);
  });

  test('fused', async () => {
    const { code, out } = await run(example('fused.ts'), '--ranks', '2');
    expect(code).toBe(0);
    expect(out).toMatch(/^\[8,4096\] on 2 ranks: called once, within 0\.0\d+ of float64$/m);
  });
});

describe('--json', () => {
  test('prints what the ranks returned, after what they printed', async () => {
    const { code, out } = await run('--ranks', '2', '--json', example('hello.ts'));
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[2]!)).toEqual([1, 1]);
  });

  test('takes lists of numbers, big integers and nothing', async () => {
    const cwd = folder();
    const values = '[new Float32Array([1, 2]), 5n, undefined]';
    writeFileSync(join(cwd, 'values.mjs'), `export default (group) => ${values}[group.rank];`);
    const { out } = await crossover(['run', 'values.mjs', '--json', '--ranks', '3'], { cwd });
    expect(JSON.parse(out)).toEqual([[1, 2], '5', null]);
  });
});

test('a program that throws is one line and its stack, exit code 1', async () => {
  const cwd = folder();
  writeFileSync(
    join(cwd, 'throws.mjs'),
    "export default (group) => { if (group.rank === 1) throw new Error('no'); }",
  );
  const { code, error } = await crossover(['run', 'throws.mjs', '--ranks', '2'], { cwd });
  expect(code).toBe(1);
  expect(error).toMatch(/^error: rank 1 threw: no\nError: no\n +at .*throws\.mjs/);
});

test.each([
  [
    'table.dat',
    'a b c',
    /^error: rank \d threw: \S+table\.dat is no program; use a file of JavaScript or TypeScript\n$/,
  ],
  ['set.json', '{}', /^error: rank \d threw: \S+set\.json is no program; [^\n]+\n$/],
  // Node that reads TypeScript by itself says it its own way.
  ['broken.ts', 'const a: number = 1;\nexport default ( => {}', /broken\.ts:2(:18: |\n)/],
])('%s is no program', async (name, text, message) => {
  const cwd = folder();
  writeFileSync(join(cwd, name), text);
  const { code, error } = await crossover(['run', name, '--ranks', '2'], { cwd });
  expect(code).toBe(1);
  expect(error).toMatch(message);
});

test('TypeScript below node_modules is refused with what to do', async () => {
  const cwd = folder();
  mkdirSync(join(cwd, 'node_modules'));
  writeFileSync(join(cwd, 'node_modules', 'hello.ts'), 'export default (): void => {};');
  const { code, error } = await crossover(['run', 'node_modules/hello.ts', '--ranks', '1'], { cwd });
  expect(code).toBe(1);
  expect(error).toMatch(
    /^error: rank 0 threw: \S+hello\.ts is TypeScript below node_modules, which is not run; copy it to a folder of your own\n$/,
  );
});

test('a plan that was asked for and is not there is one line', async () => {
  const { code, error } = await run('--ranks', '2', '--plan', '/nowhere/plan.json', example('all-reduce.ts'));
  expect(code).toBe(1);
  expect(error).toMatch(/^error: rank \d threw: cannot read \/nowhere\/plan\.json: ENOENT[^\n]*\n$/);
});
