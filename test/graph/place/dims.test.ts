/** @file The largest value of an expression is never too small, and exact where each symbol stands once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { evaluateDim } from '../../../dist/graph/ir/dim.js';
import { type Interval, largestOf } from '../../../dist/graph/place/dims.js';

const RANGES = new Map<string, Interval>([
  ['s0', { min: 2, max: 10 }],
  ['s1', { min: 1, max: 3 }],
  ['free', { min: 0, max: Number.POSITIVE_INFINITY }],
  ['huge', { min: 0, max: 2 ** 63 }],
]);

test.each([
  ['s0', 10],
  [7, 7],
  ['2*s0 + 1', 21],
  ['8*((s0 + 7)//8)', 16],
  ['s0 - 3', 7],
  ['3 - s0', 1],
  ['2 - 2*s0', 0],
  ['s0*s1', 30],
  ['s0//s1', 10],
  ['s0 % 4', 3],
  ['s0 % 64', 10],
  ['max(1, s0 - 3)', 7],
  ['min(free, 5)', 5],
  ['s1**2', 9],
])('%s is at most %s', (dim, largest) => {
  expect(largestOf(dim, RANGES)).toBe(largest);
});

test.each([
  ['free', ['free']],
  ['s0*free + huge', ['free', 'huge']],
  ['unknown', ['unknown']],
  ['s0 // (s1 - 2)', []],
  ['2 +', []],
])('%s has no bound for lack of %s', (dim, unbounded) => {
  expect(largestOf(dim, RANGES)).toEqual({ unbounded });
});

test('no value of an expression is above its largest one', () => {
  const leaf = fc.constantFrom('s0', 's1', '1', '2', '5');
  const { tree } = fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc
        .tuple(fc.constantFrom('+', '-', '*', '//', '%'), tie('tree'), tie('tree'))
        .map(([op, a, b]) => `((${a}) ${op} (${b}))`),
      fc
        .tuple(fc.constantFrom('max', 'min'), tie('tree'), tie('tree'))
        .map(([op, a, b]) => `${op}(${a}, ${b})`),
    ),
  }));
  fc.assert(
    fc.property(tree, fc.integer({ min: 2, max: 10 }), fc.integer({ min: 1, max: 3 }), (dim, s0, s1) => {
      const largest = largestOf(dim, RANGES);
      fc.pre(typeof largest === 'number');
      const value = valueAt(dim, new Map(Object.entries({ s0, s1 })));
      fc.pre(value !== undefined);
      expect(value).toBeLessThanOrEqual(largest as number);
    }),
    { numRuns: 2000 },
  );
});

/** Undefined where it divides by zero. */
function valueAt(dim: string, symbols: ReadonlyMap<string, number>): number | undefined {
  try {
    return evaluateDim(dim, symbols);
  } catch (error) {
    if (error instanceof CrossoverError && error.message.endsWith('divides by zero')) return undefined;
    throw error;
  }
}
