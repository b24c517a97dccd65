/** @file `crossover bench`: nccl-tests' columns, data, and algorithms by name. */
import { expect, test } from 'vitest';
import type { BenchRow } from '../../dist/bench/program.js';
import { crossover } from './crossover.ts';

const QUICK = ['--ranks', '2', '--seconds', '0.5', '-b', '1K', '-e', '4K', '-f', '4'];

test('prints the columns of nccl-tests for each algorithm, and all side by side', async () => {
  const { code, out, error } = await crossover(['bench', 'all_reduce', '--dtype', 'f32', ...QUICK]);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toMatch(/^# crossover 0\.1\.0: all_reduce, 2 ranks, replay, cpu engine/);
  const heads = out.match(
    /^size \(B\) +count +type +redop +time \(us\) .*algbw \(GB\/s\) +busbw \(GB\/s\) +#wrong/gm,
  );
  expect(heads).toHaveLength(4);
  expect(out).toMatch(/^ +1024 +256 +f32 +sum +\d+\.\d\d .* 0 /m);
  expect(out).toMatch(/^ +4096 +1024 +f32 /m);
  expect(out).toMatch(/^side by side\n +size +one_shot us +two_shot us/m);
});

test('--json has a row an algorithm and size, none of them wrong', async () => {
  const args = ['bench', 'all_gather', '--dtype', 'i8', '--algorithm', 'direct', '--mode', 'eager', '--json'];
  const { code, out } = await crossover([...args, ...QUICK]);
  expect(code).toBe(0);
  const data = JSON.parse(out) as Record<string, unknown> & { rows: BenchRow[] };
  expect(data).toMatchObject({
    operation: 'all_gather',
    dtype: 'i8',
    redop: 'none',
    worldSize: 2,
    mode: 'eager',
  });
  expect(data.rows.map(({ algorithm, bytes, count, wrong }) => ({ algorithm, bytes, count, wrong }))).toEqual(
    [
      { algorithm: 'direct', bytes: 1024, count: 512, wrong: 0 },
      { algorithm: 'direct', bytes: 4096, count: 2048, wrong: 0 },
    ],
  );
  for (const { us, spread, samples } of data.rows) {
    expect(us).toBeGreaterThan(0);
    expect(spread).toBeGreaterThanOrEqual(0);
    expect(samples).toBeGreaterThan(0);
  }
});

test.each([
  ['reduce_scatter', '--op', 'max'],
  ['broadcast', '--dtype', 'f8e4m3'],
  ['all_reduce_rms_norm', '--hidden', '64', '--quantization', 'f8e4m3_token'],
  ['all_reduce_rms_norm', '--hidden', '64', '--dtype', 'f16'],
])('%s %s %s', async (...args) => {
  const { code, out, error } = await crossover(['bench', ...args, ...QUICK]);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toContain('side by side');
});

test('--vs compares the fastest of the others with peers, over all settings with --tuned', async () => {
  const args = ['bench', 'all_reduce', '--algorithm', 'one-shot,ring', '--vs', 'two-shot', '--tuned'];
  const { code, out, error } = await crossover([...args, ...QUICK]);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(out).toMatch(
    /^against two_shot\n +size +best ours us +algorithm +two_shot us +ratio +best peer us +ratio/m,
  );
  expect(out).toMatch(/^1 KiB +\S+ +(one_shot|ring) chunk_bytes=\d+ +\S+ +\d+\.\d\d/m);
  expect(out).toMatch(/^geometric mean \d+\.\d\d over 2 sizes, worst \d+\.\d\d$/m);
});
