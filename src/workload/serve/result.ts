/**
 * @file The file that `crossover serve-bench` writes, and what reads it. Rows have the names of `vllm bench serve`'s results.
 */
import { z } from 'zod';
import { CrossoverError } from '../../errors.ts';
import type { ModelRecord } from '../session/record.ts';
import type { ServeOutcome } from './program.ts';
import type { Schedule } from './scheduler.ts';
import type { ServeSummary, ServeSummaryRow } from './summary.ts';

export interface ServeResult extends ServeOutcome, ModelRecord<'serve-bench'> {
  readonly prompt: string;
  /** Seconds in which requests arrived, at each rate. */
  readonly seconds: number;
  readonly seed: number;
  readonly schedule: Schedule;
  /** What `fused-cap` fuses at most, where it is among the variants. */
  readonly fusionCapBytes?: number | undefined;
}

const TIME = z.number().min(0).nullable();

const ROW = z.object({
  variant: z.string(),
  request_rate: z.number().positive(),
  completed: z.number().int().min(0),
  duration: z.number().positive(),
  total_input_tokens: z.number().min(0),
  total_output_tokens: z.number().min(0),
  request_throughput: z.number().min(0),
  output_throughput: z.number().min(0),
  total_token_throughput: z.number().min(0),
  mean_ttft_ms: TIME,
  median_ttft_ms: TIME,
  p99_ttft_ms: TIME,
  mean_tpot_ms: TIME,
  median_tpot_ms: TIME,
  p99_tpot_ms: TIME,
  mean_itl_ms: TIME,
  median_itl_ms: TIME,
  p99_itl_ms: TIME,
  mean_e2el_ms: TIME,
  median_e2el_ms: TIME,
  p99_e2el_ms: TIME,
}) satisfies z.ZodType<ServeSummaryRow>;

const SUMMARY = z.object({
  benchmark: z.literal('serve-bench'),
  schema: z.literal(1),
  crossover: z.string(),
  date: z.string(),
  command: z.string(),
  engine: z.string(),
  host: z.object({ cpu: z.string(), cores: z.number() }),
  device: z.record(z.string(), z.string()),
  model: z.string(),
  worldSize: z.number().int().positive(),
  prompt: z.string(),
  seconds: z.number(),
  seed: z.number(),
  schedule: z.string(),
  rows: z.array(ROW).min(1),
}) satisfies z.ZodType<ServeSummary>;

/** Whether a JSON value says that it is such a file; it may be damaged all the same. */
export function isServeResult(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && 'benchmark' in value && value.benchmark === 'serve-bench'
  );
}

/** @throws CrossoverError that names the first field which is not as it should be */
export function readServeResult(value: unknown, source: string): ServeSummary {
  const parsed = SUMMARY.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new CrossoverError(
    `${source} is no result of "crossover serve-bench" that this version reads: ${issue.path.join('.') || 'it'}: ${issue.message}`,
  );
}
