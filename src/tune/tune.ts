/**
 * @file The tuner: sweeps -> crossovers -> plan entries -> regret. Runs on all ranks alike.
 *
 * Its rules: verify before timing; candidates are a function of what all ranks know; decisions are made from gathered numbers, so ranks
 * cannot disagree; where two curves cross between two sizes, measure in between; judge the plan at sizes it has not seen.
 */
import type { Communicator } from '../collective/communicator.ts';
import { seeded } from '../measure/random.ts';
import { makePlanEntry } from '../plan/entry.ts';
import type { PlanEntry } from '../plan/plan.ts';
import type { HeldOut } from '../plan/regret.ts';
import { JUDGEMENTS, judge, type Tuned } from './judge.ts';
import { keysOf, sizesOf, type TuneRequest } from './request.ts';
import { Budget, type Report, Sweep, weightOf } from './sweep.ts';

export interface TuneResult {
  readonly entries: PlanEntry[];
  readonly heldOut: HeldOut[];
}

/** Rounds of measuring between two sizes whose winners differ: each halves the gap on a log scale. */
const REFINEMENTS = 2;

/** What one key takes, in shares of the time; what is measured beside the sweep is taken to be as long on average. */
function workOf(sizes: readonly number[]): number {
  const sweep = sizes.reduce((sum, bytes) => sum + weightOf(bytes), 0);
  return sweep * (1 + (REFINEMENTS + JUDGEMENTS) / sizes.length);
}

/** Collective. Returns the same on all ranks. */
export function tune(comm: Communicator, request: TuneRequest, report: Report): TuneResult {
  const keys = keysOf(request, comm.worldSize);
  const budget = new Budget(
    request.seconds,
    keys.reduce((sum, key) => sum + workOf(sizesOf(request, key)), 0),
  );
  const tuned = keys.map((key): Tuned => {
    const sweep = new Sweep(comm, key, request, budget, report);
    for (const bytes of sizesOf(request, key)) sweep.measure(bytes);
    for (let k = 0; k < REFINEMENTS && !budget.over(comm); k++) sweep.refine();
    return { sweep, entry: makePlanEntry(key, sweep.candidates()) };
  });
  const heldOut = judge(comm, tuned, budget, seeded(request.seed));
  return { entries: tuned.map(({ entry }) => entry), heldOut };
}
