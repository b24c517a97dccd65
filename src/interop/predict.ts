/**
 * @file Decode steps of a model by measurements of any source: how long a step takes when all its all-reduces are done by one algorithm, for each that was measured.
 * A step reads its weights once and waits for its all-reduces; what gathers the candidates of sampling is left out.
 */
import { CrossoverError } from '../errors.ts';
import { interpolate } from '../plan/curve.ts';
import { type Served, stepsOf, stepTime } from '../workload/expect.ts';
import { type Sites, sumOver } from '../workload/predict.ts';
import { type Group, groupName, groupsOf } from './check/curves.ts';
import type { Measurement } from './measurement.ts';

export interface SetExpectation extends Served {
  readonly measurements: readonly Measurement[];
  /** The algorithm that others are compared with; the fastest at each batch when undefined. */
  readonly against: string | undefined;
  /** Time of a step with it, as measured, us. */
  readonly stepUs: number | undefined;
}

/** One algorithm at one batch. */
export interface ExpectedOf {
  readonly batch: number;
  readonly algorithm: string;
  /** All all-reduces of a step, us. */
  readonly collectivesUs: number;
  /** Absent where what it would be compared with was not measured. */
  readonly stepUs?: number | undefined;
  /** Of throughput: -0.03 is 3 percent less. */
  readonly change?: number | undefined;
}

/** Algorithms that were measured in one way. */
export interface ExpectedGroup {
  /** `all_reduce_rms_norm x8 bf16 hidden 8192 with residual replay` */
  readonly name: string;
  readonly operation: Group['operation'];
  readonly rows: readonly ExpectedOf[];
  /** Batches whose messages are outside of what was measured. */
  readonly missing: readonly number[];
}

/**
 * Groups in the order of the measurements; rows by batch.
 * @throws CrossoverError when nothing fits the model, or `against` is none of what does
 */
export function expectByMeasurements(expectation: SetExpectation): ExpectedGroup[] {
  const { measurements, config, worldSize, against } = expectation;
  // What is rounded on the way is no like for like.
  const all = groupsOf(measurements.filter(({ lossy }) => lossy !== true));
  const fitting = familiesOf(all.filter((group) => fits(group, config.hidden, worldSize)));
  const steps = stepsOf(expectation).map(({ batch, wanted }) => ({ batch, wanted: allReducesOf(wanted) }));
  const expected = fitting
    .map(({ name, groups }) => ({
      name,
      operation: groups[0]!.operation,
      rows: steps.flatMap(({ batch, wanted }) => rowsOf(expectation, groups, batch, wanted)),
    }))
    .filter(({ rows }) => rows.length > 0)
    .map((group) => ({ ...group, missing: missingIn(group.rows, expectation.batches) }));
  if (expected.length === 0) throw nothingFits(expectation, all);
  const names = new Set(expected.flatMap(({ rows }) => rows.map(({ algorithm }) => algorithm)));
  if (against !== undefined && !names.has(against))
    throw new CrossoverError(
      `against is "${against}", which was not measured at these batches; use one of ${[...names].join(', ')}`,
    );
  return expected;
}

/** Measurements that do not say their type or hidden size are taken for the model's. */
function fits({ operation, worldSize, dtype = 'bf16', hidden }: Group, modelHidden: number, ranks: number) {
  return (
    worldSize === ranks &&
    dtype === 'bf16' &&
    (operation === 'all_reduce' || hidden === undefined || hidden === modelHidden)
  );
}

/** A model's fused operations have outputs of several kinds: groups that differ by nothing else belong together. */
function familiesOf(groups: readonly Group[]): { name: string; groups: Group[] }[] {
  const families = new Map<string, Group[]>();
  for (const group of groups) {
    const name = groupName({ ...group, quantization: undefined });
    families.set(name, [...(families.get(name) ?? []), group]);
  }
  return Array.from(families, ([name, of]) => ({ name, groups: of }));
}

function allReducesOf(wanted: readonly Sites[]): Sites[] {
  return wanted.filter(({ operation }) => operation !== 'all_gather');
}

function rowsOf(
  expectation: SetExpectation,
  groups: readonly Group[],
  batch: number,
  wanted: readonly Sites[],
): ExpectedOf[] {
  const algorithms = [...new Set(groups.flatMap(({ curves }) => [...curves.keys()]))];
  const timed = algorithms.flatMap((algorithm) => {
    const collectivesUs = sumOver(wanted, (one) => usOf(groups, algorithm, one));
    return collectivesUs === undefined ? [] : [{ batch, algorithm, collectivesUs }];
  });
  if (timed.length === 0) return [];
  const { against } = expectation;
  const reference =
    against === undefined
      ? Math.min(...timed.map(({ collectivesUs }) => collectivesUs))
      : timed.find(({ algorithm }) => algorithm === against)?.collectivesUs;
  if (reference === undefined) return timed;
  const step = stepTime(expectation, expectation.stepUs, batch, reference);
  return timed.map((row) => {
    const stepUs = step + row.collectivesUs - reference;
    return { ...row, stepUs, change: step / stepUs - 1 };
  });
}

function missingIn(rows: readonly ExpectedOf[], batches: readonly number[]): number[] {
  return batches.filter((batch) => rows.every((row) => row.batch !== batch));
}

/** An all-reduce alone is the same whatever is written behind it. */
function usOf(
  groups: readonly Group[],
  algorithm: string,
  { bytes, quantization }: Sites,
): number | undefined {
  for (const { operation, quantization: own = 'none', curves } of groups) {
    if (operation !== 'all_reduce' && own !== quantization) continue;
    const found = interpolate(curves.get(algorithm) ?? [], bytes);
    if (found) return found.us;
  }
  return undefined;
}

function nothingFits(
  { config, worldSize, batches }: SetExpectation,
  groups: readonly Group[],
): CrossoverError {
  const sizes = batches.map((batch) => batch * config.hidden * 2);
  const there = groups.length === 0 ? 'neither operation' : groups.map(groupName).join('; ');
  return new CrossoverError(
    `nothing measured fits ${config.name}: it needs all_reduce or all_reduce_rms_norm of bf16 on ${worldSize} ranks, hidden ${config.hidden}, from ${Math.min(...sizes)} to ${Math.max(...sizes)} bytes; there is ${there}`,
  );
}
