/**
 * @file Sets against the first set, and fused against unfused. A difference counts only where it exceeds both spreads together.
 */
import { isUnfused } from '../../collective/all-reduce-rms-norm/unfused.ts';
import type { Difference, FusionPoint, Point, Series, Verdict } from './model.ts';

/** Every algorithm and size that a later set and the first have both. */
export function differencesOf(series: readonly Series[]): Difference[] {
  const first = series.filter(({ set }) => set === 0);
  return series
    .filter(({ set }) => set > 0)
    .flatMap(({ set, algorithm, points }) => {
      const before = first.find((one) => one.algorithm === algorithm);
      return points.flatMap((point): Difference[] => {
        const base = before?.points.find(({ bytes }) => bytes === point.bytes);
        if (base === undefined) return [];
        const percent = (point.us / base.us - 1) * 100;
        return [{ set, algorithm, bytes: point.bytes, percent, verdict: verdictOf(base, point) }];
      });
    });
}

function verdictOf(before: Point, after: Point): Verdict {
  if (before.spread === undefined || after.spread === undefined) return 'unknown';
  const change = after.us - before.us;
  if (Math.abs(change) <= before.spread + after.spread) return 'same';
  return change < 0 ? 'faster' : 'slower';
}

/** The best of both kinds at each size at which both were measured. */
export function fusionOf(series: readonly Series[], set: number): FusionPoint[] {
  const own = series.filter((one) => one.set === set);
  const sizes = [...new Set(own.flatMap(({ points }) => points.map(({ bytes }) => bytes)))];
  return sizes
    .sort((a, b) => a - b)
    .flatMap((bytes): FusionPoint[] => {
      const fused = best(
        own.filter(({ algorithm }) => !apart(algorithm)),
        bytes,
      );
      const unfused = best(
        own.filter(({ algorithm }) => apart(algorithm)),
        bytes,
      );
      if (fused === undefined || unfused === undefined) return [];
      const ratio = fused.point.us / unfused.point.us;
      return [
        {
          bytes,
          fused: fused.algorithm,
          fusedUs: fused.point.us,
          unfused: unfused.algorithm,
          unfusedUs: unfused.point.us,
          percent: (1 - ratio) * 100,
          margin: marginOf(fused.point, unfused.point),
        },
      ];
    });
}

/** Both spreads as percent of the unfused time, so that a margin above `percent` is a difference within the noise. */
function marginOf(fused: Point, unfused: Point): number | undefined {
  if (fused.spread === undefined || unfused.spread === undefined) return undefined;
  return ((fused.spread + unfused.spread) / unfused.us) * 100;
}

/** `unfused`, `unfused_native` of other engines, `unfused_two_shot` of ours. */
function apart(algorithm: string): boolean {
  const name = algorithm.replace(/^crossover:/, '');
  return name === 'unfused' || isUnfused(name);
}

function best(series: readonly Series[], bytes: number): { algorithm: string; point: Point } | undefined {
  let found: { algorithm: string; point: Point } | undefined;
  for (const { algorithm, points } of series) {
    const point = points.find((one) => one.bytes === bytes);
    if (point !== undefined && (found === undefined || point.us < found.point.us))
      found = { algorithm, point };
  }
  return found;
}
