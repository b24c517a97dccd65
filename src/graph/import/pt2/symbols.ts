/**
 * @file The symbols of a file's sizes: every size read once to one text, and what is known of each symbol's range.
 */
import { CrossoverError } from '../../../errors.ts';
import { isSymbolName, symbolsOfDim } from '../../ir/dim.ts';
import { dimText } from '../../ir/dim-text.ts';
import type { Dim, SymbolRange } from '../../ir/type.ts';
import type { Json } from './json.ts';
import { parseSrepr } from './srepr.ts';

/** Characters of the longest expression that is read. */
const MAX_LENGTH = 2000;
const ANY: SymbolRange = { min: 0, max: Number.POSITIVE_INFINITY };

export class Symbols {
  readonly notes: string[] = [];
  readonly #constraints: ReadonlyMap<string, SymbolRange>;
  readonly #ranges = new Map<string, SymbolRange>();
  /** Dims by the text in the file. */
  readonly #read = new Map<string, Dim>();
  /** Symbols made here, for sizes that cannot be read. */
  readonly #made = new Set<string>();

  /** @param constraints `range_constraints` of the file, if it has them */
  constructor(constraints: Json | undefined) {
    this.#constraints = new Map(
      (constraints?.fields() ?? []).map(([name, json]) => [
        name,
        { min: bound(json.maybe('min_val'), -1), max: bound(json.maybe('max_val'), 1) },
      ]),
    );
  }

  /** A size: `{"as_int": 4}` or `{"as_expr": {"expr_str": ...}}`. */
  dim(json: Json): Dim {
    const number = json.maybe('as_int');
    if (number) return number.size();
    const expression = json.maybe('as_expr');
    if (!expression) return json.refuse('{"as_int": a number} or {"as_expr": an expression}');
    return this.#expression(expression.field('expr_str').text());
  }

  /** Every symbol that was met in a size. */
  ranges(): ReadonlyMap<string, SymbolRange> {
    return this.#ranges;
  }

  #expression(text: string): Dim {
    const before = this.#read.get(text);
    if (before !== undefined) return before;
    const dim = this.#parse(text) ?? this.#make(text);
    this.#read.set(text, dim);
    return dim;
  }

  #parse(text: string): Dim | undefined {
    if (text.length > MAX_LENGTH) return undefined;
    try {
      const dim = dimText(parseSrepr(text));
      if (typeof dim === 'number') return Number.isSafeInteger(dim) && dim >= 0 ? dim : undefined;
      const names = [...symbolsOfDim(dim)];
      if (names.some((name) => this.#made.has(name) || !isSymbolName(name))) return undefined;
      for (const name of names) this.#ranges.set(name, this.#constraints.get(name) ?? ANY);
      return dim;
    } catch (error) {
      if (error instanceof CrossoverError) return undefined;
      throw error;
    }
  }

  #make(text: string): string {
    let count = this.#made.size + 1;
    while (this.#ranges.has(`size_${count}`) || this.#constraints.has(`size_${count}`)) count++;
    const name = `size_${count}`;
    this.#made.add(name);
    this.#ranges.set(name, ANY);
    this.notes.push(`The size ${shortened(text)} is not understood; it is the symbol ${name} here.`);
    return name;
  }
}

/** A bound of a range. What float64 cannot hold exactly is sympy's stand-in for none. */
function bound(json: Json | undefined, sign: -1 | 1): number {
  const none = sign * Number.POSITIVE_INFINITY;
  if (!json) return none;
  const value = json.int();
  return Number.isSafeInteger(value) ? value : none;
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
