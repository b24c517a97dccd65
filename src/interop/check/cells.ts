/**
 * @file The measured range of sizes, cut where anything changes: what the engine picks, with any settings, which curve is fastest, and where one
 * leads another by the tolerance. Within a cell all of these are the same, and every curve is a straight line on log-log axes.
 */
import { interpolate } from '../../plan/curve.ts';
import type { MeasuredPoint } from '../../plan/plan.ts';
import { dispatcher, type EngineConfig, edgesOf, type Pick } from '../engines/dispatch.ts';
import type { Settings } from '../engines/types.ts';
import type { Group } from './curves.ts';

/** Messages of models are multiples of this many bytes, and backends refuse others. */
const ALIGNMENT = 16;

/** A choice, and the curve that says how long it takes. */
export interface Timed {
  readonly backend: string;
  readonly label: string;
  readonly algorithm: string;
  /** Whether the curve is of something close to it. */
  readonly standIn: boolean;
}

/** A choice with the settings that lead to it. */
export interface Selectable extends Timed {
  readonly settings: Settings;
}

/** Sizes `from` to `last`, both included, in bytes. */
export interface Cell {
  readonly from: number;
  readonly last: number;
  readonly pick: Pick;
  /** What was measured of the pick; absent where nothing was. */
  readonly taken?: Timed | undefined;
  /** The fastest that some settings lead to; `taken` where nothing is faster. */
  readonly best?: Selectable | undefined;
  /** The fastest of all curves. */
  readonly fastest?: string | undefined;
  /** Choices of each of the alternatives, where measured; as `Problem.alternatives` has them. */
  readonly alternatives: readonly (Timed | undefined)[];
}

/** One group of curves and the engine that is checked against it. */
export interface Problem {
  readonly group: Group;
  readonly config: EngineConfig;
  /** Settings that could be chosen instead, with all backends that they promise. */
  readonly alternatives: readonly Settings[];
  /** Share by which a choice has to be faster to count. */
  readonly tolerance: number;
}

/** Cells of the whole measured range, in order, without gaps; none where there is no curve. */
export function cellsOf(problem: Problem): Cell[] {
  const { group, config, alternatives, tolerance } = problem;
  const sizes = [...group.curves.values()].flatMap((points) => points.map(({ bytes }) => bytes));
  if (sizes.length === 0) return [];
  const first = Math.min(...sizes);
  const final = Math.max(...sizes);
  const { backends: _promised, ...open } = config;
  const configs = alternatives.map((settings) => ({ ...open, settings }));
  const cuts = [
    ...sizes,
    ...[config, ...configs].flatMap((each) => edgesOf(each, group.operation)),
    ...crossings(group, tolerance),
  ];
  const starts = [...new Set(cuts)].filter((at) => at >= first && at <= final).sort((a, b) => a - b);
  const dispatch = dispatcher(config, group.operation);
  const others = configs.map((each) => dispatcher(each, group.operation));

  const cells: Cell[] = [];
  for (const [i, from] of starts.entries()) {
    const last = i === starts.length - 1 ? final : starts[i + 1]! - 1;
    cells.push(cellAt(group, from, last, dispatch, others, alternatives));
  }
  return cells;
}

/** A size about the middle on a log scale that models could have; of a cell that has none, the next. */
export function aligned(from: number, last: number): number {
  const middle = Math.round(Math.sqrt(from * last) / ALIGNMENT) * ALIGNMENT;
  const candidates = [middle, middle - ALIGNMENT, middle + ALIGNMENT];
  const inside = candidates.find((at) => at > 0 && at >= from && at <= last);
  return inside ?? Math.ceil(from / ALIGNMENT) * ALIGNMENT;
}

function cellAt(
  group: Group,
  from: number,
  last: number,
  dispatch: (bytes: number) => Pick,
  others: readonly ((bytes: number) => Pick)[],
  alternatives: readonly Settings[],
): Cell {
  const at = aligned(from, last);
  const middle = Math.sqrt(from * last);
  const pick = dispatch(at);
  // A curve that ends within a cell says nothing of the rest of it.
  const known = (name: string): boolean => spans(group.curves.get(name) ?? [], from, last);
  const taken = measured(pick, known);
  const timed = others.map((other) => measured(other(at), known));
  const us = (algorithm: string): number => timeOf(group, algorithm, middle)!;
  let best: Selectable | undefined;
  for (const [i, option] of timed.entries()) {
    if (option !== undefined && (best === undefined || us(option.algorithm) < us(best.algorithm))) {
      best = { ...option, settings: alternatives[i]! };
    }
  }
  const spanning = [...group.curves.keys()].filter(known);
  const fastest = spanning.reduce<string | undefined>(
    (winner, name) => (winner === undefined || us(name) < us(winner) ? name : winner),
    undefined,
  );
  return { from, last, pick, taken, best, fastest, alternatives: timed };
}

/** Whether a curve covers all of a cell. */
function spans(points: readonly MeasuredPoint[], from: number, last: number): boolean {
  const [first, final] = [points[0], points.at(-1)];
  return first !== undefined && final !== undefined && first.bytes <= from && last <= final.bytes;
}

/** What was measured of a pick: itself, or else what is close to it. */
function measured(
  { backend, label, algorithms, standIns = [] }: Pick,
  known: (name: string) => boolean,
): Timed | undefined {
  const exact = algorithms.find(known);
  const algorithm = exact ?? standIns.find(known);
  return algorithm === undefined ? undefined : { backend, label, algorithm, standIn: exact === undefined };
}

/** us of an algorithm at a size; undefined outside of what was measured. */
export function timeOf(group: Group, algorithm: string, bytes: number): number | undefined {
  return interpolate(group.curves.get(algorithm) ?? [], bytes)?.us;
}

/** First sizes at which one curve passes another, or passes it by the tolerance. */
function crossings({ curves }: Group, tolerance: number): number[] {
  const all = [...curves.values()];
  return all.flatMap((one) =>
    all.flatMap((other) => (one === other ? [] : passes(one, other, [0, Math.log1p(tolerance)]))),
  );
}

function passes(
  one: readonly MeasuredPoint[],
  other: readonly MeasuredPoint[],
  leads: readonly number[],
): number[] {
  const sizes = [...new Set([...one, ...other].map(({ bytes }) => bytes))].sort((a, b) => a - b);
  const found: number[] = [];
  for (const [i, right] of sizes.entries()) {
    const left = sizes[i - 1];
    if (left === undefined) continue;
    const [a, b] = [difference(one, other, left), difference(one, other, right)];
    if (a === undefined || b === undefined) continue;
    for (const lead of leads) {
      if (a - lead === 0 || (a - lead) * (b - lead) >= 0) continue;
      const part = (lead - a) / (b - a);
      found.push(Math.ceil(left * (right / left) ** part));
    }
  }
  return found;
}

/** By how much the logarithm of one time is more than that of the other; undefined where one was not measured. */
function difference(
  one: readonly MeasuredPoint[],
  other: readonly MeasuredPoint[],
  bytes: number,
): number | undefined {
  const [a, b] = [interpolate(one, bytes), interpolate(other, bytes)];
  return a && b && Math.log(a.us / b.us);
}
