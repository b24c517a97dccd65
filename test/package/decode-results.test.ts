/** @file Numbers of decode in the README and in results/ are those of the files, and the targets are judged as they are written. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { formatDecode } from '../../dist/report/decode-tables.js';
import type { DecodeOutcome } from '../../dist/workload/decode/request.js';
import { presetNamed } from '../../dist/workload/models/presets.js';
import { modelPlan } from '../workload/run/plans.ts';

type Line = [what: string, value: number, target: string, met: boolean];
const { crossoverOf, judgeDecode } = (await import(
  new URL('../../bench/decode-targets.mjs', import.meta.url).href
)) as {
  crossoverOf(plan: unknown, hidden: number): number | undefined;
  judgeDecode(result: unknown, config: unknown): Line[];
};

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
type Result = DecodeOutcome & { model: string; worldSize: number; command: string };
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');
const llama = JSON.parse(read('results/2xh200/decode-llama-3.1-8b.json')) as Result;

it('the README shows lines of the file', () => {
  const lines = formatDecode(llama).split('\n');
  const readme = read('README.md');
  const block = readme.slice(readme.indexOf('results/2xh200/decode-llama-3.1-8b.json'));
  const shown = block
    .split('```')[1]!
    .trim()
    .split('\n')
    .map((line) => line.trim());
  expect(shown.length).toBe(13);
  const known = lines.map((line) => line.trim());
  for (const line of shown) expect(known).toContain(line);
});

it('results have the command that made them, without paths of a machine', () => {
  for (const name of readdirSync(`${ROOT}results/2xh200`).filter((file) => file.endsWith('.json'))) {
    const { command } = JSON.parse(read(`results/2xh200/${name}`)) as Result;
    expect(command).toMatch(/^crossover decode .* -o results\/2xh200\/[\w.-]+\.json$/);
  }
});

describe('targets', () => {
  const config = presetNamed('llama-3.1-8b');
  const of = (result: unknown): Record<string, boolean> =>
    Object.fromEntries(judgeDecode(result, config).map(([what, , , met]) => [what, met]));

  it('are met by llama-3.1-8b on 2 H200', () => {
    const lines = judgeDecode({ ...llama, bytesPerSecond: 4.35e12 }, config);
    expect(lines.map(([what]) => what)).toContain("batch 32: throughput over NCCL's");
    expect(lines.filter(([, , , met]) => !met)).toEqual([]);
    const [, over] = lines.find(([what]) => what === 'batch 1: step over reading its weights')!;
    expect(over.toFixed(2)).toBe('1.33');
  });

  it('are missed where they are', () => {
    const slower = (variant: string, by: number): Result => ({
      ...llama,
      rows: llama.rows.map((row) =>
        row.variant === variant ? { ...row, us: { ...row.us, median: row.us.median * by } } : row,
      ),
    });
    expect(of(slower('plan', 1.03))['batch 1: plan over the best variant']).toBe(false);
    expect(of(slower('nccl', 0.85))["batch 8: throughput over NCCL's"]).toBe(false);
    expect(of({ ...llama, bytesPerSecond: 6e12 })['batch 1: step over reading its weights']).toBe(false);
    const [first, ...rest] = llama.rows;
    expect(
      of({ ...llama, rows: [{ ...first, tokensHash: 'another' }, ...rest] })['tokens on 2 ranks are equal'],
    ).toBe(false);
    const capped = (change: number): Result => ({
      ...llama,
      rows: llama.rows.map((row) =>
        row.variant === 'fused-cap' && row.batch === 1
          ? { ...row, change, predicted: { deltaUs: 60, change: -0.025 } }
          : row,
      ),
    });
    const what = 'batch 1: what the cap costs, over the prediction';
    expect(of(capped(-0.03))[what]).toBe(true);
    expect(of(capped(-0.05))[what]).toBe(false);
  });

  it('take the crossover from the plan', () => {
    expect(crossoverOf(modelPlan(2, 256), 256)).toBeGreaterThan(4 * 512);
    expect(crossoverOf(modelPlan(2, 256), 256)).toBeLessThan(16 * 512);
    expect(crossoverOf(modelPlan(2, 256), 512)).toBeUndefined();
  });
});
