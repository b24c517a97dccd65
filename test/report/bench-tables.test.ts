/** @file Bench tables: bandwidths as nccl-tests defines them (its doc/PERFORMANCE.md), and the text of both tables. */
import { describe, expect, test } from 'vitest';
import type { BenchRow } from '../../dist/bench/program.js';
import { busFactor } from '../../dist/interop/measurement.js';
import { bandwidth, formatAlgorithm, formatSideBySide } from '../../dist/report/bench-tables.js';

describe('bandwidth', () => {
  test('of the algorithm: size over time, in 1e9 bytes a second', () => {
    expect(bandwidth(1e9, 1e6)).toBe(1);
    expect(bandwidth(1 << 20, 100)).toBeCloseTo(10.48576, 10);
  });

  test.each([2, 3, 4, 8, 16])('of the bus, with %i ranks', (n) => {
    expect(busFactor('all_reduce', n)).toBeCloseTo((2 * (n - 1)) / n, 12);
    expect(busFactor('all_reduce_rms_norm', n)).toBeUndefined();
    expect(busFactor('all_gather', n)).toBeCloseTo((n - 1) / n, 12);
    expect(busFactor('reduce_scatter', n)).toBeCloseTo((n - 1) / n, 12);
    expect(busFactor('broadcast', n)).toBe(1);
  });
});

function row(algorithm: string, bytes: number, us: number, more: Partial<BenchRow> = {}): BenchRow {
  const rest = {
    tunables: {},
    count: bytes / 4,
    spread: us / 100,
    samples: 40,
    wrong: 0,
    meanDifference: 0,
    relativeError: 0,
  };
  return { algorithm, bytes, us, ...rest, ...more };
}

test('one algorithm, in the columns of nccl-tests', () => {
  const rows = [row('ring', 4096, 2), row('ring', 1 << 20, 100, { wrong: 3, meanDifference: 1.234e-7 })];
  expect(formatAlgorithm({ operation: 'all_reduce', dtype: 'f32', redop: 'sum', worldSize: 4 }, rows)).toBe(
    [
      'size (B)   count  type  redop  time (us)  spread  algbw (GB/s)  busbw (GB/s)  #wrong  mean |diff|',
      '    4096    1024   f32    sum       2.00   1.0 %          2.05          3.07       0            0',
      ' 1048576  262144   f32    sum     100.00   1.0 %         10.49         15.73       3      1.23e-7',
    ].join('\n'),
  );
});

test('fused operations: what crosses links is the all-reduce', () => {
  const title = { dtype: 'f32', redop: 'sum', worldSize: 4 };
  const [alone, fused] = (['all_reduce', 'all_reduce_rms_norm'] as const).map((operation) =>
    formatAlgorithm({ ...title, operation }, [row('ring', 4096, 2)]),
  );
  expect(fused).toBe(alone);
});

test('side by side: the fastest is marked, and where it changes', () => {
  const rows = [
    row('a', 1024, 1),
    row('a', 2048, 4),
    row('b', 1024, 2.5),
    row('b', 2048, 3),
    row('c', 2048, 250.4),
  ];
  expect(formatSideBySide(rows).split('\n').slice(1)).toEqual([
    '1 KiB  1.00*  2.50     -   a',
    '  -- fastest: a -> b',
    '2 KiB  4.00   3.00*  250   b',
  ]);
});
