/**
 * @file The largest value of a dim when its symbols lie within ranges: interval arithmetic over its expression. Exact where every symbol stands once;
 * where one stands twice (`s0 - s0//2`) the result may be too large, never too small.
 */
import { CrossoverError } from '../../errors.ts';
import { type DimExpression, type DimOperator, parseDim, symbolsOfDim } from '../ir/dim.ts';
import type { Dim } from '../ir/type.ts';

/** Smallest and largest value, both inclusive. */
export interface Interval {
  readonly min: number;
  readonly max: number;
}

/** Names of the symbols in a dim; none where it cannot be read. */
export function symbolsIn(dim: Dim): readonly string[] {
  return attempt(() => [...symbolsOfDim(dim)]) ?? [];
}

/** The largest value, 0 or more; without one, the symbols that lack a bound: none of them where the dim is the reason. */
export function largestOf(
  dim: Dim,
  ranges: ReadonlyMap<string, Interval>,
): number | { readonly unbounded: readonly string[] } {
  const { max } = attempt(() => intervalOf(parseDim(dim), ranges)) ?? ANYTHING;
  if (Number.isSafeInteger(max)) return Math.max(0, max);
  return { unbounded: symbolsIn(dim).filter((name) => !Number.isSafeInteger(ranges.get(name)?.max)) };
}

const ANYTHING: Interval = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

function intervalOf(expression: DimExpression, ranges: ReadonlyMap<string, Interval>): Interval {
  if (expression.kind === 'number') return { min: expression.value, max: expression.value };
  if (expression.kind === 'symbol') return symbolRange(ranges.get(expression.name));
  return combined(
    expression.kind,
    expression.args.map((arg) => intervalOf(arg, ranges)),
  );
}

function combined(kind: DimOperator, args: readonly Interval[]): Interval {
  const [a, b] = args as [Interval, Interval];
  const mins = args.map(({ min }) => min);
  const maxs = args.map(({ max }) => max);
  switch (kind) {
    case '+':
      return { min: mins.reduce((x, y) => x + y), max: maxs.reduce((x, y) => x + y) };
    case '*':
      return args.reduce((x, y) => corners(x, y, (p, q) => (p === 0 || q === 0 ? 0 : p * q)));
    case 'max':
      return { min: Math.max(...mins), max: Math.max(...maxs) };
    case 'min':
      return { min: Math.min(...mins), max: Math.min(...maxs) };
    case '//':
      return b.min > 0 ? corners(a, b, (p, q) => (Number.isFinite(p) ? Math.floor(p / q) : p)) : ANYTHING;
    case '%':
      // The sign is the divisor's; what is smaller than the divisor already stays as it is.
      if (b.min <= 0) return ANYTHING;
      return { min: 0, max: a.min >= 0 ? Math.min(a.max, b.max - 1) : b.max - 1 };
    case '**':
      return a.min >= 1 && b.min >= 0 ? corners(a, b, (p, q) => p ** q) : ANYTHING;
    default:
      return kind satisfies never;
  }
}

/** What no number holds exactly is how files write that there is no bound. */
function symbolRange(range: Interval | undefined): Interval {
  const { min, max } = range ?? ANYTHING;
  return {
    min: Number.isSafeInteger(min) ? min : Number.NEGATIVE_INFINITY,
    max: Number.isSafeInteger(max) ? max : Number.POSITIVE_INFINITY,
  };
}

/** For what rises or falls in each of two operands: its extremes are at theirs. */
function corners(a: Interval, b: Interval, of: (p: number, q: number) => number): Interval {
  const all = [of(a.min, b.min), of(a.min, b.max), of(a.max, b.min), of(a.max, b.max)];
  return { min: Math.min(...all), max: Math.max(...all) };
}

function attempt<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    if (error instanceof CrossoverError) return undefined;
    throw error;
  }
}
