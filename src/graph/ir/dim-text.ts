/**
 * @file One text for an expression of sizes, however it was written: numbers first in products and last in sums, the rest in the order of their
 * texts. So equal texts are equal sizes.
 */
import { applied, type DimExpression } from './dim.ts';
import type { Dim } from './type.ts';

/** A number where no symbol is left, else the text. */
export function dimText(expression: DimExpression): Dim {
  const simple = simplify(expression);
  return simple.kind === 'number' ? simple.value : print(simple, 0);
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
