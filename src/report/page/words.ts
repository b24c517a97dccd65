/**
 * @file Charts in words: what a reader who does not see them has to know.
 */
import { formatMicroseconds } from '../../units.ts';
import { roughSize } from './axes.ts';
import type { Crossover, Difference, FusionPoint, MatrixModel, Ribbon, Series } from './model.ts';

/** `The plan takes a below 64 KiB, b from 64 KiB to 8 MiB, and c from 8 MiB.` */
export function ribbonInWords({ ranges, kind, name }: Ribbon): string {
  const merged: { algorithm: string; from: number; to: number | null }[] = [];
  for (const { algorithm, from, to } of ranges) {
    const last = merged.at(-1);
    if (last?.algorithm === algorithm) last.to = to;
    else merged.push({ algorithm, from, to });
  }
  const parts = merged.map(({ algorithm, from, to }) => `${algorithm} ${between(from, to)}`);
  const subject = kind === 'plan' ? `${sentence(name)} takes` : `${sentence(name)}:`;
  return `${subject} ${listed(parts)}.`;
}

function between(from: number, to: number | null): string {
  if (from === 0) return to === null ? 'at all sizes' : `below ${roughSize(to)}`;
  return to === null ? `from ${roughSize(from)}` : `from ${roughSize(from)} to ${roughSize(to)}`;
}

/** `Crossovers: at 64 KiB from a to b (5.2 us).` */
export function crossoversInWords(crossovers: readonly Crossover[], ribbons: readonly Ribbon[]): string[] {
  // Of several ribbons, their own sentences say it.
  if (ribbons.length !== 1) return [];
  if (crossovers.length === 0) return ['No crossover: the same algorithm serves all sizes.'];
  const parts = crossovers.map(({ bytes, before, after, us }) => {
    const time = us === undefined ? '' : ` (${formatMicroseconds(us)})`;
    return `at ${roughSize(bytes)} from ${before} to ${after}${time}`;
  });
  return [`${parts.length === 1 ? 'Crossover' : 'Crossovers'}: ${parts.join('; ')}.`];
}

/** One sentence a set: how many times differ, and that the others do not. */
export function differencesInWords(differences: readonly Difference[], names: readonly string[]): string[] {
  return names.slice(1).flatMap((name, i) => {
    const own = differences.filter(({ set }) => set === i + 1);
    if (own.length === 0) return [];
    const count = (verdict: string): number => own.filter((one) => one.verdict === verdict).length;
    const unknown = count('unknown');
    const known = own.length - unknown;
    const head = `${name} against ${names[0]}: `;
    const without = `${unknown} of ${own.length} times have no spread on one side, so their differences are not marked`;
    if (known === 0) return [`${head}${without}.`];
    const rest = unknown === 0 ? '' : `; ${without}`;
    return [
      `${head}of ${known} times, ${count('faster')} faster and ${count('slower')} slower by more than both spreads, ${count('same')} not told apart${rest}.`,
    ];
  });
}

/** `Fusing saves 12 % to 45 % of the time up to 1 MiB; ...` */
export function fusionInWords(points: readonly FusionPoint[]): string {
  const sure = points.filter(({ percent, margin }) => Math.abs(percent) > (margin ?? 0));
  const saves = sure.filter(({ percent }) => percent > 0);
  const costs = sure.filter(({ percent }) => percent < 0);
  const part = (verb: string, own: readonly FusionPoint[]): string[] => {
    if (own.length === 0) return [];
    const percents = own.map(({ percent }) => Math.abs(percent));
    const ends = [Math.min(...percents), Math.max(...percents)].map((percent) => `${percent.toFixed(0)} %`);
    const range = [...new Set(ends)].join(' to ');
    const where = own.length === 1 ? 'at one size' : `at ${own.length} of ${points.length} sizes`;
    return [`${verb} ${range} of the unfused time ${where} (${spanned(own)})`];
  };
  const parts = [...part('saves', saves), ...part('costs', costs)];
  const equal = points.length - sure.length;
  const rest = equal === 0 ? [] : [`is not told apart at ${equal}`];
  return `Fusing ${listed([...parts, ...rest])}.`;
}

function spanned(points: readonly FusionPoint[]): string {
  const [first, last] = [points[0]!, points.at(-1)!];
  return first === last ? roughSize(first.bytes) : `${roughSize(first.bytes)} to ${roughSize(last.bytes)}`;
}

/** What is known where there is one curve, or none that can be compared. */
export function seriesInWords(series: readonly Series[]): string[] {
  const only = series[0];
  if (series.length !== 1 || only === undefined) return [];
  const [first, last] = [only.points[0]!, only.points.at(-1)!];
  return [
    `${only.label} takes ${formatMicroseconds(first.us)} at ${roughSize(first.bytes)} and ${formatMicroseconds(last.us)} at ${roughSize(last.bytes)}.`,
  ];
}

export function matrixInWords(rows: MatrixModel['rows'], unit: string): string {
  const apart = rows.flatMap((row, i) =>
    row.flatMap((value, j) => (value === null || i === j ? [] : [{ value, i, j }])),
  );
  if (apart.length === 0) return 'No pair of devices.';
  const suffix = unit === '' ? '' : ` ${unit}`;
  const least = apart.reduce((a, b) => (b.value < a.value ? b : a));
  const most = apart.reduce((a, b) => (b.value > a.value ? b : a));
  return `Between devices, least ${least.value}${suffix} (${least.i} to ${least.j}), most ${most.value}${suffix} (${most.i} to ${most.j}).`;
}

function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
