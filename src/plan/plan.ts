/**
 * @file What a plan is: for each key, half-open byte ranges that say which algorithm to use, and the measurements they came from.
 *
 * Ranges, not thresholds: the best choice is not monotonic in size (one algorithm may win small and large messages and lose
 * the middle). A plan is valid on the machine whose fingerprint it carries, for the kernels whose hash it carries.
 *
 * All times are microseconds (`us`), all sizes are bytes of the message as the key's operation counts them.
 */
import type { PlanKey } from './key.ts';

/** Version of the file's layout, not of the package. Files of any other version are refused. */
export const PLAN_SCHEMA = 1;

/** An algorithm and what it is tuned by (blocks, threads, chunk bytes; the algorithm names them). */
export interface Choice {
  readonly algorithm: string;
  readonly tunables: Readonly<Record<string, number>>;
}

/** One size of one candidate's curve. */
export interface MeasuredPoint {
  /** Message size, bytes, 1 or more. */
  readonly bytes: number;
  /** Time of one operation, us. */
  readonly us: number;
  /** By how many us repetitions differ from `us`, 0 or more: two times within the sum of their spreads are not told apart. */
  readonly spread: number;
}

/** A choice that was measured, and its curve by increasing size. Sizes at which it was not available are left out. */
export interface Candidate extends Choice {
  /** Of a lossy algorithm: mean of |result - exact| over mean of |exact|. Absent for all others. */
  readonly relativeError?: number | undefined;
  readonly points: readonly MeasuredPoint[];
}

/** Sizes from `from` up to but not including `to`, and the choice for them. */
export interface PlanRange extends Choice {
  /** First size, bytes. */
  readonly from: number;
  /** First size that is no longer part of the range, bytes; null for the last range, which has no end. */
  readonly to: number | null;
  /** The size that `us` and `spread` are of, bytes: one in the middle of what was measured in this range. */
  readonly at: number;
  /** Time at `at`, us. */
  readonly us: number;
  /** Spread of the time at `at`, us. */
  readonly spread: number;
}

/** Everything that is known about one key. */
export interface PlanEntry {
  readonly key: PlanKey;
  /** Smallest and largest size of the sweep, bytes, both inclusive. Choices outside are extrapolated. */
  readonly measured: { readonly from: number; readonly to: number };
  /** Tiles all sizes from 0: ordered, no gap, no overlap, the last without end. */
  readonly ranges: readonly PlanRange[];
  /** The curves the ranges were made of, for `explain`. Empty in a plan that was not measured here. */
  readonly candidates: readonly Candidate[];
}

/** The machine and the kernels that were measured. */
export interface Fingerprint {
  readonly engine: 'cpu' | 'cuda';
  readonly host: HostFingerprint;
  /** Device, driver and library versions, as the engine describes them. */
  readonly device: Readonly<Record<string, string>>;
  /** Hash of the kernels: other kernels have other times. */
  readonly kernels: string;
}

export interface HostFingerprint {
  /** Operating system, as `process.platform` names it. */
  readonly platform: string;
  /** Instruction set, as `process.arch` names it. */
  readonly arch: string;
  /** Model of the CPU. */
  readonly cpu: string;
  /** CPU cores that a process may use. */
  readonly cores: number;
  /** Version of Node.js, as `process.version` names it. Only its major version matters. */
  readonly node?: string | undefined;
}

/** How good a plan is at sizes that its sweep did not measure. 0.05 means 5 percent slower than the best candidate. */
export interface RegretReport {
  readonly mean: number;
  readonly worst: number;
  /** How many sizes were held out and measured. */
  readonly count: number;
  readonly worstAt: RegretPlace;
}

/** Where the worst regret was. */
export interface RegretPlace {
  /** Name of the key, as `keyName` gives it. */
  readonly key: string;
  readonly bytes: number;
  /** What the plan chose, and what was fastest. */
  readonly chosen: string;
  readonly best: string;
}

export interface Plan {
  readonly schema: typeof PLAN_SCHEMA;
  /** Version of crossover that made it. */
  readonly crossover: string;
  /** When it was made: ISO 8601, UTC. */
  readonly createdAt: string;
  /** The command that made it. */
  readonly command: string;
  /** Whether only algorithms that give every rank the same bits were candidates. */
  readonly deterministic: boolean;
  readonly fingerprint: Fingerprint;
  readonly entries: readonly PlanEntry[];
  readonly regret?: RegretReport | undefined;
}

/** One name for a choice, the same for equal choices: `two_shot_pull blocks=24 threads=512`. */
export function choiceName(choice: Choice): string {
  const tunables = Object.entries(choice.tunables).sort(([a], [b]) => (a < b ? -1 : 1));
  return [choice.algorithm, ...tunables.map(([name, value]) => `${name}=${value}`)].join(' ');
}
