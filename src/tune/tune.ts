/**
 * @file The tuner: sweeps -> crossovers -> plan entries -> regret. Runs on all ranks alike.
 *
 * Its rules: verify before timing; candidates are a function of what all ranks know; decisions are made from gathered numbers, so ranks
 * cannot disagree; where two curves cross between two sizes, measure in between; judge the plan at sizes it has not seen.
 */
import { type Request, refusal, type Tunables } from '../collective/algorithm.ts';
import { algorithmsOf } from '../collective/catalog.ts';
import type { Communicator } from '../collective/communicator.ts';
import type { Choice } from '../collective/dispatch.ts';
import { measure, type Timing } from '../measure/measure.ts';
import { seeded } from '../measure/random.ts';
import { sizeFor, Workload } from '../measure/workload.ts';
import { findCrossovers } from '../plan/crossovers.ts';
import { makePlanEntry } from '../plan/entry.ts';
import { keyName, type PlanKey } from '../plan/key.ts';
import { CompiledEntry } from '../plan/lookup.ts';
import { type Candidate, choiceName, type MeasuredPoint, type PlanEntry } from '../plan/plan.ts';
import type { HeldOut } from '../plan/regret.ts';
import { formatBytes, formatMicroseconds } from '../units.ts';
import { keysOf, sizesOf, type TuneRequest } from './request.ts';

export interface TuneResult {
  readonly entries: PlanEntry[];
  readonly heldOut: HeldOut[];
}

/** Half-width of a median's confidence interval that is precise enough, relative. */
const PRECISION = 0.01;
/** Rounds of measuring between two sizes whose winners differ: each halves the gap on a log scale. */
const REFINEMENTS = 2;
/** Neighbouring sizes closer than this ratio are not refined further. */
const FINE = 1.3;
/** Sizes a key at which regret is measured. */
const HELD_OUT = 4;

/** Reports what is being measured: share done (0 to 1) and a line of words. */
export type Report = (done: number, line: string) => void;

/** Collective. Returns the same on all ranks. */
export function tune(comm: Communicator, request: TuneRequest, report: Report): TuneResult {
  const keys = keysOf(request, comm.worldSize);
  const budget = new Budget(
    request.seconds,
    keys.reduce((sum, key) => sum + sizesOf(request, key).length + REFINEMENTS + HELD_OUT, 0),
  );
  const random = seeded(request.seed);
  const entries: PlanEntry[] = [];
  const heldOut: HeldOut[] = [];
  for (const key of keys) {
    const sweep = new Sweep(comm, key, request.deterministic, budget, report);
    const sizes = sizesOf(request, key);
    for (const bytes of sizes) sweep.measure(bytes);
    for (let k = 0; k < REFINEMENTS && !budget.over(comm); k++) sweep.refine();
    const entry = makePlanEntry(key, sweep.candidates());
    entries.push(entry);
    for (const [i, bytes] of heldOutSizes(key, sizes, random).entries()) {
      // One at least: a plan that nobody judged says nothing about itself.
      if (i === 0 || !budget.over(comm)) heldOut.push(measureRegret(sweep, entry, bytes));
    }
  }
  return { entries, heldOut };
}

/** Sizes between the sweep's smallest and largest, log-uniform, none of which was measured. */
function heldOutSizes(key: PlanKey, sizes: readonly number[], random: () => number): number[] {
  const from = Math.log(sizes[0]!);
  const to = Math.log(sizes.at(-1)!);
  const picked = new Set<number>();
  for (let k = 0; k < 8 * HELD_OUT && picked.size < HELD_OUT; k++) {
    const bytes = sizeFor(key, Math.exp(from + (to - from) * random()));
    if (!sizes.includes(bytes)) picked.add(bytes);
  }
  return [...picked];
}

function measureRegret(sweep: Sweep, entry: PlanEntry, bytes: number): HeldOut {
  const chosen = new CompiledEntry(entry.key, entry).find(bytes);
  const timings = sweep.time(bytes, chosen);
  const times = Object.fromEntries(timings.map((t) => [nameOf(t.choice), t.us.median]));
  return { key: entry.key, bytes, chosen: choiceName(chosen), times };
}

function nameOf(choice: Choice): string {
  return choiceName({ algorithm: choice.algorithm.name, tunables: choice.tunables });
}

/** Shares what is left of the time among the measurements that are left. All ranks go by the same clock, rank 0's. */
class Budget {
  readonly #end: number;
  #left: number;
  readonly #total: number;

  constructor(seconds: number, measurements: number) {
    this.#end = performance.now() + seconds * 1000;
    this.#left = measurements;
    this.#total = measurements;
  }

  /** Seconds for the next measurement. */
  take(comm: Communicator): number {
    const share = Math.max(0, this.#end - performance.now()) / 1000 / Math.max(1, this.#left);
    this.#left--;
    return comm.group.broadcast(share);
  }

  /** Whether the time is up: the sweep still gets its fewest rounds, finer work is left out. */
  over(comm: Communicator): boolean {
    return comm.group.broadcast(performance.now() > this.#end);
  }

  get done(): number {
    return Math.min(1, 1 - this.#left / this.#total);
  }
}

/** The measured curves of one key. */
class Sweep {
  readonly #comm: Communicator;
  readonly #key: PlanKey;
  readonly #deterministic: boolean;
  readonly #budget: Budget;
  readonly #report: Report;
  readonly #curves = new Map<string, { algorithm: string; tunables: Tunables; points: MeasuredPoint[] }>();

  constructor(comm: Communicator, key: PlanKey, deterministic: boolean, budget: Budget, report: Report) {
    this.#comm = comm;
    this.#key = key;
    this.#deterministic = deterministic;
    this.#budget = budget;
    this.#report = report;
  }

  /** Adds a size to all curves. */
  measure(bytes: number): void {
    for (const { choice, us } of this.time(bytes)) {
      const name = nameOf(choice);
      const curve = this.#curves.get(name) ?? {
        algorithm: choice.algorithm.name,
        tunables: choice.tunables,
        points: [],
      };
      curve.points.push({ bytes, us: us.median, spread: us.spread });
      curve.points.sort((a, b) => a.bytes - b.bytes);
      this.#curves.set(name, curve);
    }
  }

  /** Measures between neighbouring sizes whose winners differ. */
  refine(): void {
    const sizes = [...new Set([...this.#curves.values()].flatMap((c) => c.points.map((p) => p.bytes)))].sort(
      (a, b) => a - b,
    );
    const between: number[] = [];
    for (const { to } of findCrossovers(this.candidates())) {
      const above = sizes.findIndex((bytes) => to !== null && bytes >= to);
      if (above < 1) continue;
      const [a, b] = [sizes[above - 1]!, sizes[above]!];
      const middle = sizeFor(this.#key, Math.sqrt(a * b));
      if (b / a > FINE && middle > a && middle < b) between.push(middle);
    }
    for (const bytes of between) this.measure(bytes);
  }

  candidates(): Candidate[] {
    return [...this.#curves.values()];
  }

  /** Times everything that can serve a size, and `also` where it is not among the usual tunables. */
  time(bytes: number, also?: { algorithm: string; tunables: Tunables }): Timing[] {
    const workload = new Workload(this.#comm, this.#key, bytes);
    try {
      const contenders = this.#contenders(workload.request);
      if (also && !contenders.some((c) => nameOf(c) === choiceName(also))) {
        contenders.push(this.#comm.choose(workload.request, also.algorithm, also.tunables));
      }
      const seconds = this.#budget.take(this.#comm);
      this.#report(this.#budget.done, `${keyName(this.#key)} ${formatBytes(bytes)}`);
      const timings = measure(this.#comm, workload, contenders, {
        mode: this.#key.mode,
        seconds,
        precision: PRECISION,
      });
      const best = timings.reduce((a, b) => (b.us.median < a.us.median ? b : a));
      const words = `${best.choice.algorithm.name} ${formatMicroseconds(best.us.median)}`;
      this.#report(this.#budget.done, `${keyName(this.#key)} ${formatBytes(bytes)}: ${words}`);
      return timings;
    } finally {
      workload.free();
    }
  }

  #contenders(request: Request): Choice[] {
    return algorithmsOf(request.operation)
      .filter((algorithm) => refusal(algorithm, request, this.#comm.engine) === undefined)
      .filter((algorithm) => !this.#deterministic || algorithm.bits === 'rank-order')
      .flatMap((algorithm) => algorithm.tunables(request).map((tunables) => ({ algorithm, tunables })));
  }
}
