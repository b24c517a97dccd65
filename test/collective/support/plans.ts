/**
 * @file A plan made by hand: every range names another algorithm, whether it is fast or not.
 */
import type { Communicator } from '../../../dist/collective/communicator.js';
import type { Operation } from '../../../dist/operations.js';
import { makePlanEntry } from '../../../dist/plan/entry.js';
import { formatPlan, parsePlan } from '../../../dist/plan/file.js';
import type { PlanKey } from '../../../dist/plan/key.js';
import type { Fingerprint, Plan, PlanEntry, PlanRange } from '../../../dist/plan/plan.js';

type Part = readonly [from: number, algorithm: string, tunables?: Readonly<Record<string, number>>];

/** An entry of ranges that each end where the next starts. */
export function entryOf(key: PlanKey, parts: readonly Part[]): PlanEntry {
  const ranges = parts.map(([from, algorithm, tunables = {}], i): PlanRange => {
    const to = parts[i + 1]?.[0] ?? null;
    return { from, to, algorithm, tunables, at: from, us: 1, spread: 0 };
  });
  return { key, measured: { from: 1, to: 2 ** 24 }, ranges, candidates: [] };
}

export function keyOf(worldSize: number, operation: Operation, more: Partial<PlanKey> = {}): PlanKey {
  return { operation, dtype: 'bf16', worldSize, mode: 'eager', registered: true, ...more };
}

/** Two curves that cross between 1 and 4 KiB: what a tuner would make. */
export function measuredEntry(key: PlanKey): PlanEntry {
  const points = (times: readonly number[]) =>
    times.map((us, i) => ({ bytes: 256 * 4 ** i, us, spread: 0.01 }));
  return makePlanEntry(key, [
    { algorithm: 'staged', tunables: { chunk_bytes: 65536 }, points: points([1, 2, 8, 32]) },
    { algorithm: 'direct', tunables: {}, points: points([4, 5, 6, 7]) },
  ]);
}

/** As text and back, so that it is checked as one from a file is. */
export function planOf(entries: readonly PlanEntry[], fingerprint: Fingerprint): Plan {
  const plan: Plan = {
    schema: 1,
    crossover: '0.1.0',
    createdAt: '2026-01-31T12:00:00Z',
    command: 'by hand',
    deterministic: false,
    fingerprint,
    entries,
  };
  return parsePlan(formatPlan(plan), 'by hand');
}

/** Has every launch noted as `kernel` or `kernel chunkBytes`, in order, before it runs. */
export function spyOn({ engine }: Communicator): string[] {
  const seen: string[] = [];
  const enqueue = engine.enqueue.bind(engine);
  engine.enqueue = (launch) => {
    seen.push(launch.chunkBytes > 0 ? `${launch.kernel} ${launch.chunkBytes}` : launch.kernel);
    enqueue(launch);
  };
  return seen;
}
