/**
 * @file From measured curves to the ranges of a plan: who wins at each size, and where one overtakes the next.
 *
 * Noise must not make ranges, and losing a little at every size must not go unseen. So the winners of all sizes are chosen
 * together, as the cheapest path through the sweep (dynamic programming, as in Viterbi's algorithm and penalised segmentation):
 * - A choice is *acceptable* at a size when no other beats it there by more than the margin: both spreads together, or
 *   `tolerance` of its time, whichever is more. Only acceptable choices are on the path. This is the promise of a plan.
 * - An acceptable choice costs its distance to the best in margins, 0 to 1. A change of choice costs CHANGE_COST.
 * A lone size that another wins within the noise is thus merged into its neighbours, a long stretch of small losses is not.
 *
 * Between two neighbouring sizes with different choices, the boundary is where their curves cross on log-log axes.
 */
import { CrossoverError } from '../errors.ts';
import { type Estimate, interpolate, spans } from './curve.ts';
import { type Candidate, choiceName, type PlanRange } from './plan.ts';

export interface CrossoverOptions {
  /** Share of its time by which a choice may lose and still count as equal, beside the spreads. 0.01 (1 percent) by default. */
  readonly tolerance?: number | undefined;
}

export const DEFAULT_TOLERANCE = 0.01;

/**
 * Margins that a change of choice has to save. A range within another costs two changes, so it has to save four margins: two choices
 * of the same true speed, whose measurements differ by chance by half a margin at a size, would have to fall the same way eight times running.
 */
const CHANGE_COST = 2;

/** Whether a challenger is faster than the incumbent at one size by more than the noise: both spreads, or `tolerance` of the incumbent's time. */
export function beats(
  challenger: Estimate,
  incumbent: Estimate,
  tolerance: number = DEFAULT_TOLERANCE,
): boolean {
  return loss(incumbent, challenger, tolerance) > 1;
}

/**
 * The ranges of a plan entry: they tile all sizes from 0, the first and the last extended beyond what was measured.
 *
 * Curves may be measured at different sizes. Inside its own first and last point a curve is interpolated where it has no point of its
 * own; outside, the candidate is taken to be unavailable and is not chosen at any measured size.
 * Candidates listed first win ties. Throws CrossoverError when there is no point at all, a curve does not increase in bytes,
 * a number is out of range, or a candidate is listed twice.
 */
export function findCrossovers(
  candidates: readonly Candidate[],
  options: CrossoverOptions = {},
): PlanRange[] {
  const { tolerance = DEFAULT_TOLERANCE } = options;
  checkCandidates(candidates, tolerance);
  const sizes = [...new Set(candidates.flatMap(({ points }) => points.map(({ bytes }) => bytes)))].sort(
    (a, b) => a - b,
  );
  const costs = sizes.map((bytes) => costsAt(candidates, bytes, tolerance));
  const path = cheapestPath(costs);

  const ranges: PlanRange[] = [];
  let from = 0;
  let first = 0;
  for (let index = 0; index < sizes.length; index++) {
    const last = index === sizes.length - 1;
    if (!last && path[index] === path[index + 1]) continue;
    const winner = candidates[path[index]!]!;
    const to = last
      ? null
      : boundary(winner, candidates[path[index + 1]!]!, sizes[index]!, sizes[index + 1]!);
    ranges.push({ from, to, ...represent(winner, sizes.slice(first, index + 1)) });
    from = to ?? 0;
    first = index + 1;
  }
  return ranges;
}

// ---------- Who wins ----------

/** By how many margins `choice` is slower than `other`: more than 1 is beaten, 0 or less is not slower. */
function loss(choice: Estimate, other: Estimate, tolerance: number): number {
  const excess = choice.us - other.us;
  if (excess <= 0) return 0;
  // Without any margin the division gives infinity: whatever is slower is beaten.
  return excess / Math.max(choice.spread + other.spread, tolerance * choice.us);
}

/** What each candidate costs at a size: its worst loss, or infinity when it is beaten or unavailable. */
function costsAt(candidates: readonly Candidate[], bytes: number, tolerance: number): number[] {
  const estimates = candidates.map(({ points }) => interpolate(points, bytes));
  return estimates.map((estimate) => {
    if (estimate === undefined) return Number.POSITIVE_INFINITY;
    let worst = 0;
    for (const other of estimates) {
      if (other !== undefined) worst = Math.max(worst, loss(estimate, other, tolerance));
    }
    return worst > 1 ? Number.POSITIVE_INFINITY : worst;
  });
}

/** The candidate at each size, so that costs and changes together are least. The fastest at a size is acceptable, so a path exists. */
function cheapestPath(costs: readonly (readonly number[])[]): number[] {
  let totals = costs[0]!.slice();
  const cameFrom: number[][] = [];
  for (const row of costs.slice(1)) {
    const cheapest = indexOfLeast(totals);
    const changed = totals[cheapest]! + CHANGE_COST;
    // On equal cost stay: fewer ranges.
    cameFrom.push(totals.map((total, candidate) => (total <= changed ? candidate : cheapest)));
    totals = totals.map((total, candidate) => Math.min(total, changed) + row[candidate]!);
  }
  const path = [indexOfLeast(totals)];
  for (const steps of cameFrom.reverse()) path.push(steps[path.at(-1)!]!);
  return path.reverse();
}

function indexOfLeast(values: readonly number[]): number {
  let least = 0;
  for (let index = 1; index < values.length; index++) {
    if (values[index]! < values[least]!) least = index;
  }
  return least;
}

// ---------- Where ----------

/** First size of `above`'s range: more than `low`, where `below` was chosen, and at most `high`, where `above` was. Whole bytes. */
function boundary(below: Candidate, above: Candidate, low: number, high: number): number {
  const belowReaches = spans(below.points, high);
  const aboveReaches = spans(above.points, low);
  // Where only one of the two is known to work, it gets the whole gap.
  if (belowReaches && !aboveReaches) return high;
  if (!belowReaches && aboveReaches) return low + 1;
  // Where neither is, each gets half of it on a log scale.
  const part = belowReaches ? crossing(below, above, low, high) : 0.5;
  const bytes = Math.round(low * (high / low) ** part);
  return Math.min(high, Math.max(low + 1, bytes));
}

/** Where `above` gets faster than `below`, as a part 0 to 1 of the way from `low` to `high` on a log scale. Neither curve has a bend between. */
function crossing(below: Candidate, above: Candidate, low: number, high: number): number {
  const lead = (bytes: number): number =>
    Math.log(interpolate(above.points, bytes)!.us) - Math.log(interpolate(below.points, bytes)!.us);
  const atLow = lead(low);
  const atHigh = lead(high);
  // The path changed within the noise: the curves do not cross here, so the better of the two gets the gap.
  if (atLow <= 0) return 0;
  if (atHigh >= 0) return 1;
  return atLow / (atLow - atHigh);
}

/** A choice with its time at a size in the middle of a range, one that was measured where there is one. */
function represent(winner: Candidate, sizes: readonly number[]): Omit<PlanRange, 'from' | 'to'> {
  const own = new Set(winner.points.map(({ bytes }) => bytes));
  const measured = sizes.filter((bytes) => own.has(bytes));
  const choices = measured.length > 0 ? measured : sizes;
  const at = choices[choices.length >> 1]!;
  const { us, spread } = interpolate(winner.points, at)!;
  return { algorithm: winner.algorithm, tunables: winner.tunables, at, us, spread };
}

// ---------- Input ----------

function checkCandidates(candidates: readonly Candidate[], tolerance: number): void {
  if (!(tolerance >= 0 && tolerance < 1)) {
    throw new CrossoverError(`tolerance is ${tolerance}, must be 0 or more and less than 1`);
  }
  const seen = new Set<string>();
  let points = 0;
  for (const candidate of candidates) {
    const name = choiceName(candidate);
    if (seen.has(name)) throw new CrossoverError(`candidate ${name} is listed twice, must be unique`);
    seen.add(name);
    checkCurve(candidate, name);
    points += candidate.points.length;
  }
  if (points === 0)
    throw new CrossoverError('there is no measured point, must be at least one to find crossovers');
}

function checkCurve({ points }: Candidate, name: string): void {
  let before = 0;
  for (const { bytes, us, spread } of points) {
    if (!Number.isSafeInteger(bytes) || bytes <= before) {
      throw new CrossoverError(`${name}: bytes is ${bytes}, must be a whole number more than ${before}`);
    }
    if (!(us > 0 && us < Number.POSITIVE_INFINITY)) {
      throw new CrossoverError(`${name} at ${bytes} bytes: us is ${us}, must be finite and more than 0`);
    }
    if (!(spread >= 0 && spread < Number.POSITIVE_INFINITY)) {
      throw new CrossoverError(
        `${name} at ${bytes} bytes: spread is ${spread}, must be finite and 0 or more`,
      );
    }
    before = bytes;
  }
}
