/**
 * @file Decode results for terminals.
 */
import type { ExpectedGroup } from '../interop/predict.ts';
import { formatBytes } from '../units.ts';
import type { DecodeOutcome, DecodeRow } from '../workload/decode/request.ts';
import type { Expected } from '../workload/expect.ts';
import { bold, formatTable } from './table.ts';

/** A row a variant at each batch; * marks the fastest, and those that it is not told apart from. */
export function formatDecode({ rows }: Pick<DecodeOutcome, 'rows'>): string {
  const columns = [
    { head: 'batch' },
    { head: 'variant', left: true },
    { head: 'tokens/s' },
    { head: 'step, us' },
    { head: 'spread' },
    { head: 'collectives' },
    { head: 'against plan' },
    { head: 'predicted' },
    { head: 'tokens', left: true },
  ];
  const batches = [...new Set(rows.map(({ batch }) => batch))];
  const lines = batches.flatMap((batch) => {
    const own = rows.filter((row) => row.batch === batch);
    const best = own.reduce((a, b) => (b.us.median < a.us.median ? b : a));
    return own.map((row) => [
      String(batch),
      row.variant,
      `${row.tokensPerSecond.toFixed(row.tokensPerSecond < 100 ? 1 : 0)}${row.us.low <= best.us.high ? '*' : ' '}`,
      row.us.median.toFixed(1),
      percent(row.spread),
      row.collectiveShare === undefined ? '-' : percent(row.collectiveShare),
      row.change === undefined ? '' : signed(row.change),
      row.predicted === undefined ? '' : signed(row.predicted.change),
      tokensText(row, own),
    ]);
  });
  return formatTable(columns, lines);
}

/** Whether a variant's tokens are those of the others that promise equal bits. */
function tokensText(row: DecodeRow, own: readonly DecodeRow[]): string {
  const first = referenceOf(row, own);
  if (!first || first === row) return row.rankOrder ? 'reference' : 'no promise';
  const same = row.tokensHash === first.tokensHash;
  if (row.rankOrder) return same ? 'equal' : 'DIFFERENT';
  return same ? 'equal, not promised' : 'other, as may be';
}

/** Which algorithms served, a line a variant and batch where it differs from the batch before. */
export function formatDispatch({ rows }: Pick<DecodeOutcome, 'rows'>): string {
  const variants = [...new Set(rows.map(({ variant }) => variant))];
  const lines = variants.flatMap((variant) =>
    rows
      .filter((row) => row.variant === variant && row.dispatched.length > 0)
      .map(({ batch, dispatched }) => [
        variant,
        String(batch),
        dispatched
          .map(
            ({ operation, bytes, algorithm, sites }) =>
              `${sites} x ${operation} ${formatBytes(bytes)}: ${algorithm}`,
          )
          .join('; '),
      ]),
  );
  return `${bold('How collectives were dispatched')}\n${formatTable([{ head: 'variant', left: true }, { head: 'batch' }, { head: 'collectives of a step', left: true }], lines)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function signed(change: number): string {
  const text = (100 * change).toFixed(1);
  // Neither +0.0 nor -0.0.
  return Number(text) === 0 ? '0.0 %' : `${change > 0 ? '+' : ''}${text} %`;
}

/** The row whose tokens others have to have: their products have the same tokens, and all collectives sum in rank order. */
function referenceOf({ batch, layout }: DecodeRow, rows: readonly DecodeRow[]): DecodeRow | undefined {
  return rows.find((row) => row.batch === batch && row.layout === layout && row.rankOrder);
}

/** Rows whose tokens differ although their collectives promise equal bits. */
export function brokenPromises(rows: readonly DecodeRow[]): readonly DecodeRow[] {
  return rows.filter((row) => {
    const first = referenceOf(row, rows);
    return row.rankOrder && first !== undefined && first.tokensHash !== row.tokensHash;
  });
}

/** A row of expected steps: a variant or an algorithm; numbers are absent where something was not measured. */
interface ExpectedRow {
  readonly batch: number;
  readonly name: string;
  readonly collectivesUs?: number | undefined;
  readonly stepUs?: number | undefined;
  readonly change?: number | undefined;
}

/** Expected steps, a row a variant at each batch. */
export function formatPrediction(rows: readonly Expected[]): string {
  const named = rows.map(({ variant, ...row }) => ({ ...row, name: variant }));
  return formatExpected('variant', 'plan', named);
}

/** Expected steps by the measurements of others, a table for each way in which they were made. */
export function formatPredictions(groups: readonly ExpectedGroup[], against: string | undefined): string {
  return groups
    .map(({ name, operation, rows, missing }) => {
      const alone = operation === 'all_reduce' ? ': all-reduces alone, norms take as long behind each' : '';
      const named = rows.map(({ algorithm, ...row }) => ({ ...row, name: algorithm }));
      const table = formatExpected('algorithm', against ?? 'fastest', named);
      const rest = missing.length > 0 ? `\nnot measured: batch ${missing.join(', ')}` : '';
      return `${bold(`${name}${alone}`)}\n${table}${rest}`;
    })
    .join('\n\n');
}

/** The change of what it is compared with is left out: it is none. */
function formatExpected(what: string, reference: string, rows: readonly ExpectedRow[]): string {
  const columns = [
    { head: 'batch' },
    { head: what, left: true },
    { head: 'collectives, us' },
    { head: 'step, us' },
    { head: 'tokens/s' },
    { head: `against ${reference}` },
  ];
  return formatTable(
    columns,
    rows.map(({ batch, name, collectivesUs, stepUs, change }) => [
      String(batch),
      name,
      collectivesUs?.toFixed(1) ?? 'not measured',
      stepUs?.toFixed(1) ?? '',
      stepUs === undefined ? '' : ((batch * 1e6) / stepUs).toFixed(0),
      change === undefined || name === reference ? '' : signed(change),
    ]),
  );
}
