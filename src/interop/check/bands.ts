/**
 * @file Bands of sizes: what the engine picks, where it loses, where nothing it could pick is fastest, and where its pick was not measured.
 */
import { elementBytes } from '../engines/rules.ts';
import { type Cell, timeOf } from './cells.ts';
import type { Group } from './curves.ts';

/** Sizes `from` to `last`, both included, in bytes, and the batches that have them. */
export interface Band {
  readonly from: number;
  readonly last: number;
  /** Tokens of a batch, first and last; absent without a hidden size, or where no whole row falls in the band. */
  readonly tokens?: { readonly from: number; readonly last: number } | undefined;
}

/** A time at a size, and how far it is behind another. */
export interface Loss {
  readonly bytes: number;
  readonly pickUs: number;
  readonly otherUs: number;
  /** us an operation, above 0. */
  readonly us: number;
  /** Of the faster time. */
  readonly percent: number;
}

export interface PickBand extends Band {
  readonly backend: string;
  readonly label: string;
  /** The curve that says how long it takes; absent where it was not measured. */
  readonly algorithm?: string | undefined;
  readonly standIn?: boolean | undefined;
  /** us at `from` and at `last`. */
  readonly us?: readonly [number, number] | undefined;
}

/** Where something is faster than the pick by more than the tolerance. */
export interface LosingBand extends Band {
  readonly pick: { readonly backend: string; readonly label: string; readonly algorithm: string };
  /** What is faster; `backend` is empty where no settings lead to it. */
  readonly other: { readonly backend: string; readonly label: string; readonly algorithm: string };
  /** Where it is slower by the greatest share. */
  readonly worst: Loss;
  /** Where most time is lost. */
  readonly most: Loss;
  /** us an operation, averaged over the logarithm of the size. */
  readonly meanUs: number;
}

/** What the engine picks, by size. */
export function pickBands(group: Group, cells: readonly Cell[], rowBytes: number | undefined): PickBand[] {
  return merged(cells, ({ pick, taken }) => `${pick.backend} ${pick.label} ${taken?.algorithm}`).map(
    (run) => {
      const [head, tail] = [run[0]!, run.at(-1)!];
      const { pick, taken } = head;
      const time = (bytes: number): number | undefined => taken && timeOf(group, taken.algorithm, bytes);
      const [first, last] = [time(head.from), time(tail.last)];
      return {
        ...bandOf(run, rowBytes),
        backend: pick.backend,
        label: pick.label,
        ...(taken === undefined ? {} : { algorithm: taken.algorithm, standIn: taken.standIn }),
        ...(first === undefined || last === undefined ? {} : { us: [first, last] as const }),
      };
    },
  );
}

/** Where settings exist that lead to something faster. */
export function losingBands(
  group: Group,
  cells: readonly Cell[],
  tolerance: number,
  rowBytes: number | undefined,
): LosingBand[] {
  return bandsBehind(group, cells, tolerance, rowBytes, ({ best }) => best);
}

/**
 * Where something is faster than all that settings lead to. Other spellings of the engine's own unfused path
 * are none, and what rounds on the links does something else.
 */
export function bandsOutOfReach(
  group: Group,
  cells: readonly Cell[],
  tolerance: number,
  rowBytes: number | undefined,
): LosingBand[] {
  return bandsBehind(group, cells, tolerance, rowBytes, (cell) => {
    const { best, fastest } = cell;
    if (best === undefined || fastest === undefined || /^unfused|quantized/.test(fastest)) return undefined;
    const at = Math.sqrt(cell.from * cell.last);
    const ahead = timeOf(group, best.algorithm, at)! / timeOf(group, fastest, at)! - 1;
    // Ours are one choice: which of them it is, is crossover's to know.
    const label = fastest.startsWith('crossover:') ? 'crossover' : fastest;
    return ahead > tolerance ? { backend: '', label, algorithm: fastest } : undefined;
  });
}

type Other = LosingBand['other'];

function bandsBehind(
  group: Group,
  cells: readonly Cell[],
  tolerance: number,
  rowBytes: number | undefined,
  otherOf: (cell: Cell) => Other | undefined,
): LosingBand[] {
  const losing = cells.map((cell) => {
    const other = otherOf(cell);
    if (cell.taken === undefined || other === undefined) return undefined;
    const at = Math.sqrt(cell.from * cell.last);
    const behind = timeOf(group, cell.taken.algorithm, at)! / timeOf(group, other.algorithm, at)! - 1;
    return behind > tolerance ? { cell, taken: cell.taken, other } : undefined;
  });
  const runs = runsOf(
    losing,
    (each) =>
      each && [each.taken.label, each.taken.algorithm, each.other.label, each.other.algorithm].join(' '),
  );
  return runs.map((run) => {
    const { taken, other } = run[0]!;
    const inside = run.map((each) => each.cell);
    return {
      ...bandOf(inside, rowBytes),
      pick: { backend: taken.backend, label: taken.label, algorithm: taken.algorithm },
      other: { backend: other.backend, label: other.label, algorithm: other.algorithm },
      ...lossOf(group, inside, taken.algorithm, other.algorithm),
    };
  });
}

function lossOf(group: Group, cells: readonly Cell[], pick: string, other: string) {
  const losses: Loss[] = [];
  let sum = 0;
  let weights = 0;
  for (const { from, last } of cells) {
    const [a, b] = [lossAt(group, from, pick, other), lossAt(group, last, pick, other)];
    // On log-log axes the ratio is a straight line, so it is worst at an end.
    losses.push(a, b);
    // A cell of one size weighs little, but is not nothing.
    const weight = Math.log((last + 1) / from);
    sum += weight * (logarithmicMean(a.pickUs, b.pickUs) - logarithmicMean(a.otherUs, b.otherUs));
    weights += weight;
  }
  const worst = losses.reduce((a, b) => (worse(b, a) ? b : a));
  const most = losses.reduce((a, b) => (b.us > a.us ? b : a));
  // One size to tell is better than two that hardly differ.
  return { worst, most: most.us > 1.01 * worst.us ? most : worst, meanUs: Math.max(0, sum / weights) };
}

/**
 * Whether one loss is a greater share than another or, of equal shares, more time; by more than what rounding makes of interpolated times, so that
 * of equal losses the first counts.
 */
export function worse(a: Loss, b: Loss): boolean {
  const more = (x: number, y: number): boolean => x > y * (1 + 1e-9);
  return more(a.percent, b.percent) || (!more(b.percent, a.percent) && more(a.us, b.us));
}

function lossAt(group: Group, bytes: number, pick: string, other: string): Loss {
  const pickUs = timeOf(group, pick, bytes)!;
  const otherUs = timeOf(group, other, bytes)!;
  return { bytes, pickUs, otherUs, us: pickUs - otherUs, percent: (pickUs / otherUs - 1) * 100 };
}

/** Mean over the logarithm of the size of a time that goes from one value to another as a power of the size. */
export function logarithmicMean(a: number, b: number): number {
  return Math.abs(a - b) < 1e-9 * a ? a : (b - a) / Math.log(b / a);
}

// ---------- Runs of cells ----------

function merged(cells: readonly Cell[], name: (cell: Cell) => string): Cell[][] {
  return runsOf(cells, name);
}

/** Neighbours of the same name; what has none is left out and separates its neighbours. */
function runsOf<T>(items: readonly T[], name: (item: T) => string | undefined): NonNullable<T>[][] {
  const runs: NonNullable<T>[][] = [];
  let before: string | undefined;
  for (const item of items) {
    const here = name(item);
    if (here !== undefined && item !== undefined && item !== null) {
      if (here === before) runs.at(-1)!.push(item);
      else runs.push([item]);
    }
    before = here;
  }
  return runs;
}

function bandOf(cells: readonly Cell[], rowBytes: number | undefined): Band {
  const [from, last] = [cells[0]!.from, cells.at(-1)!.last];
  if (rowBytes === undefined) return { from, last };
  const tokens = { from: Math.ceil(from / rowBytes), last: Math.floor(last / rowBytes) };
  return tokens.from <= tokens.last ? { from, last, tokens } : { from, last };
}

/** Bytes of a row, where the hidden size is known. */
export function rowBytesOf(hidden: number | undefined, dtype: string): number | undefined {
  return hidden === undefined ? undefined : hidden * elementBytes(dtype);
}
