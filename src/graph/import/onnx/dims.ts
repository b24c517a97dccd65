/**
 * @file Arithmetic on dims. A dim is a sum of products of symbols, written in one way only, so that equal sizes have equal texts: `2*b*s + s + 1`.
 * What has no such form, or a long one, is undefined: a size that is not known.
 */
import { isSymbolName } from '../../ir/dim.ts';
import type { Dim } from '../../ir/type.ts';

/** Coefficients by product of symbols, `b*s`, sorted; "" for the number. */
type Sum = Map<string, number>;

/** Longer ones say nothing to anyone, and grow without bound where sizes are added to themselves. */
const MAX_TERMS = 8;
const MAX_LENGTH = 160;

/** Reads what `textOf` writes, and spellings of it: `s + past`, `2*s`, `s-1`. */
function parse(dim: Dim): Sum | undefined {
  if (typeof dim === 'number') return new Map([['', dim]]);
  const sum: Sum = new Map();
  const terms = dim.replace(/\s+/g, '').match(/[+-]?[^+-]+/g);
  if (!terms || terms.join('') !== dim.replace(/\s+/g, '')) return undefined;
  for (const term of terms) {
    let coefficient = term.startsWith('-') ? -1 : 1;
    const symbols: string[] = [];
    for (const factor of term.replace(/^[+-]/, '').split('*')) {
      if (/^\d{1,16}$/.test(factor)) coefficient *= Number(factor);
      else if (isSymbolName(factor)) symbols.push(factor);
      else return undefined;
    }
    add(sum, symbols.sort().join('*'), coefficient);
  }
  return sum;
}

function add(sum: Sum, product: string, coefficient: number): void {
  const total = (sum.get(product) ?? 0) + coefficient;
  if (total === 0) sum.delete(product);
  else sum.set(product, total);
}

function dimOf(sum: Sum): Dim | undefined {
  if (sum.size > MAX_TERMS || [...sum.values()].some((value) => !Number.isSafeInteger(value)))
    return undefined;
  // The number stands last.
  const terms = [...sum].sort(([a], [b]) => Number(a === '') - Number(b === '') || (a < b ? -1 : 1));
  if (terms.length === 0) return 0;
  if (terms.length === 1 && terms[0]![0] === '') return terms[0]![1];
  let text = '';
  for (const [product, coefficient] of terms) {
    const size = Math.abs(coefficient);
    const term = product === '' ? String(size) : size === 1 ? product : `${size}*${product}`;
    if (text === '') text = coefficient < 0 ? `-${term}` : term;
    else text += coefficient < 0 ? ` - ${term}` : ` + ${term}`;
  }
  return text.length > MAX_LENGTH ? undefined : text;
}

/** A sum in its one spelling; undefined for what is none. */
export function canonical(dim: Dim): Dim | undefined {
  const sum = parse(dim);
  return sum && dimOf(sum);
}

/** `factor * a + b`. */
export function addDims(a: Dim, b: Dim, factor = 1): Dim | undefined {
  const left = parse(a);
  const right = parse(b);
  if (!left || !right) return undefined;
  const sum: Sum = new Map(right);
  for (const [product, coefficient] of left) add(sum, product, coefficient * factor);
  return dimOf(sum);
}

export function multiply(dims: readonly Dim[]): Dim | undefined {
  let result: Dim | undefined = 1;
  for (const dim of dims) {
    const left = result === undefined ? undefined : parse(result);
    const right = parse(dim);
    if (!left || !right) return undefined;
    const sum: Sum = new Map();
    for (const [a, x] of left) {
      for (const [b, y] of right)
        add(sum, [a, b].filter(Boolean).join('*').split('*').filter(Boolean).sort().join('*'), x * y);
    }
    result = dimOf(sum);
  }
  return result;
}

/** The whole quotient of two products of dims; undefined when it is none, or not known to be one. */
export function divide(dividends: readonly Dim[], divisors: readonly Dim[]): Dim | undefined {
  const above = [...dividends];
  const below: Dim[] = [];
  for (const dim of divisors) {
    const at = above.indexOf(dim);
    if (at < 0) below.push(dim);
    else above.splice(at, 1);
  }
  const dividend = multiply(above);
  const divisor = multiply(below);
  const from = dividend === undefined ? undefined : parse(dividend);
  const by = divisor === undefined ? [] : [...(parse(divisor) ?? [])];
  if (!from) return undefined;
  // Dividing by a sum is left alone.
  if (by.length !== 1) return by.length > 1 && dividend === divisor ? 1 : undefined;
  const [product, coefficient] = by[0]!;
  if (coefficient === 0) return undefined;
  const quotient: Sum = new Map();
  for (const [symbols, value] of from) {
    const rest = without(symbols, product);
    if (rest === undefined || value % coefficient !== 0) return undefined;
    add(quotient, rest, value / coefficient);
  }
  return dimOf(quotient);
}

/** A product less the factors of another one. */
function without(product: string, factors: string): string | undefined {
  const left = product.split('*').filter(Boolean);
  for (const factor of factors.split('*').filter(Boolean)) {
    const at = left.indexOf(factor);
    if (at < 0) return undefined;
    left.splice(at, 1);
  }
  return left.join('*');
}
