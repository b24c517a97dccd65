/**
 * @file Which of some algorithms is fastest at each measured size: what tables of other programs are made of. They have no word for types and modes, and
 * only like is compared with like: measurements of one type and mode, those in CUDA graphs where there are some.
 */
import { interpolate } from '../../plan/curve.ts';
import { curvesOf } from '../check/curves.ts';
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

export interface Winners {
  /** By operation, world size and size. */
  readonly rows: readonly Winner[];
  /** Types and modes that were measured, too, and did not count, in words. */
  readonly passedOver: readonly string[];
}

/** The fastest algorithm that `eligible` lets pass, at each size at which one was measured. */
export function winners(
  measurements: readonly Measurement[],
  eligible: (algorithm: string) => boolean,
  baseline: string,
): Winners {
  const rows: Winner[] = [];
  const passedOver: string[] = [];
  const usable = measurements.filter(({ bytes, us }) => bytes > 0 && us > 0);
  for (const of of grouped(usable, ({ operation, worldSize }) => `${operation} x${worldSize}`).values()) {
    const { operation, worldSize } = of[0]!;
    const kinds = [...grouped(of, kindOf)].filter(([, each]) =>
      each.some(({ algorithm }) => eligible(algorithm)),
    );
    const chosen = kinds.find(([, each]) => each[0]!.mode !== 'eager') ?? kinds[0];
    if (chosen === undefined) continue;
    const [name, own] = chosen;
    for (const [other] of kinds)
      if (other !== name)
        passedOver.push(
          `${operation} x${worldSize}, ${other}: a table has no types and modes; ${name} counts`,
        );
    const curves = curvesOf(own);
    const best = new Map<number, Winner>();
    for (const [algorithm, points] of curves) {
      if (!eligible(algorithm)) continue;
      for (const { bytes, us } of points) {
        if (us >= (best.get(bytes)?.us ?? Number.POSITIVE_INFINITY)) continue;
        const baselineUs = interpolate(curves.get(baseline) ?? [], bytes)?.us;
        best.set(bytes, { operation, worldSize, bytes, algorithm, us, baselineUs });
      }
    }
    rows.push(...[...best.values()].sort((a, b) => a.bytes - b.bytes));
  }
  return { rows, passedOver };
}

function kindOf({ dtype, mode }: Measurement): string {
  return [dtype ?? 'no type', mode ?? 'no mode'].join(' ');
}

function grouped(
  measurements: readonly Measurement[],
  nameOf: (measurement: Measurement) => string,
): Map<string, Measurement[]> {
  const groups = new Map<string, Measurement[]>();
  for (const each of measurements) {
    const name = nameOf(each);
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
