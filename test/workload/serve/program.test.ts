/** @file All rates and variants in a simulated time, and what is printed of them. */
import { expect, test } from 'vitest';
import { formatGlance, formatRates } from '../../../dist/report/serve-tables.js';
import { presetNamed } from '../../../dist/workload/models/presets.js';
import { serveProgram } from '../../../dist/workload/serve/program.js';
import type { ServeRequest } from '../../../dist/workload/serve/request.js';
import { readServeResult } from '../../../dist/workload/serve/result.js';
import type { Runners } from '../../../dist/workload/serve/runner.js';
import { VARIANTS, type VariantName } from '../../../dist/workload/variants.js';
import { ALONE, SimulatedClock, SimulatedRunner, VOCABULARY } from './simulated.ts';

const LIMITS = { maxTokens: 64, maxSequences: 8, pageSize: 4, pages: 200, places: 64 };

const REQUEST: ServeRequest = {
  session: {
    config: presetNamed('tiny'),
    capacity: { sequences: 8, places: 64, pageSize: 4, tokens: 64, samples: 8 },
    engine: 'cpu',
    tunedTokens: 64,
  },
  rates: [2, 20],
  seconds: 20,
  prompt: 'fixed:30,11',
  seed: 0,
  variants: VARIANTS,
  capBytes: 1 << 20,
  schedule: 'prompts-first',
  progress: false,
};

/** Fused is twice as fast; NCCL is not here. */
function simulate(clock: SimulatedClock): Runners & { asked: VariantName[] } {
  const make = (seconds: number) => new SimulatedRunner(LIMITS, clock, () => seconds);
  const runners = new Map([
    ['unfused', make(0.02)],
    ['fused', make(0.01)],
    ['fused-cap', make(0.015)],
  ]);
  const asked: VariantName[] = [];
  return {
    vocabulary: VOCABULARY,
    measured: false,
    asked,
    refusal: (variant) => (runners.has(variant) ? undefined : `no ${variant} here`),
    runner(variant) {
      asked.push(variant);
      return runners.get(variant)!;
    },
    close: () => {},
  };
}

test('variants see the same requests, each rate by each; who cannot run is left out and named', async () => {
  const clock = new SimulatedClock();
  const { rows, skipped, limits, most } = await serveProgram(ALONE, simulate(clock), REQUEST, clock);
  expect(rows.map(({ request_rate, variant }) => `${request_rate} ${variant}`)).toEqual(
    [2, 20].flatMap((rate) => ['unfused', 'fused', 'fused-cap'].map((variant) => `${rate} ${variant}`)),
  );
  expect(skipped).toEqual([
    { variant: 'nccl', reason: 'no nccl here' },
    { variant: 'plan', reason: 'no plan here' },
  ]);
  expect(limits).toEqual(LIMITS);
  expect(most).toEqual({ input: 30, output: 11 });
  for (const rate of [2, 20]) {
    const own = rows.filter((row) => row.request_rate === rate);
    expect(new Set(own.map((row) => row.completed)).size).toBe(1);
    for (const row of own) {
      expect(row.total_input_tokens).toBe(30 * row.completed);
      expect(row.total_output_tokens).toBe(11 * row.completed);
      expect(row.output_throughput).toBeCloseTo(row.total_output_tokens / row.duration, 9);
      expect(row.request_throughput).toBeCloseTo(row.completed / row.duration, 9);
    }
    const [unfused, fused] = own;
    expect(fused!.median_ttft_ms).toBeLessThan(unfused!.median_ttft_ms!);
    expect(fused!.median_tpot_ms).toBeLessThan(unfused!.median_tpot_ms!);
  }
  // A step is the least that a token can take, and at a low rate hardly anybody waits.
  expect(rows[0]!.median_tpot_ms).toBeGreaterThanOrEqual(20 - 1e-6);
  expect(rows[0]!.median_tpot_ms).toBeLessThan(30);
});

test('variants are run in the order in which they are asked for; one at least has to be there', async () => {
  const clock = new SimulatedClock();
  const run = (variants: VariantName[]) =>
    serveProgram(ALONE, simulate(clock), { ...REQUEST, rates: [2], variants }, clock);
  await expect(run(['nccl', 'plan'])).rejects.toThrow(
    'no variant can run here: nccl: no nccl here; plan: no plan here',
  );
  const { rows, skipped } = await run(['nccl', 'fused', 'unfused']);
  expect(rows.map(({ variant }) => variant)).toEqual(['fused', 'unfused']);
  expect(skipped).toEqual([{ variant: 'nccl', reason: 'no nccl here' }]);
});

test('lengths that do not fit are refused, sonnet is shortened', async () => {
  const clock = new SimulatedClock();
  const run = (prompt: string) =>
    serveProgram(ALONE, simulate(clock), { ...REQUEST, rates: [1], prompt }, clock);
  await expect(run('fixed:60,30')).rejects.toThrow('need 89 places, and a sequence has 64');
  expect((await run('sonnet')).most).toEqual({ input: 50, output: 13 });
});

test("tables have vLLM's words, a column a variant, and the lowest medians marked", async () => {
  const clock = new SimulatedClock();
  const { rows } = await serveProgram(ALONE, simulate(clock), { ...REQUEST, seconds: 2 }, clock);
  const text = formatRates(rows);
  for (const label of [
    'Successful requests:',
    'Benchmark duration (s):',
    'Total input tokens:',
    'Total generated tokens:',
    'Request throughput (req/s):',
    'Output token throughput (tok/s):',
    'Total Token throughput (tok/s):',
    'Mean TTFT (ms):',
    'Median TPOT (ms):',
    'P99 ITL (ms):',
  ]) {
    expect(text.split(label)).toHaveLength(3);
  }
  expect(text).toMatch(/^Request rate 2 req\/s\n +unfused +fused +fused-cap\n/);
  expect(text).toContain('\n-- Time per Output Token (excl. 1st token)\n');
  const lines = formatGlance(rows).split('\n');
  expect(lines).toHaveLength(7);
  expect(lines[0]).toMatch(/^rate +variant +req\/s +tok\/s +TTFT mean +median +p99 +TPOT mean +median +p99$/);
  expect(lines.filter((line) => line.includes('*')).every((line) => / fused /.test(line))).toBe(true);
});

test('a result is read again; a damaged one is refused with the field', async () => {
  const clock = new SimulatedClock();
  const outcome = await serveProgram(ALONE, simulate(clock), { ...REQUEST, prompt: 'fixed:3,1' }, clock);
  const result = {
    benchmark: 'serve-bench',
    schema: 1,
    crossover: '0.1.0',
    date: '2026-11-21T12:00:00.000Z',
    command: 'crossover serve-bench',
    engine: 'cpu',
    host: { cpu: 'Some CPU', cores: 4, platform: 'linux', arch: 'x64' },
    device: { simd: 'some' },
    model: 'tiny',
    worldSize: 2,
    prompt: 'fixed:3,1',
    seconds: 20,
    seed: 0,
    schedule: 'mixed',
    ...outcome,
  };
  const copy = JSON.parse(JSON.stringify(result));
  // Of one token each: there is no time of a token after the first.
  expect(copy.rows[0].mean_tpot_ms).toBeNull();
  expect(readServeResult(copy, 'x.json').rows).toEqual(outcome.rows);
  copy.rows[1].p99_ttft_ms = 'long';
  expect(() => readServeResult(copy, 'x.json')).toThrow(
    /^x\.json is no result of "crossover serve-bench" that this version reads: rows\.1\.p99_ttft_ms: /,
  );
  expect(() => readServeResult({ ...copy, rows: [] }, 'x.json')).toThrow('rows');
});
