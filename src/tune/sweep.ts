/**
 * @file The measured curves of one key, and the time they may take.
 */
import type { Choice, Request, Tunables } from '../collective/algorithm.ts';
import type { Communicator } from '../collective/communicator.ts';
import { usableAlgorithms } from '../collective/usable.ts';
import { CrossoverError } from '../errors.ts';
import { accuracy } from '../measure/accuracy.ts';
import { measure, type Timing } from '../measure/measure.ts';
import { sizeFor, Workload } from '../measure/workload.ts';
import { findCrossovers } from '../plan/crossovers.ts';
import { keyName, type PlanKey } from '../plan/key.ts';
import { type Candidate, choiceName, type MeasuredPoint } from '../plan/plan.ts';
import { formatBytes, formatMicroseconds } from '../units.ts';
import type { TuneRequest } from './request.ts';

/** Half-width of a median's confidence interval that is precise enough, relative. */
const PRECISION = 0.01;
/** Neighbouring sizes closer than this ratio are not refined further. */
const FINE = 1.3;

/** Reports what is being measured: share done (0 to 1) and a line of words. */
export type Report = (done: number, line: string) => void;

export function nameOf(choice: Choice): string {
  return choiceName({ algorithm: choice.algorithm.name, tunables: choice.tunables });
}

/** Long messages take long, and need as many rounds as short ones: this many times the share of a short one. */
export function weightOf(bytes: number): number {
  return bytes >= 1 << 20 ? 4 : 1;
}

/** Shares what is left of the time among the measurements that are left. All ranks go by the same clock, rank 0's. */
export class Budget {
  readonly #end: number;
  #left: number;
  readonly #total: number;

  /** `measurements` is the sum of their weights, or a guess. */
  constructor(seconds: number, measurements: number) {
    this.#end = performance.now() + seconds * 1000;
    this.#left = measurements;
    this.#total = measurements;
  }

  /** Seconds for the next measurement, of a message of so many bytes. */
  take(comm: Communicator, bytes: number): number {
    const weight = weightOf(bytes);
    const share =
      (Math.max(0, this.#end - performance.now()) / 1000) * Math.min(1, weight / Math.max(1, this.#left));
    this.#left -= weight;
    return comm.group.broadcast(share);
  }

  /** Whether the time is up: the sweep still gets its fewest rounds, finer work is left out. */
  over(comm: Communicator): boolean {
    return comm.group.broadcast(performance.now() > this.#end);
  }

  get done(): number {
    return Math.max(0, Math.min(1, 1 - this.#left / this.#total));
  }
}

/** The measured curves of one key. */
export class Sweep {
  readonly #comm: Communicator;
  readonly #key: PlanKey;
  readonly #deterministic: boolean;
  readonly #allowLossy: boolean;
  readonly #budget: Budget;
  readonly #report: Report;
  readonly #curves = new Map<string, Candidate & { points: MeasuredPoint[] }>();

  constructor(
    comm: Communicator,
    key: PlanKey,
    { deterministic, allowLossy = false }: Pick<TuneRequest, 'deterministic' | 'allowLossy'>,
    budget: Budget,
    report: Report,
  ) {
    this.#comm = comm;
    this.#key = key;
    this.#deterministic = deterministic;
    this.#allowLossy = allowLossy;
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
        ...this.#errorOf(choice, bytes),
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
      const seconds = this.#budget.take(this.#comm, bytes);
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

  /** The error of a lossy algorithm, on random inputs: it does not depend on the size. */
  #errorOf(choice: Choice, bytes: number): { relativeError?: number } {
    if (!choice.algorithm.lossy) return {};
    const all = this.#comm.group.gather(accuracy(this.#comm, this.#key, bytes, 'sum', choice).relativeError);
    return { relativeError: Math.max(...all) };
  }

  #contenders(request: Request): Choice[] {
    const { engine } = this.#comm;
    const usable = usableAlgorithms(request, engine, this.#allowLossy);
    const kept = usable.filter(({ bits }) => !this.#deterministic || bits === 'rank-order');
    if (kept.length === 0) {
      const names = usable.map(({ name }) => name).join(', ');
      throw new CrossoverError(
        `no algorithm of ${request.operation} that can run here sums in rank order: only ${names} can; leave --deterministic out`,
      );
    }
    return kept.flatMap((algorithm) =>
      algorithm.tunables(request, engine).map((tunables) => ({ algorithm, tunables })),
    );
  }
}
