/** @file What stands around all commands: readers that leave early, the simulator as a smoke test. */
import { expect, test } from 'vitest';
import { crossover, start } from './crossover.ts';

test.each([
  [['plan', 'schema'], 0],
  [['--help'], 0],
  [['simulate', '--nvlink', '8'], 0],
  [['run', 'nothing.ts'], 1],
  [['bench', 'all_reduce', '--ranks', '2', '-e', '1K', '--seconds', '0.1'], 0],
] as const)('a reader that has gone is no stack trace: %j', async (args, expected) => {
  const { child, ended } = start(args);
  child.stdout!.destroy();
  const { code, error } = await ended;
  expect(code).toBe(expected);
  expect(error).not.toMatch(/EPIPE|\n {4}at /);
});

test('simulate prints a row a size, and data', async () => {
  const { code, out, error } = await crossover([
    'simulate',
    '--preset',
    'h200-nvlink-4',
    '-b',
    '8K',
    '-e',
    '8M',
    '-f',
    '32',
  ]);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toMatch(/^ *8K +\d/m);
  const json = await crossover(['simulate', '--nvlink', '8', '--bandwidth', '450', '--json']);
  expect(JSON.parse(json.out).sizes.length).toBeGreaterThan(10);
});

test('simulate: a file that is not there is exit code 1', async () => {
  const { code, error } = await crossover(['simulate', '--p2p', '/nowhere/p2p.txt']);
  expect(code).toBe(1);
  expect(error).toMatch(/^error: --p2p \/nowhere\/p2p\.txt: ENOENT[^\n]*\n$/);
});
