/**
 * @file Who serves which sizes, by a plan and as measured, and where one algorithm takes over from the next.
 */
import { findCrossovers } from '../../plan/crossovers.ts';
import { interpolate } from '../../plan/curve.ts';
import { CompiledEntry } from '../../plan/lookup.ts';
import { choiceName, type MeasuredPoint, type PlanEntry } from '../../plan/plan.ts';
import { formatBytes } from '../../units.ts';
import type { Crossover, Point, Ribbon, RibbonRange, Series, SweepLoss } from './model.ts';

/** A plan's ranges, those of the same algorithm with other tunables apart. */
export function planRibbon(
  { ranges }: PlanEntry,
  set: number,
  name: string,
  look: (algorithm: string) => { label: string; style: number },
): Ribbon {
  return {
    name,
    kind: 'plan',
    set,
    ranges: ranges.map(({ from, to, algorithm, tunables }): RibbonRange => {
      const { label, style } = look(algorithm);
      return { from, to, algorithm: label, detail: tunablesInWords(tunables), style };
    }),
  };
}

/** The fastest at each size as measured, noise smoothed as in plans; undefined for less than two curves. */
export function measuredRibbon(series: readonly Series[], set: number, name: string): Ribbon | undefined {
  const own = series.filter((one) => one.set === set && !one.lossy);
  if (own.length < 2) return undefined;
  const ranges = findCrossovers(
    own.map(({ id, points }) => ({ algorithm: id, tunables: {}, points: points.map(measured) })),
  );
  return {
    name,
    kind: 'measured',
    set,
    ranges: ranges.map(({ from, to, algorithm: id }): RibbonRange => {
      const { algorithm, style } = own.find((one) => one.id === id)!;
      return { from, to, algorithm, detail: '', style };
    }),
  };
}

/** Changes of the algorithm; those of tunables alone are none. */
export function crossoversOf(ribbons: readonly Ribbon[], series: readonly Series[]): Crossover[] {
  return ribbons.flatMap(({ ranges, set }, ribbon) =>
    ranges.flatMap((range, i): Crossover[] => {
      const before = ranges[i - 1];
      if (before === undefined || before.algorithm === range.algorithm) return [];
      const curve = series.find((one) => one.set === set && one.algorithm === range.algorithm);
      const us = curve && interpolate(curve.points.map(measured), range.from)?.us;
      return [{ bytes: range.from, before: before.algorithm, after: range.algorithm, ribbon, us }];
    }),
  );
}

/** How far a plan is behind its own candidates, at every size of the sweep. */
export function sweepLoss(entry: PlanEntry, plan: string): SweepLoss | undefined {
  const compiled = new CompiledEntry(entry.key, entry);
  const byName = new Map(entry.candidates.map((candidate) => [choiceName(candidate), candidate]));
  const sizes = new Set(entry.candidates.flatMap(({ points }) => points.map(({ bytes }) => bytes)));
  let worst: Omit<SweepLoss, 'plan' | 'mean' | 'count'> | undefined;
  let sum = 0;
  let count = 0;
  for (const bytes of sizes) {
    const chosen = choiceName(compiled.find(bytes));
    const points = byName.get(chosen)?.points;
    const taken = points && interpolate(points, bytes);
    const best = fastest(entry, bytes);
    if (taken === undefined || best === undefined) continue;
    const loss = taken.us / best.point.us - 1;
    sum += loss;
    count++;
    if (worst !== undefined && loss <= worst.worst) continue;
    const within = taken.us - best.point.us <= taken.spread + best.point.spread;
    worst = { worst: loss, bytes, chosen, best: best.name, within };
  }
  return worst && { plan, mean: sum / count, count, ...worst };
}

function fastest(
  { candidates }: PlanEntry,
  bytes: number,
): { name: string; point: MeasuredPoint } | undefined {
  const found = candidates.flatMap((candidate) =>
    candidate.points
      .filter((point) => point.bytes === bytes)
      .map((point) => ({ name: choiceName(candidate), point })),
  );
  return found.reduce<(typeof found)[number] | undefined>(
    (best, one) => (best && best.point.us <= one.point.us ? best : one),
    undefined,
  );
}

/** Without a spread, any difference counts: that is all that is known. */
function measured({ bytes, us, spread }: Point): MeasuredPoint {
  return { bytes, us, spread: spread ?? 0 };
}

/** `blocks 24, chunk 256 KiB`. */
export function tunablesInWords(tunables: Readonly<Record<string, number>>): string {
  return Object.entries(tunables)
    .map(([name, value]) =>
      name.endsWith('_bytes') ? `${name.replace(/_bytes$/, '')} ${formatBytes(value)}` : `${name} ${value}`,
    )
    .join(', ');
}
