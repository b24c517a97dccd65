/**
 * @file Expressions that dims are made of, as text: `s26`, `2*s26`, `s0 + 1`, `s0//2`, `max(1, s0 - 3)`.
 *
 *   sum     = term (("+" | "-") term)*
 *   term    = factor (("*" | "//" | "%") factor)*
 *   factor  = "-" factor | atom ("**" factor)?
 *   atom    = whole number | symbol | ("max" | "min") "(" sum ("," sum)* ")" | "(" sum ")"
 *
 * `//` and `%` are Python's: rounded down, and with the sign of the divisor. dim-text.ts writes them, one text for all spellings.
 */
import { CrossoverError } from '../../errors.ts';
import type { Dim } from './type.ts';

export type DimExpression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: DimOperator; readonly args: readonly DimExpression[] };

export type DimOperator = '+' | '*' | '//' | '%' | '**' | 'max' | 'min';

const SYMBOL = /^[A-Za-z_]\w*$/;
const TOKEN = /\s*(?:(\d+)|([A-Za-z_]\w*)|(\/\/|\*\*|[-+*%(),]))/y;
/** Deeper than any size that a model has, and far from the end of the stack. */
const MAX_DEPTH = 100;

/** Whether a name can stand in an expression. */
export function isSymbolName(name: string): boolean {
  return SYMBOL.test(name) && name !== 'max' && name !== 'min';
}

/** @throws CrossoverError that quotes the text and says where it ends to be an expression */
export function parseDim(dim: Dim): DimExpression {
  return typeof dim === 'number' ? { kind: 'number', value: dim } : new Parser(dim).parse();
}

/** @throws CrossoverError for a symbol without a value, and for a division by zero */
export function evaluateDim(dim: Dim, symbols: ReadonlyMap<string, number>): number {
  if (typeof dim === 'number') return dim;
  const known = symbols.get(dim);
  return known ?? evaluate(parseDim(dim), symbols, dim);
}

/** Names of the symbols of a dim, each once, in order. */
export function symbolsOfDim(dim: Dim): Set<string> {
  const names = new Set<string>();
  if (typeof dim === 'string') collect(parseDim(dim), names);
  return names;
}

// ---------- reading ----------

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  /** The token ahead; empty at the end. */
  #token = '';
  #start = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): DimExpression {
    this.#next();
    const expression = this.#sum();
    if (this.#token !== '') this.#fail();
    return expression;
  }

  #sum(): DimExpression {
    if (++this.#depth > MAX_DEPTH) this.#fail();
    const args = [this.#term()];
    while (this.#token === '+' || this.#token === '-') {
      const isMinus = this.#take() === '-';
      const term = this.#term();
      args.push(isMinus ? negated(term) : term);
    }
    this.#depth--;
    return args.length === 1 ? args[0]! : { kind: '+', args };
  }

  #term(): DimExpression {
    let left = this.#factor();
    while (this.#token === '*' || this.#token === '//' || this.#token === '%') {
      const kind = this.#take() as '*' | '//' | '%';
      const factor = this.#factor();
      left = { kind, args: kind === '*' && left.kind === '*' ? [...left.args, factor] : [left, factor] };
    }
    return left;
  }

  #factor(): DimExpression {
    if (++this.#depth > MAX_DEPTH) this.#fail();
    let result: DimExpression;
    if (this.#token === '-') {
      this.#take();
      result = negated(this.#factor());
    } else {
      result = this.#atom();
      if (this.#token === '**') {
        this.#take();
        result = { kind: '**', args: [result, this.#factor()] };
      }
    }
    this.#depth--;
    return result;
  }

  #atom(): DimExpression {
    const token = this.#token;
    if (/^\d/.test(token)) return { kind: 'number', value: Number(this.#take()) };
    if (token === '(') {
      this.#take();
      const inner = this.#sum();
      this.#expect(')');
      return inner;
    }
    if (token === 'max' || token === 'min') {
      this.#take();
      this.#expect('(');
      const args = [this.#sum()];
      while (this.#token === ',') {
        this.#take();
        args.push(this.#sum());
      }
      this.#expect(')');
      return { kind: token, args };
    }
    if (SYMBOL.test(token)) return { kind: 'symbol', name: this.#take() };
    return this.#fail();
  }

  #expect(token: string): void {
    if (this.#token !== token) this.#fail();
    this.#take();
  }

  #take(): string {
    const token = this.#token;
    this.#next();
    return token;
  }

  #next(): void {
    this.#start = this.#at;
    TOKEN.lastIndex = this.#at;
    const found = TOKEN.exec(this.#text);
    if (found) {
      this.#token = found[1] ?? found[2] ?? found[3]!;
      this.#at = TOKEN.lastIndex;
    } else if (this.#text.slice(this.#at).trim() === '') {
      this.#token = '';
    } else {
      this.#fail();
    }
  }

  #fail(): never {
    throw new CrossoverError(
      `"${this.#text.slice(0, 80)}" is no size: it cannot be read from character ${this.#start + 1} on; write it like "2*s0 + 1"`,
    );
  }
}

function negated(expression: DimExpression): DimExpression {
  return { kind: '*', args: [{ kind: 'number', value: -1 }, expression] };
}

// ---------- values ----------

function evaluate(expression: DimExpression, symbols: ReadonlyMap<string, number>, dim: string): number {
  if (expression.kind === 'number') return expression.value;
  if (expression.kind === 'symbol') {
    const value = symbols.get(expression.name);
    if (value !== undefined) return value;
    throw new CrossoverError(`the size ${dim} needs a value of ${expression.name}`);
  }
  const value = applied(
    expression.kind,
    expression.args.map((arg) => evaluate(arg, symbols, dim)),
  );
  if (Number.isNaN(value)) throw new CrossoverError(`the size ${dim} divides by zero`);
  return value;
}

/** Of numbers. NaN for a division by zero. */
export function applied(kind: DimOperator, values: readonly number[]): number {
  const [a, b] = values as [number, number];
  switch (kind) {
    case '+':
      return values.reduce((sum, value) => sum + value, 0);
    case '*':
      return values.reduce((product, value) => product * value, 1);
    case '//':
      return b === 0 ? Number.NaN : Math.floor(a / b);
    case '%':
      return b === 0 ? Number.NaN : a - b * Math.floor(a / b);
    case '**':
      return a ** b;
    case 'max':
      return Math.max(...values);
    case 'min':
      return Math.min(...values);
    default:
      return kind satisfies never;
  }
}

function collect(expression: DimExpression, names: Set<string>): void {
  if (expression.kind === 'symbol') names.add(expression.name);
  else if (expression.kind !== 'number') for (const arg of expression.args) collect(arg, names);
}
