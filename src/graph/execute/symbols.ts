/**
 * @file The symbols of sizes on one rank: bound by the shapes that the caller gives, and asked for by every shape behind.
 */
import { CrossoverError } from '../../errors.ts';
import { evaluateDim, symbolsOfDim } from '../ir/dim.ts';
import type { Dim, SymbolRange } from '../ir/type.ts';

/** A size that something has, and who it is: `input "ids"`. */
interface Given {
  readonly dim: Dim;
  readonly size: number;
  readonly who: string;
}

export class Symbols {
  readonly #ranges: ReadonlyMap<string, SymbolRange>;
  readonly #values = new Map<string, number>();
  readonly #binders = new Map<string, string>();

  constructor(ranges: ReadonlyMap<string, SymbolRange>) {
    this.#ranges = ranges;
  }

  /** A dim's size; undefined while one of its symbols has no value. */
  size(dim: Dim): number | undefined {
    if (typeof dim === 'number') return dim;
    const isKnown = [...symbolsOfDim(dim)].every((symbol) => this.#values.has(symbol));
    return isKnown ? evaluateDim(dim, this.#values) : undefined;
  }

  /** Takes sizes for granted: symbols without a value get theirs, and all others must agree. @throws CrossoverError when they do not */
  bindAll(all: readonly Given[]): void {
    // Symbols that stand alone first: they help to read expressions.
    const alone = all.filter(({ dim }) => typeof dim === 'string' && symbolsOfDim(dim).has(dim));
    for (const given of [...alone, ...all]) this.#bind(given);
  }

  #bind({ dim, size, who }: Given): void {
    const known = this.size(dim);
    if (known === size) return;
    if (typeof dim === 'number') throw new CrossoverError(`${who} is ${size}; it must be ${dim}`);
    const names = [...symbolsOfDim(dim)];
    if (known !== undefined) {
      const by = [
        ...new Set(names.map((name) => `${name} = ${this.#values.get(name)} by ${this.#binders.get(name)}`)),
      ];
      throw new CrossoverError(
        `${who} is ${size}; it must be ${names[0] === dim ? '' : `${dim} = `}${known}, with ${by.join(', ')}`,
      );
    }
    const open = names.filter((name) => !this.#values.has(name));
    // An expression of several unknowns says too little; shapes that need them will ask.
    if (open.length === 1) this.#set(open[0]!, this.#solved(dim, open[0]!, size, who), size, dim, who);
  }

  /** The value of the only unknown of a dim, which must be a line in it. */
  #solved(dim: string, symbol: string, size: number, who: string): number {
    const at = (value: number): number => evaluateDim(dim, new Map(this.#values).set(symbol, value));
    const slope = at(1) - at(0);
    const value = (size - at(0)) / slope;
    if (Number.isInteger(value) && at(value) === size) return value;
    throw new CrossoverError(`${who} is ${size}, which ${dim} is for no whole ${symbol}`);
  }

  #set(symbol: string, value: number, size: number, dim: string, who: string): void {
    const range = this.#ranges.get(symbol);
    if (range && !(value >= range.min && value <= range.max)) {
      const accepted = range.max === Infinity ? `${range.min} or more` : `${range.min} to ${range.max}`;
      const read = dim === symbol ? '' : `, ${dim} with ${symbol} = ${value}`;
      throw new CrossoverError(`${who} is ${size}${read}; ${symbol} accepts ${accepted}`);
    }
    this.#values.set(symbol, value);
    this.#binders.set(symbol, who);
  }
}
