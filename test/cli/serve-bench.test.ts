/** @file `crossover serve-bench`: what it refuses, each in one line, before anything runs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { serveBenchCommand } from '../../dist/cli/commands/serve-bench.js';
import { readServeResult } from '../../dist/workload/serve/result.js';
import { SERVED } from '../report/page/serving-samples.ts';
import { ask, crossover, folder } from './crossover.ts';

test('help has examples and the forms of lengths', async () => {
  const { code, out, error } = await ask(['serve-bench', '--help']);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  for (const words of ['--json', 'Examples:', '$ crossover serve-bench --model', 'uniform:A-B,C-D']) {
    expect(out).toContain(words);
  }
});

test('"crossover report" makes curves of its results', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'serve.json'), JSON.stringify({ benchmark: 'serve-bench', schema: 1, ...SERVED }));
  const { code, out, error } = await ask(['report', 'serve.json'], { cwd });
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toMatch(/^crossover-report\.html: .* KiB, 1 section\n$/);
  expect(readFileSync(join(cwd, 'crossover-report.html'), 'utf8').includes('Serving on 4x NVIDIA H200')).toBe(
    true,
  );
});

test('serves a model, and its result is read as it was written', async () => {
  const cwd = folder();
  // One rank has no collectives to measure first.
  const options = '--ranks 1 --device cpu --model tiny --layers 1 --max-tokens 16 --max-sequences 4';
  const load = '--qps 40,80 --duration 0.1 --prompt fixed:8,4 --seed 3';
  const { code, out, error } = await crossover(
    ['serve-bench', ...options.split(' '), ...load.split(' '), '-o', 'serve.json'],
    { cwd },
  );
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toContain('not run: unfused: one rank has no collectives');
  expect(out).toMatch(/Request rate 80 req\/s\n +plan\nSuccessful requests: +\d+\n/);
  const result = JSON.parse(readFileSync(join(cwd, 'serve.json'), 'utf8'));
  expect([result.layers, result.worldSize]).toEqual([1, 1]);
  const { rows } = readServeResult(result, 'serve.json');
  expect(rows.map(({ request_rate, variant }) => [request_rate, variant])).toEqual([
    [40, 'plan'],
    [80, 'plan'],
  ]);
  for (const row of rows) {
    expect(row.total_input_tokens).toBe(8 * row.completed);
    expect(row.total_output_tokens).toBe(4 * row.completed);
    expect(row.p99_ttft_ms).toBeGreaterThanOrEqual(row.median_ttft_ms!);
  }
});

const REFUSED: [string, ...string[]][] = [
  ['--model gpt', 'model', '"gpt"', 'tiny'],
  ['--qps 1,none', '--qps', '"none"', 'above 0'],
  ['--qps 0', '--qps', '"0"', 'above 0'],
  ['--duration 0', '--duration', '"0"', 'above 0'],
  ['--qps 1e6 --duration 60', '--qps 1000000', '--duration 60', '1000000 requests'],
  ['--prompt poem', '--prompt', '"poem"', 'sonnet, fixed:IN,OUT'],
  ['--prompt fixed:0,4', '--prompt', '"fixed:0,4"', 'from 1 to'],
  ['--variants fused,slow', '--variants', '"slow"', 'unfused, fused, fused-cap, nccl, plan'],
  ['--variants fused-cap', '--variants', '--fusion-cap-mb'],
  ['--variants fused,plan --fusion-cap-mb 2', '--fusion-cap-mb is "2"', 'no fused-cap (fused, plan)'],
  [
    '--device cpu --variants nccl',
    '--variants is "nccl"',
    'NCCL is for GPUs',
    'use unfused, fused, fused-cap, plan',
  ],
  ['--device cpu --ranks 1 --variants unfused', '--variants is "unfused"', 'one rank', 'use plan'],
  ['--experts expert', '--experts is "expert"', 'no experts'],
  ['--attention data', '--attention', '"data"', 'use tensor'],
  ['--prompt fixed:2000,100', '2099 places', 'has 2048', '--prompt'],
  ['--schedule fair', '--schedule', '"fair"', 'prompts-first, mixed'],
  ['--seed -1', '--seed', '"-1"', 'from 0'],
  ['--layers 0', '--layers', '"0"', 'from 1'],
  ['--max-sequences x', '--max-sequences', '"x"', 'from 1'],
  ['--variants fused-cap --fusion-cap-mb 0', '--fusion-cap-mb', '"0"', 'above 0'],
  ['--ranks 1000', '--ranks', '"1000"', 'from 1 to 16'],
  ['-o /nowhere/serve.json', '-o', 'no folder /nowhere'],
  ['--processes --device cpu', '--processes', '--device cuda'],
];

describe('refusals', () => {
  // In this process: each is one line wherever it runs, as usage.test.ts has it for all commands.
  test.each(REFUSED)('%s', async (line, ...parts) => {
    const refusal = await serveBenchCommand()
      .parseAsync(line.split(' '), { from: 'user' })
      .then(
        () => new Error('it ran'),
        (error: Error) => error,
      );
    expect(refusal.name).toBe('UsageError');
    for (const part of parts) expect(refusal.message).toContain(part);
    expect(refusal.message).not.toContain('\n');
  });
});
