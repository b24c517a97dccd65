/**
 * @file Expressions of sizes: one text for all spellings, and the values that Python gives.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { type DimExpression, evaluateDim, parseDim, symbolsOfDim } from '../../../dist/graph/ir/dim.js';
import { dimText } from '../../../dist/graph/ir/dim-text.js';

const canonical = (text: string): string | number => dimText(parseDim(text));
const VALUES = new Map([
  ['s0', 7],
  ['s1', 3],
  ['s26', 12],
]);

describe('texts', () => {
  it.each([
    ['s26', 's26'],
    ['2*s26', '2*s26'],
    ['s26 * 2', '2*s26'],
    ['1 + s0', 's0 + 1'],
    ['s0+s1+1+2', 's0 + s1 + 3'],
    ['s1 + s0', 's0 + s1'],
    ['s0 - 1', 's0 - 1'],
    ['1 - s0', '-s0 + 1'],
    ['-s0 + s1', 's1 - s0'],
    ['s1 - 2*s0', 's1 - 2*s0'],
    ['s0//2', 's0//2'],
    ['(s0 + 1)//2', '(s0 + 1)//2'],
    ['s0 // (2 * s1)', 's0//(2*s1)'],
    ['2*(s0//2)', '2*(s0//2)'],
    ['s0 % 8', 's0%8'],
    ['s0**2', 's0**2'],
    ['(2*s0)**2', '(2*s0)**2'],
    ['-s0**2', '-s0**2'],
    ['max(1, s0)', 'max(1, s0)'],
    ['max(s0, max(2, 1), s0)', 'max(2, s0)'],
    ['min(s0, s1)', 'min(s0, s1)'],
    ['2*(s0 + 1)', '2*(s0 + 1)'],
    ['3 + 4', 7],
    ['7//2', 3],
    ['-7//2', -4],
    ['2*3*s0', '6*s0'],
    ['0*s0', 0],
    ['s0 - 0', 's0'],
    ['  s0 ', 's0'],
  ])('%s is %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
    expect(canonical(String(expected))).toBe(expected);
  });
});

describe('values', () => {
  it.each([
    ['s26', 12],
    ['2*s26 + 1', 25],
    ['s0//2', 3],
    ['-s0//2', -4],
    ['s0%s1', 1],
    ['-s0 % s1', 2],
    ['s0**2', 49],
    ['max(s0, s1, 8)', 8],
    ['min(s0, s1)', 3],
    ['s26 - 2*(s0 - s1)', 4],
    ['2*-s0', -14],
  ])('%s is %d', (text, expected) => expect(evaluateDim(text, VALUES)).toBe(expected));

  it('numbers are themselves', () => expect(evaluateDim(5, new Map())).toBe(5));

  it('names what has no value', () => {
    expect(() => evaluateDim('2*s9', VALUES)).toThrow(/the size 2\*s9 needs a value of s9/);
    expect(() => evaluateDim('s0//(s1 - 3)', VALUES)).toThrow(/divides by zero/);
    expect(() => evaluateDim('s0%(s1 - 3)', VALUES)).toThrow(CrossoverError);
  });
});

describe('symbols', () => {
  it('are found, each once', () => {
    expect([...symbolsOfDim('2*s26 + max(s0, s26)//s1')]).toEqual(['s26', 's0', 's1']);
    expect([...symbolsOfDim(4)]).toEqual([]);
  });
});

describe('what is no expression', () => {
  it.each(['', '2*', '*2', 's0 s1', '(s0', 's0)', 'max()', 'max s0', 's0 / 2', 's0 + ', '1.5', 'f(s0)', 'ä'])(
    '"%s" is refused',
    (text) => expect(() => parseDim(text)).toThrow(CrossoverError),
  );

  it('says where', () => {
    expect(() => parseDim('2*s0 $ 1')).toThrow(/"2\*s0 \$ 1" is no size: .* from character 5 on/);
  });

  it('has a bound to its depth', () => {
    for (const text of ['('.repeat(1e5), '-'.repeat(1e5), 'max('.repeat(1e5), 's0**'.repeat(1e5)])
      expect(() => parseDim(text)).toThrow(CrossoverError);
    expect(evaluateDim(new Array(500).fill('s0').join('+'), VALUES)).toBe(3500);
  });
});

const leaf: fc.Arbitrary<DimExpression> = fc.oneof(
  fc.integer({ min: 0, max: 9 }).map((value): DimExpression => ({ kind: 'number', value })),
  fc.constantFrom('s0', 's1', 's26').map((name): DimExpression => ({ kind: 'symbol', name })),
);
const expression: fc.Arbitrary<DimExpression> = fc.letrec<{ any: DimExpression }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.constantFrom('+', '*', 'max', 'min'), fc.array(tie('any'), { minLength: 1, maxLength: 3 }))
      .map(([kind, args]): DimExpression => ({ kind: kind as '+', args })),
    fc
      .tuple(fc.constantFrom('//', '%'), tie('any'), fc.integer({ min: 1, max: 9 }))
      .map(
        ([kind, a, value]): DimExpression => ({ kind: kind as '//', args: [a, { kind: 'number', value }] }),
      ),
    tie('any').map((a): DimExpression => ({ kind: '*', args: [{ kind: 'number', value: -1 }, a] })),
  ),
})).any;

/** As Python would compute it. */
function value(at: DimExpression): number {
  if (at.kind === 'number') return at.value;
  if (at.kind === 'symbol') return VALUES.get(at.name)!;
  const args = at.args.map(value);
  const [a, b] = args as [number, number];
  if (at.kind === '+') return args.reduce((x, y) => x + y);
  if (at.kind === '*') return args.reduce((x, y) => x * y);
  if (at.kind === 'max') return Math.max(...args);
  if (at.kind === 'min') return Math.min(...args);
  return at.kind === '//' ? Math.floor(a / b) : ((a % b) + b) % b;
}

describe('any expression', () => {
  it('keeps its value in its text, which does not change any more', () => {
    fc.assert(
      fc.property(expression, (at) => {
        fc.pre(Math.abs(value(at)) < 2 ** 40);
        const text = dimText(at);
        expect(evaluateDim(text, VALUES) + 0).toBe(value(at) + 0);
        expect(canonical(String(text))).toBe(text);
      }),
      { numRuns: 3000 },
    );
  });
});
