/**
 * @file Which pages of the cache are free. A page belongs to one sequence at a time, or to none; page 0 to padding, for ever.
 */
import { CrossoverError } from '../../errors.ts';

export class PageAllocator {
  /** The next page to be given away is the last. */
  readonly #free: number[];
  readonly #taken: Uint8Array;

  constructor(pages: number) {
    this.#free = Array.from({ length: Math.max(0, pages - 1) }, (_, i) => pages - 1 - i);
    this.#taken = new Uint8Array(pages);
  }

  get free(): number {
    return this.#free.length;
  }

  /** So many pages, or undefined, and nothing taken, when there are fewer. */
  take(count: number): number[] | undefined {
    if (count > this.#free.length) return undefined;
    const pages = this.#free.splice(this.#free.length - count).reverse();
    for (const page of pages) this.#taken[page] = 1;
    return pages;
  }

  giveBack(pages: readonly number[]): void {
    for (const page of pages) {
      if (this.#taken[page] !== 1) throw new CrossoverError(`page ${page} is given back, and is nobody's`);
      this.#taken[page] = 0;
      this.#free.push(page);
    }
  }
}
