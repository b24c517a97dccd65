/**
 * @file Bench results in the columns of nccl-tests, an algorithm at a time, and then side by side.
 */
import type { BenchRow } from '../bench/program.ts';
import { busFactor } from '../interop/measurement.ts';
import type { Operation } from '../operations.ts';
import { formatBytes } from '../units.ts';
import { us } from './plan-tables.ts';
import { formatTable, type Row } from './table.ts';

/** GB/s (1e9) of so many bytes in so many microseconds. */
export function bandwidth(bytes: number, time: number): number {
  return bytes / time / 1e3;
}

export interface BenchTitle {
  readonly operation: Operation;
  readonly dtype: string;
  readonly redop: string;
  readonly worldSize: number;
}

/** nccl-tests' columns for one algorithm, and the mean absolute difference from the float64 result. */
export function formatAlgorithm(title: BenchTitle, rows: readonly BenchRow[]): string {
  const columns = [
    'size (B)',
    'count',
    'type',
    'redop',
    'time (us)',
    'spread',
    'algbw (GB/s)',
    'busbw (GB/s)',
    '#wrong',
    'mean |diff|',
  ];
  // nccl-tests has no fused operations: what crosses links is the all-reduce.
  const moved = title.operation === 'all_reduce_rms_norm' ? 'all_reduce' : title.operation;
  const factor = busFactor(moved, title.worldSize)!;
  const cells = rows.map((row) => [
    String(row.bytes),
    String(row.count),
    title.dtype,
    title.redop,
    row.us.toFixed(2),
    `${((row.spread / row.us) * 100).toFixed(1)} %`,
    bandwidth(row.bytes, row.us).toFixed(2),
    (bandwidth(row.bytes, row.us) * factor).toFixed(2),
    String(row.wrong),
    row.meanDifference === 0 ? '0' : row.meanDifference.toExponential(2),
  ]);
  return formatTable(
    columns.map((head) => ({ head })),
    cells,
  );
}

/** One row a size, one column an algorithm, the fastest marked, and a line wherever the fastest changes. */
export function formatSideBySide(rows: readonly BenchRow[]): string {
  const algorithms = [...new Set(rows.map((row) => row.algorithm))];
  const sizes = [...new Set(rows.map((row) => row.bytes))];
  const lines: Row[] = [];
  let before: string | undefined;
  for (const bytes of sizes) {
    const here = rows.filter((row) => row.bytes === bytes);
    const best = here.reduce((a, b) => (b.us < a.us ? b : a));
    if (before !== undefined && before !== best.algorithm)
      lines.push(`  -- fastest: ${before} -> ${best.algorithm}`);
    before = best.algorithm;
    const times = algorithms.map((name) => {
      const row = here.find((r) => r.algorithm === name);
      return row ? `${us(row.us)}${row === best ? '*' : ' '}` : '- ';
    });
    lines.push([formatBytes(bytes), ...times, best.algorithm]);
  }
  return formatTable(
    [
      { head: 'size' },
      ...algorithms.map((name) => ({ head: `${name} us` })),
      { head: 'fastest', left: true },
    ],
    lines,
  );
}
