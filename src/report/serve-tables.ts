/**
 * @file Results of serving in the words and order of `vllm bench serve`, a column a variant; and all rates at a glance.
 */
import type { ServeRow } from '../workload/serve/program.ts';
import { bold, type Column, formatTable, type Row } from './table.ts';

/** A line of a rate's table: what engines call it, and where it is in a row. */
interface Line {
  readonly label: string;
  readonly field: Exclude<keyof ServeRow, 'variant'>;
  readonly digits: number;
}

const line = (label: string, field: Line['field'], digits = 2): Line => ({ label, field, digits });

/** Groups of lines, each under a heading as `vllm bench serve` prints it. */
const GROUPS: readonly { readonly heading?: string; readonly lines: readonly Line[] }[] = [
  {
    lines: [
      line('Successful requests:', 'completed', 0),
      line('Benchmark duration (s):', 'duration'),
      line('Total input tokens:', 'total_input_tokens', 0),
      line('Total generated tokens:', 'total_output_tokens', 0),
      line('Request throughput (req/s):', 'request_throughput'),
      line('Output token throughput (tok/s):', 'output_throughput'),
      line('Total Token throughput (tok/s):', 'total_token_throughput'),
    ],
  },
  {
    heading: 'Time to First Token',
    lines: [
      line('Mean TTFT (ms):', 'mean_ttft_ms'),
      line('Median TTFT (ms):', 'median_ttft_ms'),
      line('P99 TTFT (ms):', 'p99_ttft_ms'),
    ],
  },
  {
    heading: 'Time per Output Token (excl. 1st token)',
    lines: [
      line('Mean TPOT (ms):', 'mean_tpot_ms'),
      line('Median TPOT (ms):', 'median_tpot_ms'),
      line('P99 TPOT (ms):', 'p99_tpot_ms'),
    ],
  },
  {
    heading: 'Inter-token Latency',
    lines: [
      line('Mean ITL (ms):', 'mean_itl_ms'),
      line('Median ITL (ms):', 'median_itl_ms'),
      line('P99 ITL (ms):', 'p99_itl_ms'),
    ],
  },
];

/** A table for each rate, in the order of rates. */
export function formatRates(rows: readonly ServeRow[]): string {
  return ratesOf(rows)
    .map((rate) => {
      const own = rows.filter((row) => row.request_rate === rate);
      return `${bold(`Request rate ${rate} req/s`)}\n${formatRate(own)}`;
    })
    .join('\n\n');
}

function formatRate(own: readonly ServeRow[]): string {
  const columns: Column[] = [{ head: '', left: true }, ...own.map(({ variant }) => ({ head: variant }))];
  const lines = GROUPS.flatMap(({ heading, lines }): Row[] => [
    ...(heading === undefined ? [] : [`-- ${heading}`]),
    ...lines.map(({ label, field, digits }) => [label, ...own.map((row) => shown(row[field], digits))]),
  ]);
  return formatTable(columns, lines);
}

const GLANCE: readonly Line[] = [
  line('req/s', 'request_throughput'),
  line('tok/s', 'output_throughput', 1),
  line('TTFT mean', 'mean_ttft_ms'),
  line('median', 'median_ttft_ms'),
  line('p99', 'p99_ttft_ms'),
  line('TPOT mean', 'mean_tpot_ms'),
  line('median', 'median_tpot_ms'),
  line('p99', 'p99_tpot_ms'),
];

/** A row a rate and variant: what is served of it, TTFT and TPOT in ms. The lowest medians of a rate are marked. */
export function formatGlance(rows: readonly ServeRow[]): string {
  const columns: Column[] = [
    { head: 'rate' },
    { head: 'variant', left: true },
    ...GLANCE.map(({ label }) => ({ head: label })),
  ];
  const lines = ratesOf(rows).flatMap((rate) => {
    const own = rows.filter((row) => row.request_rate === rate);
    const least = (field: Line['field']): number => Math.min(...own.map((row) => row[field] ?? Infinity));
    return own.map((row) => [
      String(rate),
      row.variant,
      ...GLANCE.map(({ field, digits }) => {
        const marked = own.length > 1 && field.startsWith('median') && row[field] === least(field);
        return `${shown(row[field], digits)}${marked ? '*' : ' '}`;
      }),
    ]);
  });
  return formatTable(columns, lines);
}

function ratesOf(rows: readonly ServeRow[]): number[] {
  return [...new Set(rows.map((row) => row.request_rate))];
}

function shown(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}
