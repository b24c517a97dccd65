/**
 * @file The few measurements on which a plan's decisions hang: in the middle of each range its choice against the best other one, and on both sides of each
 * crossover, at the measured sizes next to it, the two choices that meet there.
 */
import { interpolate } from '../../plan/curve.ts';
import type { PlanKey } from '../../plan/key.ts';
import { type Candidate, type Choice, choiceName, type PlanEntry, type PlanRange } from '../../plan/plan.ts';

/** A choice, and what the plan has of it at the probe's size. */
export interface Contender extends Choice {
  /** us; absent where the plan has no curve there. */
  readonly plannedUs?: number | undefined;
  /** us. */
  readonly plannedSpread?: number | undefined;
}

/** A size of a key at which a few choices are timed. */
export interface Probe {
  readonly key: PlanKey;
  readonly bytes: number;
  /** The plan's choice, then its rivals. */
  readonly contenders: readonly Contender[];
}

/** Probes of an entry, by size. */
export function probesOf(entry: PlanEntry): Probe[] {
  const probes = new Map<number, Map<string, Contender>>();
  const add = (bytes: number, range: PlanRange, rivals: readonly Choice[]): void => {
    const contenders = probes.get(bytes) ?? new Map<string, Contender>();
    for (const choice of [range, ...rivals])
      contenders.set(choiceName(choice), contender(entry, choice, bytes));
    probes.set(bytes, contenders);
  };
  const { ranges } = entry;
  for (const [i, range] of ranges.entries()) {
    add(range.at, range, bestOthers(entry, range, range.at));
    const next = ranges[i + 1];
    if (!next) continue;
    const below = measuredSizes(entry, range).at(-1);
    const above = measuredSizes(entry, next)[0];
    if (below !== undefined) add(below, range, [next]);
    if (above !== undefined) add(above, next, [range]);
  }
  return [...probes]
    .sort(([a], [b]) => a - b)
    .map(([bytes, contenders]) => ({ key: entry.key, bytes, contenders: [...contenders.values()] }));
}

function contender({ candidates }: PlanEntry, { algorithm, tunables }: Choice, bytes: number): Contender {
  const own = candidates.find((candidate) => choiceName(candidate) === choiceName({ algorithm, tunables }));
  const planned = own && interpolate(own.points, bytes);
  return { algorithm, tunables, plannedUs: planned?.us, plannedSpread: planned?.spread };
}

/** The fastest of the other algorithms at a size: what the plan would choose next. */
function bestOthers({ candidates }: PlanEntry, { algorithm }: PlanRange, bytes: number): Choice[] {
  const timed = (candidate: Candidate): number =>
    interpolate(candidate.points, bytes)?.us ?? Number.POSITIVE_INFINITY;
  const others = candidates.filter(
    (candidate) => candidate.algorithm !== algorithm && Number.isFinite(timed(candidate)),
  );
  return others.sort((a, b) => timed(a) - timed(b)).slice(0, 1);
}

/** Sizes within a range at which anything was measured, ascending. */
function measuredSizes({ candidates }: PlanEntry, { from, to }: PlanRange): number[] {
  const sizes = new Set(candidates.flatMap(({ points }) => points.map(({ bytes }) => bytes)));
  return [...sizes].filter((bytes) => bytes >= from && (to === null || bytes < to)).sort((a, b) => a - b);
}
