/**
 * @file Where a paged cache has the places of a sequence: place p lies in page `tables[row][floor(p / pageSize)]`, at p mod pageSize.
 */
import { CrossoverError } from '../../../errors.ts';

export interface Places {
  /** Place of each token in its sequence, from 0. */
  readonly positions: ArrayLike<number>;
  /** Sequence of each token. */
  readonly rows: ArrayLike<number>;
  /** [sequences, pagesPerSequence]: numbers of pages. */
  readonly tables: ArrayLike<number>;
  readonly pageSize: number;
  readonly pagesPerSequence: number;
}

/**
 * The number of a slot of the cache, whose pages are one behind the other.
 * @param slots how many the cache has
 * @throws CrossoverError for a place or a page that is not there
 */
export function slotOf(places: Places, row: number, place: number, slots: number): number {
  const { tables, pageSize, pagesPerSequence } = places;
  const sequences = tables.length / pagesPerSequence;
  if (!(row >= 0 && row < sequences))
    throw new CrossoverError(`rows hold ${row}; there are ${sequences} sequences`);
  if (!(place >= 0 && place < pagesPerSequence * pageSize))
    throw new CrossoverError(
      `positions hold ${place}; ${pagesPerSequence} pages of ${pageSize} places hold 0 to ${pagesPerSequence * pageSize - 1}`,
    );
  const page = tables[row * pagesPerSequence + Math.floor(place / pageSize)]!;
  const slot = page * pageSize + (place % pageSize);
  if (page >= 0 && slot < slots) return slot;
  throw new CrossoverError(`tables hold page ${page}; the cache has ${slots / pageSize}`);
}
