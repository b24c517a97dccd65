/**
 * @file One plan entry from its measured curves: what the tuner calls for each key.
 */
import { type CrossoverOptions, findCrossovers } from './crossovers.ts';
import type { PlanKey } from './key.ts';
import type { Candidate, PlanEntry } from './plan.ts';

/**
 * Makes the entry for a key. Candidates without any point are left out; times are rounded to nanoseconds, finer than any clock here.
 * Throws CrossoverError as `findCrossovers` does.
 */
export function makePlanEntry(
  key: PlanKey,
  candidates: readonly Candidate[],
  options: CrossoverOptions = {},
): PlanEntry {
  const measured = candidates.filter(({ points }) => points.length > 0).map(rounded);
  const ranges = findCrossovers(measured, options).map((range) => ({
    ...range,
    us: roundTime(range.us),
    spread: roundTo3(range.spread),
  }));
  const from = Math.min(...measured.map(({ points }) => points[0]!.bytes));
  const to = Math.max(...measured.map(({ points }) => points.at(-1)!.bytes));
  return { key, measured: { from, to }, ranges, candidates: measured };
}

function rounded({ algorithm, tunables, points, relativeError }: Candidate): Candidate {
  const times = points.map(({ bytes, us, spread }) => ({
    bytes,
    us: roundTime(us),
    spread: roundTo3(spread),
  }));
  const error = relativeError === undefined ? {} : { relativeError: Math.round(relativeError * 1e6) / 1e6 };
  return { algorithm, tunables, ...error, points: times };
}

/** A time that is more than 0 stays so. */
function roundTime(us: number): number {
  return us > 0 ? Math.max(0.001, roundTo3(us)) : us;
}

function roundTo3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
