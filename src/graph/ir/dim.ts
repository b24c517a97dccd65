/**
 * @file Expressions that dims are made of, as text: `s26`, `2*s26`, `s0 + 1`, `s0//2`, `max(1, s0 - 3)`.
 *
 *   sum     = term (("+" | "-") term)*
 *   term    = factor (("*" | "//" | "%") factor)*
 *   factor  = "-" factor | atom ("**" factor)?
 *   atom    = whole number | symbol | ("max" | "min") "(" sum ("," sum)* ")" | "(" sum ")"
 *
 * `//` and `%` are Python's: rounded down, and with the sign of the divisor. `dimText` has one text for an expression however it was written, with
 * products of a number first and sums of a number last: equal texts are equal sizes.
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

/** A number where no symbol is left, else the text. */
export function dimText(expression: DimExpression): Dim {
  const simple = simplify(expression);
  return simple.kind === 'number' ? simple.value : print(simple, 0);
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
    let left = this.#term();
    while (this.#token === '+' || this.#token === '-') {
      const isMinus = this.#take() === '-';
      const right = this.#term();
      left = { kind: '+', args: [left, isMinus ? negate(right) : right] };
    }
    this.#depth--;
    return left;
  }

  #term(): DimExpression {
    let left = this.#factor();
    while (this.#token === '*' || this.#token === '//' || this.#token === '%') {
      const kind = this.#take() as '*' | '//' | '%';
      left = { kind, args: [left, this.#factor()] };
    }
    return left;
  }

  #factor(): DimExpression {
    if (++this.#depth > MAX_DEPTH) this.#fail();
    let result: DimExpression;
    if (this.#token === '-') {
      this.#take();
      result = negate(this.#factor());
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

function negate(expression: DimExpression): DimExpression {
  return { kind: '*', args: [{ kind: 'number', value: -1 }, expression] };
}

// ---------- one form for all spellings ----------

function simplify(expression: DimExpression): DimExpression {
  if (expression.kind === 'number' || expression.kind === 'symbol') return expression;
  const args = expression.args.map(simplify);
  switch (expression.kind) {
    case '+':
    case '*':
      return gather(expression.kind, args);
    case 'max':
    case 'min':
      return foldExtremum(expression.kind, args);
    default: {
      const folded = { kind: expression.kind, args };
      if (args.every(isNumber)) {
        const value = applied(expression.kind, args.map(numberOf));
        if (Number.isSafeInteger(value)) return { kind: 'number', value };
      }
      return folded;
    }
  }
}

/** Sums and products: nested ones opened, numbers brought together, the rest in the order of their texts. */
function gather(kind: '+' | '*', args: readonly DimExpression[]): DimExpression {
  const parts = args.flatMap((arg) => (arg.kind === kind ? arg.args : [arg]));
  const neutral = kind === '+' ? 0 : 1;
  const number = parts.filter(isNumber).reduce((total, part) => applied(kind, [total, part.value]), neutral);
  if (kind === '*' && number === 0) return { kind: 'number', value: 0 };
  const rest = parts.filter((part) => !isNumber(part));
  rest.sort((a, b) => rank(a) - rank(b) || (print(a, 0) < print(b, 0) ? -1 : 1));
  if (rest.length === 0) return { kind: 'number', value: number };
  const constant: DimExpression = { kind: 'number', value: number };
  const all = number === neutral ? rest : kind === '+' ? [...rest, constant] : [constant, ...rest];
  return all.length === 1 ? all[0]! : { kind, args: all };
}

/** Terms that are subtracted stand behind those that are added. */
function rank(expression: DimExpression): number {
  return isNegative(expression) ? 1 : 0;
}

function foldExtremum(kind: 'max' | 'min', args: readonly DimExpression[]): DimExpression {
  const parts = args.flatMap((arg) => (arg.kind === kind ? arg.args : [arg]));
  const byText = new Map(parts.map((part) => [String(isNumber(part) ? part.value : print(part, 0)), part]));
  const distinct = [...byText.values()];
  const numbers = distinct.filter(isNumber).map((part) => part.value);
  const rest = distinct.filter((part) => !isNumber(part));
  rest.sort((a, b) => (print(a, 0) < print(b, 0) ? -1 : 1));
  const folded: DimExpression[] =
    numbers.length === 0 ? [] : [{ kind: 'number', value: applied(kind, numbers) }];
  const all = [...folded, ...rest];
  return all.length === 1 ? all[0]! : { kind, args: all };
}

function isNumber(expression: DimExpression): expression is { kind: 'number'; value: number } {
  return expression.kind === 'number';
}

function numberOf(expression: DimExpression): number {
  return expression.kind === 'number' ? expression.value : Number.NaN;
}

function isNegative(expression: DimExpression): boolean {
  if (expression.kind === 'number') return expression.value < 0;
  return expression.kind === '*' && isNegative(expression.args[0]!);
}

// ---------- printing ----------

const BINDS = { sum: 1, product: 2, factor: 3, power: 4 } as const;

/** `least`: how strongly the text has to bind where it stands. */
function print(expression: DimExpression, least: number): string {
  const wrap = (binds: number, text: string): string => (binds < least ? `(${text})` : text);
  switch (expression.kind) {
    case 'number':
      return wrap(expression.value < 0 ? BINDS.factor : BINDS.power + 1, String(expression.value));
    case 'symbol':
      return expression.name;
    case 'max':
    case 'min':
      return `${expression.kind}(${expression.args.map((arg) => print(arg, 0)).join(', ')})`;
    case '+': {
      const [first, ...others] = expression.args;
      const text = others.map((arg) =>
        isNegative(arg) ? ` - ${print(opposite(arg), BINDS.product)}` : ` + ${print(arg, BINDS.product)}`,
      );
      return wrap(BINDS.sum, print(first!, BINDS.sum) + text.join(''));
    }
    case '*': {
      const [first, ...others] = expression.args;
      if (isNumber(first!) && first.value === -1) {
        const rest = others.length === 1 ? others[0]! : { kind: expression.kind, args: others };
        return wrap(BINDS.factor, `-${print(rest, BINDS.factor)}`);
      }
      return wrap(
        BINDS.product,
        [print(first!, BINDS.product), ...others.map((arg) => print(arg, BINDS.factor))].join('*'),
      );
    }
    case '**': {
      const [base, exponent] = expression.args;
      return wrap(BINDS.power, `${print(base!, BINDS.power + 1)}**${print(exponent!, BINDS.factor)}`);
    }
    default: {
      const [a, b] = expression.args;
      return wrap(BINDS.product, `${print(a!, BINDS.product)}${expression.kind}${print(b!, BINDS.factor)}`);
    }
  }
}

function opposite(expression: DimExpression): DimExpression {
  if (isNumber(expression)) return { kind: 'number', value: -expression.value };
  const [first, ...others] = (expression as { args: readonly DimExpression[] }).args;
  const value = -numberOf(first!);
  if (value === 1) return others.length === 1 ? others[0]! : { kind: '*', args: others };
  return { kind: '*', args: [{ kind: 'number', value }, ...others] };
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

function applied(kind: DimOperator, values: readonly number[]): number {
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
