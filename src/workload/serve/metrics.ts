/**
 * @file What serving engines report of a run, under the names of `vllm bench serve`'s result file. Times are milliseconds there.
 *
 * TTFT is from a request's arrival to its first token, waiting included. TPOT is the time of the tokens after the first, over their number: one value a request,
 * none for a request of one token. ITL are the times between two tokens of a request. E2EL is from arrival to the last token.
 */
import type { RequestTimes } from './replay.ts';
import type { ServeMetrics } from './summary.ts';

export function metricsOf(times: readonly RequestTimes[]): ServeMetrics {
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
  const duration = times.reduce((latest, { tokens }) => Math.max(latest, tokens.at(-1)!), 0);
  const input = sum(times.map(({ promptTokens }) => promptTokens));
  const output = sum(times.map(({ tokens }) => tokens.length));
  const ttft = summary(times.map(({ arrival, tokens }) => tokens[0]! - arrival));
  const tpot = summary(
    times
      .filter(({ tokens }) => tokens.length > 1)
      .map(({ tokens }) => (tokens.at(-1)! - tokens[0]!) / (tokens.length - 1)),
  );
  const itl = summary(times.flatMap(({ tokens }) => tokens.slice(1).map((at, i) => at - tokens[i]!)));
  const e2el = summary(times.map(({ arrival, tokens }) => tokens.at(-1)! - arrival));
  return {
    completed: times.length,
    duration,
    total_input_tokens: input,
    total_output_tokens: output,
    request_throughput: times.length / duration,
    output_throughput: output / duration,
    total_token_throughput: (input + output) / duration,
    mean_ttft_ms: ttft.mean,
    median_ttft_ms: ttft.median,
    p99_ttft_ms: ttft.p99,
    mean_tpot_ms: tpot.mean,
    median_tpot_ms: tpot.median,
    p99_tpot_ms: tpot.p99,
    mean_itl_ms: itl.mean,
    median_itl_ms: itl.median,
    p99_itl_ms: itl.p99,
    mean_e2el_ms: e2el.mean,
    median_e2el_ms: e2el.median,
    p99_e2el_ms: e2el.p99,
  };
}

/** Milliseconds, of seconds. */
function summary(seconds: readonly number[]): {
  mean: number | null;
  median: number | null;
  p99: number | null;
} {
  if (seconds.length === 0) return { mean: null, median: null, p99: null };
  const sorted = seconds.map((value) => value * 1000).sort((a, b) => a - b);
  return {
    mean: sorted.reduce((all, value) => all + value, 0) / sorted.length,
    median: percentile(sorted, 50),
    p99: percentile(sorted, 99),
  };
}

/** Of sorted values, one at least; between two of them along a straight line, as numpy's default and so the engines' benchmarks have it. */
export function percentile(sorted: readonly number[], percent: number): number {
  const at = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}
