/** @file A result of `crossover serve-bench`, made up, for the tests of the report's page. */
import type { ServeSummary, ServeSummaryRow } from '../../../dist/workload/serve/summary.js';

function row(variant: string, rate: number, ttft: number, tpot: number | null): ServeSummaryRow {
  const last = (share: number): number | null => (tpot === null ? null : tpot * share);
  return {
    variant,
    request_rate: rate,
    completed: 60 * rate,
    duration: 61,
    total_input_tokens: 33_000 * rate,
    total_output_tokens: 9000 * rate,
    request_throughput: (60 * rate) / 61,
    output_throughput: (9000 * rate) / 61,
    total_token_throughput: (42_000 * rate) / 61,
    mean_ttft_ms: ttft * 1.2,
    median_ttft_ms: ttft,
    p99_ttft_ms: ttft * 4,
    mean_tpot_ms: last(1.1),
    median_tpot_ms: tpot,
    p99_tpot_ms: last(2),
    mean_itl_ms: last(1.1),
    median_itl_ms: last(0.9),
    p99_itl_ms: last(3),
    mean_e2el_ms: ttft + 149 * (tpot ?? 0),
    median_e2el_ms: ttft + 149 * (tpot ?? 0),
    p99_e2el_ms: 4 * (ttft + 149 * (tpot ?? 0)),
  };
}

export const SERVED: ServeSummary = {
  crossover: '0.1.0',
  date: '2026-11-21T12:00:00.000Z',
  command: 'crossover serve-bench --qps 1,5',
  engine: 'cuda',
  host: { cpu: 'Some CPU', cores: 16 },
  device: { gpus: '4', name: 'NVIDIA H200', links: 'NVLink', cuda: '13.0' },
  model: 'llama-3.1-8b',
  worldSize: 4,
  prompt: 'sonnet',
  seconds: 60,
  seed: 0,
  schedule: 'prompts-first',
  rows: [row('unfused', 1, 16, 8), row('fused', 1, 12, 6), row('unfused', 5, 64, 16), row('fused', 5, 32, 8)],
};

/** Outputs of one token: there is no time of a token after the first. */
export const ONE_TOKEN: ServeSummary = { ...SERVED, rows: [row('fused', 2, 10, null)] };
