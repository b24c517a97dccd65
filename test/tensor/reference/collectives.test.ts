/**
 * @file All-reduce, reduce-scatter, all-gather and broadcast: worked cases, special numbers, and properties.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { REDUCE_OPS } from '../../../dist/operations.js';
import { REDUCIBLE_DTYPES } from '../../../dist/tensor/dtype.js';
import { roundToDType } from '../../../dist/tensor/formats/element.js';
import { allGather } from '../../../dist/tensor/reference/all-gather.js';
import { allReduce, allReduceRounded } from '../../../dist/tensor/reference/all-reduce.js';
import { broadcast } from '../../../dist/tensor/reference/broadcast.js';
import { reduceScatter, reduceScatterRounded } from '../../../dist/tensor/reference/reduce-scatter.js';
import { sumErrorBound } from '../../../dist/tensor/reference/sum-error.js';
import { f64, ranksOf } from './arrays.ts';

const { NaN: NAN, POSITIVE_INFINITY: INF, NEGATIVE_INFINITY: NEG_INF } = Number;

describe('all-reduce', () => {
  const inputs = [f64(1, -2, 0.5), f64(3, 4, 0.25), f64(-7, 1, 0.125), f64(1, 1, 0.125)];

  test.each([
    ['sum', [-2, 4, 1]],
    ['avg', [-0.5, 1, 0.25]],
    ['max', [3, 4, 0.5]],
    ['min', [-7, -2, 0.125]],
  ] as const)('%s', (op, expected) => {
    expect([...allReduce(inputs, op)]).toEqual(expected);
    for (const dtype of REDUCIBLE_DTYPES) expect([...allReduceRounded(inputs, op, dtype)]).toEqual(expected);
  });

  test.each(['max', 'min'] as const)('%s gives NaN when any rank has it', (op) => {
    expect([...allReduce([f64(NAN, 1, 2), f64(1, NAN, 2)], op)]).toEqual([NAN, NAN, 2]);
    expect([...allReduceRounded([f64(NAN, 1, 2), f64(1, NAN, 2)], op, 'bf16')]).toEqual([NAN, NAN, 2]);
  });

  test('zeros: max prefers +0, min prefers -0, a sum of -0 stays -0', () => {
    const zeros = [f64(-0, 0, -0), f64(0, -0, -0)];
    expect([...allReduce(zeros, 'max')]).toEqual([0, 0, -0]);
    expect([...allReduce(zeros, 'min')]).toEqual([-0, -0, -0]);
    expect([...allReduce(zeros, 'sum')]).toEqual([0, 0, -0]);
  });

  test('infinities', () => {
    const values = [f64(INF, INF, 1), f64(1, NEG_INF, NEG_INF)];
    expect([...allReduce(values, 'sum')]).toEqual([INF, NAN, NEG_INF]);
    expect([...allReduce(values, 'max')]).toEqual([INF, INF, 1]);
  });

  test('the rounded sum is accumulated in float32, in rank order', () => {
    // 2^24 + 1 is a tie that falls back to 2^24, twice; the other way round 1 + 1 survives.
    expect([...allReduceRounded([f64(2 ** 24), f64(1), f64(1)], 'sum', 'f32')]).toEqual([2 ** 24]);
    expect([...allReduceRounded([f64(1), f64(1), f64(2 ** 24)], 'sum', 'f32')]).toEqual([2 ** 24 + 2]);
    expect([...allReduce([f64(2 ** 24), f64(1), f64(1)], 'sum')]).toEqual([2 ** 24 + 2]);
  });

  test('the rounded sum is rounded to the dtype once, at the end', () => {
    // In bf16 256 + 1 is a tie that falls back to 256; rounded after each addition the sum would stay there.
    expect([...allReduceRounded([f64(256), f64(1), f64(1)], 'sum', 'bf16')]).toEqual([258]);
    expect([...allReduceRounded([f64(2048), f64(1), f64(1)], 'sum', 'f16')]).toEqual([2050]);
  });

  test('partial sums may exceed f16; only the result overflows', () => {
    expect([...allReduceRounded([f64(60000), f64(60000), f64(-60000)], 'sum', 'f16')]).toEqual([60000]);
    expect([...allReduceRounded([f64(60000), f64(60000)], 'sum', 'f16')]).toEqual([INF]);
    expect([...allReduceRounded([f64(60000), f64(60000)], 'avg', 'f16')]).toEqual([60000]);
  });

  test('the average divides the float32 sum, in float32', () => {
    expect([...allReduceRounded([f64(1), f64(0), f64(0)], 'avg', 'f32')]).toEqual([Math.fround(1 / 3)]);
    // Times the float32 nearest to 1 / 3 this would be one ulp larger.
    expect([...allReduceRounded([f64(5), f64(0), f64(0)], 'avg', 'f32')]).toEqual([1.6666666269302368]);
    expect([...allReduceRounded([f64(2 ** 24), f64(1), f64(1)], 'avg', 'f32')]).toEqual([
      Math.fround(2 ** 24 / 3),
    ]);
  });

  test('f32 sums are those of a Float32Array', () => {
    fc.assert(
      fc.property(ranksOf('f32', 5), (inputs) => {
        const accumulated = Float32Array.from(inputs[0]!);
        for (const input of inputs.slice(1))
          input.forEach((value, i) => {
            accumulated[i]! += value;
          });
        expect([...allReduceRounded(inputs, 'sum', 'f32')]).toEqual([...accumulated]);
      }),
    );
  });

  test.each(REDUCIBLE_DTYPES)(
    '%s: max and min are among the inputs, and the average lies between them',
    (dtype) => {
      fc.assert(
        fc.property(ranksOf(dtype, 4), (inputs) => {
          const [max, min, avg] = [
            allReduce(inputs, 'max'),
            allReduce(inputs, 'min'),
            allReduceRounded(inputs, 'avg', dtype),
          ];
          for (let i = 0; i < 4; i++) {
            const column = inputs.map((input) => input[i]!);
            expect(column).toContain(max[i]);
            expect(column).toContain(min[i]);
            expect(column.every((value) => value <= max[i]! && value >= min[i]!)).toBe(true);
            // A float32 sum of up to 8 terms is off by a few units in its last place.
            const slack = 1e-5 * Math.max(Math.abs(max[i]!), Math.abs(min[i]!)) + 1e-30;
            expect(avg[i]).toBeGreaterThanOrEqual(min[i]! - slack);
            expect(avg[i]).toBeLessThanOrEqual(max[i]! + slack);
          }
        }),
      );
    },
  );

  test('inputs are left as they were', () => {
    const own = [f64(1, 2), f64(3, 4)];
    allReduce(own, 'avg');
    allReduceRounded(own, 'sum', 'bf16');
    expect(own.map((input) => [...input])).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('no ranks, or ranks that differ, are refused', () => {
    expect(() => allReduce([], 'sum')).toThrow('inputs is empty');
    expect(() => allReduce([f64(1, 2), f64(1)], 'sum')).toThrow(CrossoverError);
    expect(() => allReduce([f64(1, 2), f64(1)], 'sum')).toThrow('inputs[1] has 1 elements; it needs 2');
  });
});

describe('reduce-scatter', () => {
  test('gives each rank its part', () => {
    const inputs = [f64(1, 2, 3, 4), f64(10, 20, 30, 40)];
    expect(reduceScatter(inputs, 'sum').map((part) => [...part])).toEqual([
      [11, 22],
      [33, 44],
    ]);
  });

  test.each(REDUCE_OPS)('%s: gathered, the parts are the all-reduce', (op) => {
    const inputs = fc
      .integer({ min: 1, max: 5 })
      .chain((ranks) =>
        ranksOf('bf16', 3 * ranks).map((all) =>
          Array.from({ length: ranks }, (_, r) => all[r % all.length]!),
        ),
      );
    fc.assert(
      fc.property(inputs, (inputs) => {
        expect(allGather(reduceScatter(inputs, op))).toEqual(allReduce(inputs, op));
        expect(allGather(reduceScatterRounded(inputs, op, 'bf16'))).toEqual(
          allReduceRounded(inputs, op, 'bf16'),
        );
      }),
    );
  });

  test('refuses what does not divide', () => {
    expect(() => reduceScatter([f64(1, 2, 3), f64(1, 2, 3)], 'sum')).toThrow(
      'elements of inputs is 3; use a multiple of 2',
    );
  });
});

describe('all-gather and broadcast', () => {
  const inputs = [f64(1, 2), f64(-0, NAN), f64(5, 6)];

  test('all-gather puts parts in rank order', () => {
    expect([...allGather(inputs)]).toEqual([1, 2, -0, NAN, 5, 6]);
    expect(() => allGather([f64(1), f64()])).toThrow(CrossoverError);
  });

  test("broadcast gives the root's elements, as a copy", () => {
    const received = broadcast(inputs, 2);
    expect([...received]).toEqual([5, 6]);
    received[0] = 9;
    expect([...inputs[2]!]).toEqual([5, 6]);
    expect([...broadcast(inputs)]).toEqual([1, 2]);
  });

  test.each([-1, 3, 0.5])('broadcast refuses root %d', (root) => {
    expect(() => broadcast(inputs, root)).toThrow(`root is ${root}; use a rank, 0 to 2`);
  });
});

describe('bound on the error of a sum', () => {
  /** Sums in a tree, rounding each partial sum: an order no reference has. */
  function tree(terms: number[], round: (value: number) => number): number {
    if (terms.length === 1) return terms[0]!;
    const half = Math.ceil(terms.length / 2);
    return round(tree(terms.slice(0, half), round) + tree(terms.slice(half), round));
  }

  test.each([
    ['f32', 'f32'],
    ['bf16', 'f32'],
    ['bf16', 'bf16'],
    ['f16', 'f16'],
  ] as const)('%s accumulated in %s: any order stays within it', (dtype, accumulator) => {
    fc.assert(
      fc.property(ranksOf(dtype, 3), (inputs) => {
        const exact = { sum: allReduce(inputs, 'sum'), avg: allReduce(inputs, 'avg') };
        for (const op of ['sum', 'avg'] as const) {
          const bound = sumErrorBound(inputs, op, dtype, accumulator);
          for (let i = 0; i < 3; i++) {
            const round = (value: number) => roundToDType(accumulator, value);
            const sum = tree(inputs.map((input) => input[i]!).reverse(), round);
            const result = roundToDType(dtype, op === 'avg' ? round(sum / inputs.length) : sum);
            expect(Math.abs(result - exact[op][i]!)).toBeLessThanOrEqual(bound[i]!);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('is tight enough to find a mistake: one rank left out, one ulp off', () => {
    const inputs = [f64(1), f64(1), f64(1), f64(1)];
    expect(sumErrorBound(inputs, 'sum', 'bf16')[0]).toBeLessThan(2 ** -5);
    expect(sumErrorBound(inputs, 'sum', 'f32')[0]).toBeLessThan(2 ** -19);
    // A bf16 at 4 is 2^-5 apart, so rounding alone may cost 2^-6.
    expect(sumErrorBound(inputs, 'sum', 'bf16')[0]).toBeGreaterThanOrEqual(2 ** -6);
  });

  test('is gamma(n - 1) times the magnitudes, and half an ulp; an average rounds once more', () => {
    const [u, two] = [2 ** -24, [f64(1), f64(1)]];
    expect(sumErrorBound(two, 'sum', 'f32')[0]).toBeCloseTo((2 * u) / (1 - u) + 2 ** -23, 18);
    expect(sumErrorBound(two, 'avg', 'f32')[0]).toBeCloseTo((2 * u) / (1 - 2 * u) + 2 ** -24, 18);
  });

  test('grows with what cancels', () => {
    expect(sumErrorBound([f64(1e6), f64(-1e6)], 'sum', 'f32')[0]).toBeGreaterThan(0.05);
    expect(sumErrorBound([f64(1), f64(-1)], 'sum', 'f32')[0]).toBeLessThan(1e-6);
  });
});
