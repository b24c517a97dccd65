/**
 * @file The numbers behind a section's charts as a table: a row a size and algorithm, columns a set.
 */
import { formatSize } from '../../units.ts';
import { bandwidthOf, type Difference, type Section, type Verdict } from './model.ts';

export interface Cell {
  readonly text: string;
  /** What the row is sorted by, and what goes into the CSV. Empty: nothing is known. */
  readonly value: number | string;
  readonly mark?: Verdict | undefined;
}

export interface Column {
  readonly head: string;
  readonly number: boolean;
}

export interface TableModel {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

const EMPTY: Cell = { text: '', value: '' };

/** `sets` are their names, the first the one that others are compared with. */
export function tableOf(section: Section, sets: readonly string[]): TableModel {
  const present = sets.flatMap((name, set) =>
    section.series.some((one) => one.set === set) ? [{ name, set }] : [],
  );
  const several = sets.length > 1;
  const suffix = (name: string): string => (several ? `, ${name}` : '');
  const bus = section.busFactor !== undefined && section.busFactor > 0;
  const plan = section.ribbons.find(({ kind }) => kind === 'plan');
  const later = present.filter(({ set }) => set > 0 && section.differences.some((d) => d.set === set));
  const columns: Column[] = [
    { head: 'size, bytes', number: true },
    ...(section.rowBytes === undefined ? [] : [{ head: 'rows', number: true }]),
    { head: 'algorithm', number: false },
    ...later.map(({ name }) => ({ head: `${name} against ${sets[0]}, %`, number: true })),
    ...present.flatMap(({ name }) => [
      { head: `time, us${suffix(name)}`, number: true },
      { head: `spread, us${suffix(name)}`, number: true },
      { head: `behind the fastest, %${suffix(name)}`, number: true },
      ...(bus ? [{ head: `bus bandwidth, GB/s${suffix(name)}`, number: true }] : []),
    ]),
    ...(plan === undefined ? [] : [{ head: plan.name.replace(/^the /, ''), number: false }]),
  ];
  const rows = keysOf(section).map(({ bytes, algorithm }) => [
    { text: formatSize(bytes), value: bytes },
    ...(section.rowBytes === undefined ? [] : [number(bytes / section.rowBytes, 4)]),
    { text: algorithm, value: algorithm },
    ...later.map(({ set }) =>
      differenceCell(
        section.differences.find((d) => d.set === set && d.algorithm === algorithm && d.bytes === bytes),
      ),
    ),
    ...present.flatMap(({ set }) => pointCells(section, set, algorithm, bytes, bus)),
    ...(plan === undefined
      ? []
      : [
          plan.ranges.some((r) => r.algorithm === algorithm && r.from <= bytes && (r.to ?? Infinity) > bytes)
            ? { text: 'chosen', value: 'chosen' }
            : EMPTY,
        ]),
  ]);
  return { columns, rows };
}

/** By size, then in the order of the curves. */
function keysOf({ series }: Section): { bytes: number; algorithm: string }[] {
  const keys = new Map<string, { bytes: number; algorithm: string }>();
  for (const { algorithm, points } of series) {
    for (const { bytes } of points) keys.set(`${bytes} ${algorithm}`, { bytes, algorithm });
  }
  return [...keys.values()].sort((a, b) => a.bytes - b.bytes);
}

function pointCells(section: Section, set: number, algorithm: string, bytes: number, bus: boolean): Cell[] {
  const own = section.series.filter((one) => one.set === set);
  const at = (points: (typeof own)[number]['points']) => points.find((point) => point.bytes === bytes);
  const point = at(own.find((one) => one.algorithm === algorithm)?.points ?? []);
  if (point === undefined) return bus ? [EMPTY, EMPTY, EMPTY, EMPTY] : [EMPTY, EMPTY, EMPTY];
  const alike = own.filter(({ lossy }) => !lossy);
  const best = Math.min(...(alike.length > 0 ? alike : own).flatMap(({ points }) => at(points)?.us ?? []));
  return [
    number(point.us, 4),
    point.spread === undefined ? EMPTY : number(point.spread, 3),
    { text: ((point.us / best - 1) * 100).toFixed(1), value: rounded((point.us / best - 1) * 100, 4) },
    ...(bus ? [number(bandwidthOf(section, bytes, point.us) ?? 0, 4)] : []),
  ];
}

/** Marked only where it exceeds both spreads. */
function differenceCell(difference: Difference | undefined): Cell {
  if (difference === undefined) return EMPTY;
  const { percent, verdict } = difference;
  return {
    text: `${percent > 0 ? '+' : ''}${percent.toFixed(1)}`,
    value: rounded(percent, 5),
    mark: verdict,
  };
}

function number(value: number, digits: number): Cell {
  const short = rounded(value, digits);
  return { text: String(short), value: short };
}

function rounded(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}
