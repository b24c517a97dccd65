/** @file `crossover serve-bench`: what it refuses, each in one line, before anything runs. */
import { describe, expect, test } from 'vitest';
import { crossover, folder } from './crossover.ts';

test('help has examples and the forms of lengths', async () => {
  const { code, out, error } = await crossover(['serve-bench', '--help']);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  for (const words of ['--json', 'Examples:', '$ crossover serve-bench --model', 'uniform:A-B,C-D']) {
    expect(out).toContain(words);
  }
});

const REFUSED: [string, ...string[]][] = [
  ['--model gpt', '--model', '"gpt"', 'tiny'],
  ['--qps 1,none', '--qps', '"none"', 'above 0'],
  ['--qps 0', '--qps', '"0"', 'above 0'],
  ['--duration 0', '--duration', '"0"', 'above 0'],
  ['--prompt poem', '--prompt', '"poem"', 'sonnet, fixed:IN,OUT'],
  ['--prompt fixed:0,4', '--prompt', '"fixed:0,4"', 'from 1 to'],
  ['--variants fused,slow', '--variants', '"slow"', 'unfused, fused, fused-cap, nccl, plan'],
  ['--schedule fair', '--schedule', '"fair"', 'prompts-first, mixed'],
  ['--seed -1', '--seed', '"-1"', 'from 0'],
  ['--layers 0', '--layers', '"0"', 'from 1'],
  ['--max-sequences x', '--max-sequences', '"x"', 'from 1'],
  ['--fusion-cap-mb 0', '--fusion-cap-mb', '"0"', 'above 0'],
  ['--ranks 1000', '--ranks', '"1000"', 'from 1 to 16'],
  ['-o /nowhere/serve.json', '-o', 'no folder /nowhere'],
  ['--processes --device cpu', '--processes', '--device cuda'],
];

describe('refusals', () => {
  test.each(REFUSED)('%s', async (line, ...parts) => {
    const { code, out, error } = await crossover(['serve-bench', ...line.split(' ')], { cwd: folder() });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    for (const part of parts) expect(error).toContain(part);
    expect(error).toMatch(/^error: [^\n]+\n$/);
  });
});
