/**
 * @file A plan for people: one table a key with a row a size and the crossovers between the rows, and one line a key as a summary.
 */
import { isUnfused } from '../collective/all-reduce-rms-norm/unfused.ts';
import { keyName } from '../plan/key.ts';
import { CompiledEntry } from '../plan/lookup.ts';
import { type Choice, choiceName, type MeasuredPoint, type Plan, type PlanEntry } from '../plan/plan.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import { formatBytes } from '../units.ts';
import { type Column, formatTable, type Row } from './table.ts';

/** Microseconds with as many digits as mean anything: three significant ones. */
export function us(value: number): string {
  if (value === 0) return '0';
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}

/** Per algorithm, the fastest point at a size over its tunables. */
function fastestAt(entry: PlanEntry, algorithm: string, bytes: number): MeasuredPoint | undefined {
  const points = entry.candidates
    .filter((candidate) => candidate.algorithm === algorithm)
    .flatMap((candidate) => candidate.points.filter((point) => point.bytes === bytes));
  return points.reduce<MeasuredPoint | undefined>(
    (best, point) => (best && best.us <= point.us ? best : point),
    undefined,
  );
}

/** What was measured of a choice at a size. */
function pointOf(entry: PlanEntry, choice: Choice, bytes: number): MeasuredPoint | undefined {
  const own = entry.candidates.find((candidate) => choiceName(candidate) === choiceName(choice));
  return own?.points.find((point) => point.bytes === bytes);
}

/** Whole percent, and no negative zero. */
function percent(share: number): number {
  return Math.round(100 * share) + 0;
}

/** One row a measured size: every algorithm's time, the plan's choice, and how far the next best is behind. */
export function formatEntry(entry: PlanEntry): string {
  const algorithms = [...new Set(entry.candidates.map((candidate) => candidate.algorithm))];
  const sizes = [...new Set(entry.candidates.flatMap((c) => c.points.map((p) => p.bytes)))].sort(
    (a, b) => a - b,
  );
  const compiled = new CompiledEntry(entry.key, entry);
  const { hidden } = entry.key;
  const columns: Column[] = [
    { head: 'size' },
    ...(hidden ? [{ head: 'rows' }] : []),
    ...algorithms.map((name) => ({ head: name })),
    { head: 'spread' },
    { head: 'plan', left: true },
    { head: 'next best' },
  ];
  const rows: Row[] = [];
  let before: string | undefined;
  for (const bytes of sizes) {
    const range = compiled.find(bytes);
    if (before !== undefined && before !== range.algorithm) {
      rows.push(`  -- crossover at ${formatBytes(range.from)}: ${before} -> ${range.algorithm}`);
    }
    before = range.algorithm;
    const points = new Map(algorithms.map((name) => [name, fastestAt(entry, name, bytes)]));
    // What the plan uses, though other settings of the algorithm may have been faster here, within the noise.
    const chosen = pointOf(entry, range, bytes) ?? points.get(range.algorithm);
    if (chosen) points.set(range.algorithm, chosen);
    const others = [...points]
      .filter(([name, point]) => name !== range.algorithm && point)
      .map(([, point]) => point!.us);
    const next = chosen && others.length > 0 ? `${percent(Math.min(...others) / chosen.us - 1)} %` : '';
    rows.push([
      formatBytes(bytes),
      ...(hidden ? [String(Math.round(bytes / (hidden * dtypeBytes(entry.key.dtype))))] : []),
      ...algorithms.map((name) => {
        const point = points.get(name);
        return point ? `${us(point.us)}${name === range.algorithm ? '*' : ' '}` : '- ';
      }),
      chosen ? `${((chosen.spread / chosen.us) * 100).toFixed(1)} %` : '',
      range.algorithm + tunablesOf(range.tunables, range.algorithm),
      next,
    ]);
  }
  return `${keyName(entry.key)}, us\n${formatTable(columns, rows)}`;
}

function tunablesOf(tunables: Readonly<Record<string, number>>, algorithm: string): string {
  if (isUnfused(algorithm)) return '';
  return Object.entries(tunables)
    .map(
      ([name, value]) =>
        ` ${name.replace(/_bytes$/, '')} ${name.endsWith('_bytes') ? formatBytes(value) : value}`,
    )
    .join('');
}

/** One line a key: the algorithms in the order of size, with the crossovers between them. Changes of tunables alone are not shown. */
export function formatSummary(plan: Plan): string {
  const width = Math.max(...plan.entries.map((entry) => keyName(entry.key).length));
  return plan.entries
    .map((entry) => {
      const words: string[] = [];
      let before: string | undefined;
      for (const range of entry.ranges) {
        if (range.algorithm === before) continue;
        words.push(before === undefined ? range.algorithm : `${formatBytes(range.from)}  ${range.algorithm}`);
        before = range.algorithm;
      }
      return `${keyName(entry.key).padEnd(width)}  ${words.join('  | ')}`;
    })
    .join('\n');
}

/** One line: mean and worst regret, and where the worst was. */
export function formatRegret(plan: Plan): string {
  const { regret } = plan;
  if (!regret) return 'regret: not measured';
  const { key, bytes, chosen, best } = regret.worstAt;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return (
    `regret at ${regret.count} sizes that were not in the sweep: mean ${percent(regret.mean)}, worst ${percent(regret.worst)}` +
    (regret.worst > 0 ? ` (${key} ${formatBytes(bytes)}: chose ${chosen}, best ${best})` : '')
  );
}
