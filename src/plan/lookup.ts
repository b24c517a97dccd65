/**
 * @file Which range of a plan holds for a size: resolved once a key, then a binary search a size.
 *
 * A key that was not measured is served by the nearest one that was, and says so (`approximate`): the nearest hidden size on a
 * log scale, then the other mode, and for buffers outside the symmetric heap those inside. Operation, dtype, world size and quantization are
 * never crossed: another one of those may not even have the same algorithms.
 */
import type { Mode } from '../operations.ts';
import { keyName, type PlanKey } from './key.ts';
import type { Plan, PlanEntry, PlanRange } from './plan.ts';

/** The ranges for one key. Holds nothing that needs closing. */
export class CompiledEntry {
  /** The key that was asked for. */
  readonly key: PlanKey;
  /** The entry that answers; its key differs from `key` when `approximate`. */
  readonly entry: PlanEntry;
  readonly approximate: boolean;
  /** Why the answer is approximate, in words; empty when it is not. */
  readonly notes: readonly string[];
  readonly #ranges: readonly PlanRange[];
  /** `from` of each range, apart, so that a search touches one small block of memory. */
  readonly #starts: Float64Array;

  /** `entry` is valid: its ranges tile all sizes from 0. */
  constructor(key: PlanKey, entry: PlanEntry, notes: readonly string[] = []) {
    this.key = key;
    this.entry = entry;
    this.approximate = notes.length > 0;
    this.notes = notes;
    this.#ranges = entry.ranges;
    this.#starts = Float64Array.from(entry.ranges, (range) => range.from);
  }

  /** The range that holds a size in bytes, 0 or more. Allocates nothing. */
  find(bytes: number): PlanRange {
    return this.#ranges[lastAtMost(this.#starts, bytes)]!;
  }

  /** Whether a size in bytes lies within the sweep; outside, the choice is extrapolated. */
  covers(bytes: number): boolean {
    const { from, to } = this.entry.measured;
    return bytes >= from && bytes <= to;
  }
}

/** Index of the last start that is not above a size, 0 or more. Starts increase from 0. */
export function lastAtMost(starts: Float64Array, bytes: number): number {
  // Invariant: starts[low] <= bytes < starts[high]; the first is 0 and behind the last there is no end.
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= bytes) low = middle;
    else high = middle;
  }
  return low;
}

const UNREGISTERED =
  'buffers outside the symmetric heap were not measured; this is the plan for those inside';

/** The entries of one plan by key. Made by `compilePlan`. */
export class PlanIndex {
  readonly plan: Plan;
  readonly #exact = new Map<string, CompiledEntry>();
  /** Entries by all of the key but hidden size and mode. */
  readonly #families = new Map<string, PlanEntry[]>();

  constructor(plan: Plan) {
    this.plan = plan;
    for (const entry of plan.entries) {
      this.#exact.set(keyName(entry.key), new CompiledEntry(entry.key, entry));
      const family = familyName(entry.key);
      const members = this.#families.get(family);
      if (members === undefined) this.#families.set(family, [entry]);
      else members.push(entry);
    }
  }

  /** The entry for a key, or the nearest that may stand in for it, or undefined. Slow next to `find`: call it once a key. */
  entry(key: PlanKey): CompiledEntry | undefined {
    return this.#exact.get(keyName(key)) ?? this.#nearest(key) ?? this.#registered(key);
  }

  #registered(key: PlanKey): CompiledEntry | undefined {
    const inside = key.registered ? undefined : this.entry({ ...key, registered: true });
    return inside && new CompiledEntry(key, inside.entry, [...inside.notes, UNREGISTERED]);
  }

  #nearest(key: PlanKey): CompiledEntry | undefined {
    const family = this.#families.get(familyName(key)) ?? [];
    const sameMode = family.filter((entry) => entry.key.mode === key.mode);
    const best = nearestHidden(sameMode.length > 0 ? sameMode : family, key.hidden);
    if (best === undefined) return undefined;
    const notes: string[] = [];
    if (best.key.hidden !== key.hidden) {
      notes.push(`hidden ${key.hidden} was not measured; this is the plan for hidden ${best.key.hidden}`);
    }
    if (best.key.mode !== key.mode) notes.push(missingMode(key.mode, best.key.mode));
    return new CompiledEntry(key, best, notes);
  }
}

/** Makes a plan fast to look up. The plan is valid, as `parsePlan` and `loadPlan` return it. */
export function compilePlan(plan: Plan): PlanIndex {
  return new PlanIndex(plan);
}

function familyName(key: PlanKey): string {
  // With or without rows is part of the name: an entry without a hidden size says nothing about rows.
  return keyName({ ...key, mode: 'eager', hidden: key.hidden === undefined ? undefined : 1 });
}

/** The entry whose hidden size has the smallest ratio to the one asked for; the smaller of two at the same ratio. */
function nearestHidden(entries: readonly PlanEntry[], hidden: number | undefined): PlanEntry | undefined {
  let best: PlanEntry | undefined;
  let bestRatio = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const ratio = hiddenRatio(entry.key.hidden, hidden);
    const smaller = ratio === bestRatio && (entry.key.hidden ?? 0) < (best?.key.hidden ?? 0);
    if (best === undefined || ratio < bestRatio || smaller) {
      best = entry;
      bestRatio = ratio;
    }
  }
  return best;
}

function hiddenRatio(a: number | undefined, b: number | undefined): number {
  if (a === undefined || b === undefined) return 1;
  return a > b ? a / b : b / a;
}

function missingMode(asked: Mode, used: Mode): string {
  return `${asked} was not measured; this is the plan for ${used}`;
}
