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
const MODELS = ['llama-3.1-8b', 'llama-3.1-70b', 'qwen3-30b-a3b'];
const resultOf = (model: string): Result =>
  JSON.parse(read(`results/2xh200/decode-${model}-2-ranks.json`)) as Result;
const llama = resultOf('llama-3.1-8b');
const usOf = ({ rows }: Result, batch: number, variant: string): number =>
  rows.find((row) => row.batch === batch && row.variant === variant)!.us.median;

it('the README shows lines of the file', () => {
  const lines = formatDecode(llama).split('\n');
  const readme = read('README.md');
  const block = readme.slice(readme.indexOf('results/2xh200/decode-llama-3.1-8b-2-ranks.json'));
  const shown = block
    .split('```')[1]!
    .trim()
    .split('\n')
    .map((line) => line.trim());
  expect(shown.length).toBe(13);
  const known = lines.map((line) => line.trim());
  for (const line of shown) expect(known).toContain(line);
});

it.each(MODELS)('the README has what the plan is worth to %s', (model) => {
  const result = resultOf(model);
  const readme = read('README.md');
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const head = cells(readme.split('\n').find((line) => line.startsWith('| decode steps, 2 H200'))!);
  const own = cells(readme.split('\n').find((line) => line.startsWith(`| ${model} |`))!);
  for (const [i, batch] of head.slice(1).entries()) {
    const [speed, ratio] = own[i + 1]!.split(', ');
    const plan = usOf(result, Number(batch), 'plan');
    expect(Number(speed!.replace(' tokens/s', ''))).toBe(
      Number(((Number(batch) * 1e6) / plan).toPrecision(3)),
    );
    expect(ratio).toBe(`${(usOf(result, Number(batch), 'nccl') / plan).toFixed(2)}x`);
  }
});

it('results have the command that made them, without paths of a machine', () => {
  for (const host of ['2xh200', '1xh200-shared'])
    for (const name of readdirSync(`${ROOT}results/${host}`).filter((file) => file.endsWith('.json'))) {
      const { command } = JSON.parse(read(`results/${host}/${name}`)) as Result;
      expect(command).toMatch(/^(crossover|node bench).* -o results\/[\w.-]+\/[\w.-]+\.json$/);
      expect(command).toContain(` -o results/${host}/`);
    }
});

describe('targets', () => {
  const config = presetNamed('llama-3.1-8b');
  const of = (result: unknown): Record<string, boolean> =>
    Object.fromEntries(judgeDecode(result, config).map(([what, , , met]) => [what, met]));

  it.each(MODELS)('are met by %s on 2 H200', (model) => {
    const lines = judgeDecode(resultOf(model), presetNamed(model));
    const whats = lines.map(([what]) => what);
    expect(whats).toContain("batch 32: throughput over NCCL's");
    expect(whats).toContain('batch 32: what NCCL costs, over the prediction');
    expect(lines.filter(([, , , met]) => !met)).toEqual([]);
  });

  it('have the time of reading that the README says', () => {
    const [, over] = judgeDecode(llama, config).find(
      ([what]) => what === 'batch 1: step over reading its weights',
    )!;
    expect(read('README.md')).toContain(`A step at batch 1 takes ${over.toFixed(2)} times`);
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
        row.variant === 'unfused' && row.batch === 1
          ? { ...row, variant: 'fused-cap', change, predicted: { deltaUs: 60, change: -0.025 } }
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
