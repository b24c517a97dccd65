/**
 * @file Measurements as curves: one group for each operation, world size and what else tells measurements apart, with a curve for each algorithm.
 */
import { median } from '../../measure/statistics.ts';
import type { Mode, Quantization } from '../../operations.ts';
import type { MeasuredPoint } from '../../plan/plan.ts';
import { CHECKED_OPERATIONS, type CheckedOperation } from '../engines/types.ts';
import type { Measurement } from '../measurement.ts';

/** What the curves of a group have in common. */
export interface GroupKey {
  readonly operation: CheckedOperation;
  readonly worldSize: number;
  readonly dtype?: string | undefined;
  /** Of fused operations only: an all-reduce knows no rows. */
  readonly hidden?: number | undefined;
  readonly quantization?: Quantization | undefined;
  readonly residual?: boolean | undefined;
  readonly mode?: Mode | undefined;
}

export interface Group extends GroupKey {
  /** By algorithm; points by increasing size. */
  readonly curves: ReadonlyMap<string, readonly MeasuredPoint[]>;
}

/** Groups in the order of their first measurement; operations that no engine chooses for are left out. */
export function groupsOf(measurements: readonly Measurement[]): Group[] {
  const groups = new Map<string, { key: GroupKey; of: Measurement[] }>();
  for (const measurement of measurements) {
    const key = keyOf(measurement);
    if (key === undefined || !(measurement.bytes > 0 && measurement.us > 0)) continue;
    const name = JSON.stringify(Object.values(key));
    const group = groups.get(name) ?? { key, of: [] };
    group.of.push(measurement);
    groups.set(name, group);
  }
  return Array.from(groups.values(), ({ key, of }) => ({ ...key, curves: curvesOf(of) }));
}

function keyOf({ operation, worldSize, dtype, hidden, quantization, residual, mode }: Measurement) {
  const checked = CHECKED_OPERATIONS.find((name) => name === operation);
  if (checked === undefined) return undefined;
  const rows = checked === 'all_reduce_rms_norm' ? { hidden, quantization, residual } : {};
  // Order matters: it is the group's name.
  return {
    operation: checked,
    worldSize,
    dtype,
    hidden: undefined,
    quantization: undefined,
    residual: undefined,
    ...rows,
    mode,
  } satisfies GroupKey;
}

/** A curve for each algorithm of measurements that differ in nothing else. */
export function curvesOf(measurements: readonly Measurement[]): Map<string, MeasuredPoint[]> {
  const times = new Map<string, Map<number, Measurement[]>>();
  for (const measurement of measurements) {
    const sizes = times.get(measurement.algorithm) ?? new Map<number, Measurement[]>();
    sizes.set(measurement.bytes, [...(sizes.get(measurement.bytes) ?? []), measurement]);
    times.set(measurement.algorithm, sizes);
  }
  return new Map(
    Array.from(times, ([algorithm, sizes]) => [
      algorithm,
      Array.from(sizes, ([bytes, of]) => ({ bytes, ...typical(of) })).sort((a, b) => a.bytes - b.bytes),
    ]),
  );
}

/** The median of what was measured at one size. Engines reduce out of place, so where both were measured only that counts. */
function typical(measurements: readonly Measurement[]): { us: number; spread: number } {
  const outOfPlace = measurements.filter(({ inPlace }) => inPlace !== true);
  const counted = outOfPlace.length > 0 ? outOfPlace : measurements;
  return {
    us: median(counted.map(({ us }) => us)),
    spread: Math.max(...counted.map(({ spread }) => spread ?? 0)),
  };
}

/** `all_reduce x4 bf16`, `all_reduce_rms_norm x8 bf16 hidden 8192`. */
export function groupName(key: GroupKey): string {
  const { operation, worldSize, dtype, hidden, quantization, residual, mode } = key;
  const parts = [operation, `x${worldSize}`];
  if (dtype !== undefined) parts.push(dtype);
  if (hidden !== undefined) parts.push(`hidden ${hidden}`);
  if (quantization !== undefined && quantization !== 'none') parts.push(quantization);
  if (residual !== undefined) parts.push(residual ? 'with residual' : 'without residual');
  if (mode !== undefined) parts.push(mode);
  return parts.join(' ');
}
