/**
 * @file Regret: how much slower a plan's choice is than the best candidate, at sizes that the sweep left out.
 *
 * regret = time of the choice / time of the best - 1, both measured at that size. 0 is a plan that could not have chosen better.
 */
import { CrossoverError } from '../errors.ts';
import { keyName, type PlanKey } from './key.ts';
import type { RegretReport } from './plan.ts';

/** Every candidate measured at one size that was held out of the sweep. */
export interface HeldOut {
  readonly key: PlanKey;
  readonly bytes: number;
  /** What the plan chose, by its name in `times`. */
  readonly chosen: string;
  /** Time of each candidate, us. */
  readonly times: Readonly<Record<string, number>>;
}

/** The regret at one size, 0 or more, and the fastest candidate. Throws CrossoverError when the choice has no time or a time is not positive. */
export function regretAt(sample: HeldOut): { regret: number; best: string } {
  const { bytes, chosen, times } = sample;
  let best: string | undefined;
  for (const [name, us] of Object.entries(times)) {
    if (!(us > 0 && us < Number.POSITIVE_INFINITY)) {
      throw new CrossoverError(
        `time of ${name} at ${bytes} bytes is ${us}, must be finite us and more than 0`,
      );
    }
    if (best === undefined || us < times[best]!) best = name;
  }
  if (best === undefined || !Object.hasOwn(times, chosen)) {
    const known = Object.keys(times).join(', ') || 'none';
    throw new CrossoverError(
      `chosen is ${chosen} at ${bytes} bytes, must be one that was measured: ${known}`,
    );
  }
  return { regret: times[chosen]! / times[best]! - 1, best };
}

/** Mean and worst regret of all sizes that were held out; undefined when none was. Throws CrossoverError as `regretAt` does. */
export function regretReport(samples: readonly HeldOut[]): RegretReport | undefined {
  let report: RegretReport | undefined;
  let sum = 0;
  for (const sample of samples) {
    const { regret, best } = regretAt(sample);
    sum += regret;
    if (report !== undefined && regret <= report.worst) continue;
    const worstAt = { key: keyName(sample.key), bytes: sample.bytes, chosen: sample.chosen, best };
    report = { mean: 0, worst: regret, count: samples.length, worstAt };
  }
  return report && { ...report, mean: sum / samples.length };
}
