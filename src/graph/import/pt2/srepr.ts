/**
 * @file Symbolic sizes as torch.export writes them, sympy's srepr: `Mul(Integer(2), Symbol('s26', positive=True, integer=True))`.
 */
import { CrossoverError } from '../../../errors.ts';
import { type DimExpression, type DimOperator, isSymbolName, parseDim } from '../../ir/dim.ts';

const TOKEN = /\s*(?:(-?\d+)|([A-Za-z_][\w.]*)|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([(),=]))/y;
/** Far from the end of the stack, and deeper than any size that a model has. */
const MAX_DEPTH = 100;

const OPERATORS: Readonly<Record<string, DimOperator>> = {
  Add: '+',
  Mul: '*',
  FloorDiv: '//',
  CleanDiv: '//',
  Mod: '%',
  PythonMod: '%',
  Pow: '**',
  PowByNatural: '**',
  Max: 'max',
  Min: 'min',
};

/** A call, a name, a number or a text: `head` with the arguments that it was given, if any. */
interface Term {
  readonly head: string;
  readonly kind: 'call' | 'name' | 'number' | 'text';
  readonly args: readonly Term[];
}

/**
 * The expression that a text stands for.
 * @throws CrossoverError for what is no such text, and for functions that sizes of this package do not have
 */
export function parseSrepr(text: string): DimExpression {
  // Old files have expressions as people write them.
  if (!/^\s*[A-Z]\w*\(/.test(text)) return parseDim(text);
  const reader = new Reader(text);
  const term = reader.term(0);
  return reader.isAtEnd() ? convert(term, text) : fail(text);
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    return this.#text.slice(this.#at).trim() === '';
  }

  term(depth: number): Term {
    if (depth > MAX_DEPTH) fail(this.#text);
    const [token, kind] = this.#next();
    if (kind === 'mark') fail(this.#text);
    if (kind !== 'name' || this.#peek() !== '(') return { head: token, kind, args: [] };
    this.#next();
    const args: Term[] = [];
    while (this.#peek() !== ')') {
      const arg = this.term(depth + 1);
      if (this.#peek() === '=') {
        // Assumptions about a symbol.
        this.#next();
        this.term(depth + 1);
      } else {
        args.push(arg);
      }
      if (this.#peek() === ',') this.#next();
      else if (this.#peek() !== ')') fail(this.#text);
    }
    this.#next();
    return { head: token, kind: 'call', args };
  }

  #peek(): string {
    const at = this.#at;
    if (this.isAtEnd()) return '';
    const [token] = this.#next();
    this.#at = at;
    return token;
  }

  #next(): [token: string, kind: 'number' | 'name' | 'text' | 'mark'] {
    TOKEN.lastIndex = this.#at;
    const found = TOKEN.exec(this.#text);
    if (!found) fail(this.#text);
    this.#at = TOKEN.lastIndex;
    const [, number, name, single, double, mark] = found;
    if (number !== undefined) return [number, 'number'];
    if (name !== undefined) return [name, 'name'];
    return mark !== undefined ? [mark, 'mark'] : [single ?? double ?? '', 'text'];
  }
}

function convert({ head, kind, args }: Term, text: string): DimExpression {
  if (kind === 'number' && Number.isSafeInteger(Number(head))) return { kind: 'number', value: Number(head) };
  if (kind !== 'call') fail(text);
  const [first] = args;
  switch (head) {
    case 'Symbol':
    case 'Dummy':
      return first?.kind === 'text' && isSymbolName(first.head)
        ? { kind: 'symbol', name: first.head }
        : fail(text);
    case 'Integer':
      return args.length === 1 ? convert(first!, text) : fail(text);
    // Leaves the number as it is.
    case 'Identity':
      return args.length === 1 ? convert(first!, text) : fail(text);
    case 'ModularIndexing': {
      if (args.length !== 3) fail(text);
      const [base, divisor, modulus] = args.map((arg) => convert(arg, text)) as [
        DimExpression,
        DimExpression,
        DimExpression,
      ];
      return { kind: '%', args: [{ kind: '//', args: [base, divisor] }, modulus] };
    }
    default: {
      const operator = Object.hasOwn(OPERATORS, head) ? OPERATORS[head] : undefined;
      if (!operator || args.length === 0) fail(text);
      const isPair = operator === '//' || operator === '%' || operator === '**';
      if (isPair && args.length !== 2) fail(text);
      const operands = args.map((arg) => convert(arg, text));
      const exponent = operands[1];
      // A negative power is no whole number.
      if (operator === '**' && !(exponent?.kind === 'number' && exponent.value >= 0)) fail(text);
      return { kind: operator, args: operands };
    }
  }
}

function fail(text: string): never {
  throw new CrossoverError(`"${text.slice(0, 80)}" is no size that can be read`);
}
