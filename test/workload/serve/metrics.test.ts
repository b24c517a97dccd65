/** @file Metrics worked out by hand, and percentiles as numpy has them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { metricsOf, percentile } from '../../../dist/workload/serve/metrics.js';

test('two requests by hand', () => {
  const metrics = metricsOf([
    { id: 0, arrival: 1, promptTokens: 10, tokens: [1.5, 1.6, 1.8, 2] },
    { id: 1, arrival: 2, promptTokens: 20, tokens: [4] },
  ]);
  const close = (value: number | null, expected: number): void => expect(value).toBeCloseTo(expected, 6);
  expect(metrics.completed).toBe(2);
  expect(metrics.duration).toBe(4);
  expect([metrics.total_input_tokens, metrics.total_output_tokens]).toEqual([30, 5]);
  expect([metrics.request_throughput, metrics.output_throughput, metrics.total_token_throughput]).toEqual([
    0.5, 1.25, 8.75,
  ]);
  close(metrics.mean_ttft_ms, 1250);
  close(metrics.median_ttft_ms, 1250);
  close(metrics.p99_ttft_ms, 1985);
  // The request of one token has no time of an output token after the first.
  close(metrics.mean_tpot_ms, 500 / 3);
  close(metrics.p99_tpot_ms, 500 / 3);
  close(metrics.median_itl_ms, 200);
  close(metrics.mean_itl_ms, 500 / 3);
  close(metrics.mean_e2el_ms, 1500);
});

test('requests of one token have no TPOT', () => {
  const metrics = metricsOf([{ id: 0, arrival: 0, promptTokens: 1, tokens: [1] }]);
  expect([metrics.mean_tpot_ms, metrics.p99_tpot_ms, metrics.median_itl_ms]).toEqual([null, null, null]);
  expect(metrics.mean_ttft_ms).toBe(1000);
});

test('percentiles of numpy', () => {
  // numpy.percentile([1, 2, 4, 8], [0, 25, 50, 75, 99, 100])
  const expected = [1, 1.75, 3, 5, 7.88, 8];
  for (const [i, percent] of [0, 25, 50, 75, 99, 100].entries()) {
    expect(percentile([1, 2, 4, 8], percent)).toBeCloseTo(expected[i]!, 12);
  }
  expect(percentile([5], 99)).toBe(5);
});

test('mean, median and p99 lie between the least and the most; a percentile is not below a lower one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 }),
      (values) => {
        const sorted = values.sort((a, b) => a - b);
        const [low, high] = [percentile(sorted, 50), percentile(sorted, 99)];
        expect(low).toBeGreaterThanOrEqual(sorted[0]!);
        expect(high).toBeGreaterThanOrEqual(low);
        expect(high).toBeLessThanOrEqual(sorted.at(-1)!);
      },
    ),
  );
});
