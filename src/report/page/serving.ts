/**
 * @file What the page shows of serving: the results of `crossover serve-bench`, a section each.
 */
import { formatMicroseconds } from '../../units.ts';
import type { ServeSummary, ServeSummaryRow } from '../../workload/serve/summary.ts';
import { hardwareInWords } from './hardware.ts';
import type { ReportSource, ServingModel, ServingQuantity, ServingVariant } from './model.ts';

/** Fields of a row. */
export const SERVING_FIELDS: Readonly<
  Record<ServingQuantity, { readonly median: keyof ServeSummaryRow; readonly p99: keyof ServeSummaryRow }>
> = {
  ttft: { median: 'median_ttft_ms', p99: 'p99_ttft_ms' },
  tpot: { median: 'median_tpot_ms', p99: 'p99_tpot_ms' },
};

export const SERVING_NAMES: Readonly<Record<ServingQuantity, string>> = {
  ttft: 'Time to first token over request rate, ms',
  tpot: 'Time per output token over request rate, ms',
};

/** A variant has the same colour in all sections. */
export function servingModels(sources: readonly ReportSource[]): ServingModel[] {
  const styles = new Map<string, number>();
  const styleOf = (name: string): number => {
    const style = styles.get(name) ?? styles.size;
    styles.set(name, style);
    return style;
  };
  const all = sources.flatMap(({ serving = [], name }) =>
    serving.map((result) => ({ result, set: sources.length > 1 ? name : undefined })),
  );
  const titles = numbered(all.map(({ result, set }) => titleOf(result, set)));
  return all.map(({ result }, i): ServingModel => {
    const variants = [...new Set(result.rows.map(({ variant }) => variant))].map(
      (name): ServingVariant => ({
        name,
        style: styleOf(name),
        points: result.rows
          .filter(({ variant }) => variant === name)
          .sort((a, b) => a.request_rate - b.request_rate),
      }),
    );
    return {
      id: `serving-${i + 1}`,
      title: titles[i]!,
      about: `${result.prompt}, ${result.seconds} s of arrivals at each rate, seed ${result.seed}, ${result.schedule}, crossover ${result.crossover}, ${result.date}`,
      variants,
      summary: summaryOf(variants),
    };
  });
}

/** Titles that are equal, of two runs of one model, get numbers: sections are told apart by them. */
function numbered(titles: readonly string[]): string[] {
  return titles.map((title, i) => {
    const before = titles.slice(0, i).filter((one) => one === title).length;
    return before === 0 ? title : `${title} (${before + 1})`;
  });
}

function titleOf({ model, worldSize, engine, device, host }: ServeSummary, set: string | undefined): string {
  const where = set ?? hardwareInWords(device, host);
  return `Serving ${model}, ${worldSize} rank${worldSize === 1 ? '' : 's'}, ${engine} engine on ${where}`;
}

/** Rates at which any variant was measured, in order. */
export function ratesOf({ variants }: Pick<ServingModel, 'variants'>): number[] {
  const rates = variants.flatMap(({ points }) => points.map(({ request_rate }) => request_rate));
  return [...new Set(rates)].sort((a, b) => a - b);
}

/** `1 request a second`. */
export function perSecond(rate: number): string {
  return `${rate} request${rate === 1 ? '' : 's'} a second`;
}

/** `12.3 ms`; `none` where nothing was measured. */
export function msInWords(value: number | null): string {
  return value === null ? 'none' : formatMicroseconds(value * 1000);
}

/** Everything at one rate, in words: what a screen reader says. */
export function servingAt(
  { variants }: Pick<ServingModel, 'variants'>,
  rate: number,
  quantity: ServingQuantity,
  hidden: ReadonlySet<string>,
): string {
  const { median, p99 } = SERVING_FIELDS[quantity];
  const parts = variants
    .filter(({ name }) => !hidden.has(name))
    .flatMap(({ name, points }) => {
      const row = points.find(({ request_rate }) => request_rate === rate);
      if (row === undefined) return [];
      return [
        `${name} median ${msInWords(row[median] as number | null)}, p99 ${msInWords(row[p99] as number | null)}`,
      ];
    });
  return `${perSecond(rate)}: ${parts.length === 0 ? 'no curve shown' : parts.join('; ')}`;
}

/** A sentence a rate: the lowest and the highest median, and what is served at most. */
function summaryOf(variants: readonly ServingVariant[]): string[] {
  return ratesOf({ variants }).map((rate) => {
    const rows = variants.flatMap(({ points }) => points.filter(({ request_rate }) => request_rate === rate));
    const parts = [
      spanned('median TTFT', rows, 'median_ttft_ms'),
      spanned('median TPOT', rows, 'median_tpot_ms'),
      `served ${listed(rows.map(({ request_throughput }) => Number(request_throughput.toPrecision(3))))} a second`,
    ];
    return `At ${perSecond(rate)}: ${parts.filter((part) => part !== '').join('; ')}.`;
  });
}

function spanned(
  what: string,
  rows: readonly ServeSummaryRow[],
  field: 'median_ttft_ms' | 'median_tpot_ms',
): string {
  const known = rows.flatMap(({ variant, [field]: ms }) => (ms === null ? [] : [{ variant, ms }]));
  if (known.length === 0) return '';
  const least = known.reduce((a, b) => (b.ms < a.ms ? b : a));
  const most = known.reduce((a, b) => (b.ms > a.ms ? b : a));
  if (known.length === 1) return `${what} ${msInWords(least.ms)} (${least.variant})`;
  return `${what} from ${msInWords(least.ms)} (${least.variant}) to ${msInWords(most.ms)} (${most.variant})`;
}

/** `4.9`, or `4.8 to 4.9`. */
function listed(values: readonly number[]): string {
  const ends = [Math.min(...values), Math.max(...values)];
  return [...new Set(ends)].join(' to ');
}
