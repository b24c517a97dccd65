/**
 * @file Which of some algorithms is fastest at each measured size: what tables of other programs are made of.
 */
import { interpolate } from '../../plan/curve.ts';
import type { MeasuredOperation, Measurement } from '../measurement.ts';

export interface Winner {
  readonly operation: MeasuredOperation;
  readonly worldSize: number;
  readonly bytes: number;
  readonly algorithm: string;
  readonly us: number;
  /** us of another algorithm that was named; undefined where it was not measured. */
  readonly baselineUs?: number | undefined;
}

/** The fastest algorithm that `eligible` lets pass, at each size at which one was measured, by operation, world size and size. */
export function winners(
  measurements: readonly Measurement[],
  eligible: (algorithm: string) => boolean,
  baseline: string,
): Winner[] {
  return [...grouped(measurements).values()].flatMap((of) => {
    const { operation, worldSize } = of[0]!;
    const points = of
      .filter(({ algorithm, bytes, us }) => algorithm === baseline && bytes > 0 && us > 0)
      .map(({ bytes, us, spread }) => ({ bytes, us, spread: spread ?? 0 }))
      .sort((a, b) => a.bytes - b.bytes);
    const best = new Map<number, Measurement>();
    for (const each of of) {
      if (!eligible(each.algorithm) || !(each.bytes > 0 && each.us > 0)) continue;
      const before = best.get(each.bytes);
      if (before === undefined || each.us < before.us) best.set(each.bytes, each);
    }
    return [...best.values()]
      .sort((a, b) => a.bytes - b.bytes)
      .map(({ bytes, algorithm, us }) => ({
        operation,
        worldSize,
        bytes,
        algorithm,
        us,
        baselineUs: interpolate(points, bytes)?.us,
      }));
  });
}

function grouped(measurements: readonly Measurement[]): Map<string, Measurement[]> {
  const groups = new Map<string, Measurement[]>();
  for (const each of measurements) {
    const name = `${each.operation} ${each.worldSize}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [each]);
    else group.push(each);
  }
  return groups;
}

/** Algorithms that were measured and that a table has no word for, once each. */
export function leftOut(
  measurements: readonly Measurement[],
  eligible: (algorithm: string) => boolean,
): string[] {
  return [...new Set(measurements.map(({ algorithm }) => algorithm))].filter((name) => !eligible(name));
}
