/**
 * @file Regret of a fresh plan: at sizes that the sweep left out, the time of the plan's choice over the time of the best candidate.
 *
 * The machine has moments in which everything, or one contender, is slow. So every size is measured in several passes over all sizes,
 * far apart in time, and the median of the passes counts, for every candidate alike.
 */
import { refusal } from '../collective/algorithm.ts';
import { algorithmNamed } from '../collective/catalog.ts';
import type { Communicator } from '../collective/communicator.ts';
import { median } from '../measure/statistics.ts';
import { sizeFor } from '../measure/workload.ts';
import { CompiledEntry } from '../plan/lookup.ts';
import { choiceName, type PlanEntry } from '../plan/plan.ts';
import type { HeldOut } from '../plan/regret.ts';
import { type Budget, nameOf, type Sweep } from './sweep.ts';

/** Sizes a key at which regret is measured, and how often. */
const SIZES = 2;
const PASSES = 3;

/** Measurements that judging one key takes, for the budget. */
export const JUDGEMENTS: number = SIZES * PASSES;

/** One key's curves and what was made of them. */
export interface Tuned {
  readonly sweep: Sweep;
  readonly entry: PlanEntry;
}

/** Collective. One held-out size a key at least, more and more passes while there is time. */
export function judge(
  comm: Communicator,
  tuned: readonly Tuned[],
  budget: Budget,
  random: () => number,
): HeldOut[] {
  const held = tuned.flatMap(({ sweep, entry }) =>
    heldOutSizes(entry, random).flatMap((bytes, i) => {
      const { key } = entry;
      const chosen = new CompiledEntry(key, entry).find(bytes);
      // Between two sizes of which each has an algorithm that cannot serve the other, calls go to another one still.
      const refused = refusal(
        algorithmNamed(key.operation, chosen.algorithm),
        { ...key, bytes },
        comm.engine,
      );
      return refused === undefined
        ? [{ sweep, key, bytes, chosen, first: i === 0, times: new Map<string, number[]>() }]
        : [];
    }),
  );
  for (let pass = 0; pass < PASSES; pass++) {
    for (const { sweep, bytes, chosen, first, times } of held) {
      const needed = pass === 0 && first;
      if (!needed && (budget.over(comm) || (pass > 0 && times.size === 0))) continue;
      for (const { choice, us } of sweep.time(bytes, chosen)) {
        const name = nameOf(choice);
        times.set(name, [...(times.get(name) ?? []), us.median]);
      }
    }
  }
  return held
    .filter(({ times }) => times.size > 0)
    .map(({ key, bytes, chosen, times }) => ({
      key,
      bytes,
      chosen: choiceName(chosen),
      times: Object.fromEntries([...times].map(([name, all]) => [name, median(all)])),
    }));
}

/** Sizes between the smallest and the largest that were measured, log-uniform, none of which was: neither in the sweep nor in between. */
export function heldOutSizes({ key, measured, candidates }: PlanEntry, random: () => number): number[] {
  const seen = new Set(candidates.flatMap(({ points }) => points.map(({ bytes }) => bytes)));
  const from = Math.log(measured.from);
  const to = Math.log(measured.to);
  const picked = new Set<number>();
  for (let k = 0; k < 8 * SIZES && picked.size < SIZES; k++) {
    const bytes = sizeFor(key, Math.exp(from + (to - from) * random()));
    if (!seen.has(bytes)) picked.add(bytes);
  }
  return [...picked];
}
