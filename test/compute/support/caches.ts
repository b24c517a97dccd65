/**
 * @file Sequences in a paged cache: their pages in any order, tokens at some of their places.
 */
import type { Random } from '../../collective/support/random.ts';
import { distinct, given, type Memory } from './case.ts';

export interface Sequences {
  readonly positions: readonly number[];
  readonly rows: readonly number[];
  readonly tables: readonly number[];
  readonly pageSize: number;
  readonly pagesPerSequence: number;
  /** Pages of the cache; some are nobody's. */
  readonly pages: number;
  /** Places of each sequence up to the last that a token stands at. */
  readonly lengths: readonly number[];
}

/** Sequences of so many places each. `tokens` are of different places; in order, when they are a prompt's. */
export function sequencesOf(
  random: Random,
  options: {
    readonly lengths: readonly number[];
    readonly pageSize: number;
    /** For each sequence, how many of its last places are tokens. */
    readonly tokens: readonly number[];
    readonly shuffled: boolean;
  },
): Sequences {
  const { lengths, pageSize, tokens, shuffled } = options;
  const needed = lengths.map((length) => Math.ceil(length / pageSize));
  const pagesPerSequence = Math.max(1, ...needed) + random.whole(0, 2);
  const pages = needed.reduce((sum, one) => sum + one, 0) + random.whole(1, 3);
  const order = distinct(random, pages, pages);
  // What is behind a sequence's last page is never looked at, but is a page.
  const tables = needed.flatMap((count) => {
    const own = order.splice(0, count);
    return Array.from({ length: pagesPerSequence }, (_, i) => own[i] ?? 0);
  });
  const all = lengths.flatMap((length, row) =>
    Array.from({ length: tokens[row]! }, (_, i) => ({ row, position: length - tokens[row]! + i })),
  );
  const shown = shuffled ? distinct(random, all.length, all.length).map((i) => all[i]!) : all;
  return {
    positions: shown.map(({ position }) => position),
    rows: shown.map(({ row }) => row),
    tables,
    pageSize,
    pagesPerSequence,
    pages,
    lengths,
  };
}

export function memoryOf({
  positions,
  rows,
  tables,
}: Sequences): Record<'positions' | 'rows' | 'tables', Memory> {
  return {
    positions: given('i32', positions),
    rows: given('i32', rows),
    tables: given('i32', tables),
  };
}

/** Slots of the cache in which a sequence has a place. */
export function slotsInUse({ tables, lengths, pageSize, pagesPerSequence }: Sequences): Set<number> {
  return new Set(
    lengths.flatMap((length, row) =>
      Array.from(
        { length },
        (_, place) =>
          tables[row * pagesPerSequence + Math.floor(place / pageSize)]! * pageSize + (place % pageSize),
      ),
    ),
  );
}
