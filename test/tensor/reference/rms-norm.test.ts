/**
 * @file RMSNorm, residual addition and the fused operation: worked cases, properties, and rounding points.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { QUANTIZATIONS } from '../../../dist/operations.js';
import { REDUCIBLE_DTYPES, type ReducibleDType } from '../../../dist/tensor/dtype.js';
import { encodeArray, roundArray } from '../../../dist/tensor/formats/array.js';
import { roundToDType } from '../../../dist/tensor/formats/element.js';
import { add, addRounded } from '../../../dist/tensor/reference/add.js';
import {
  allReduceRmsNorm,
  allReduceRmsNormRounded,
} from '../../../dist/tensor/reference/all-reduce-rms-norm.js';
import { quantize, quantizeRounded } from '../../../dist/tensor/reference/quantize.js';
import { rmsNorm, rmsNormRounded, weighCast } from '../../../dist/tensor/reference/rms-norm.js';
import { maxUlpError } from '../../../dist/tensor/ulp.js';
import { elements, f64, ranksOf } from './arrays.ts';

/** These numbers, give or take the last bits of a float64. */
const close = (...values: number[]) => values.map((value) => expect.closeTo(value, 12));

describe('RMSNorm', () => {
  test('divides each row by its own root mean square', () => {
    // The means of squares are (1 + 49) / 2 = 25 and 4.
    expect([...rmsNorm(f64(1, 7, 2, -2), f64(1, 1), 0)]).toEqual(close(0.2, 1.4, 1, -1));
  });

  test('multiplies by weight + bias, and adds epsilon to the mean of squares', () => {
    expect([...rmsNorm(f64(1, 7), f64(5, -10), 0)]).toEqual(close(1, -14));
    expect([...rmsNorm(f64(1, 7), f64(5, -10), 75)]).toEqual(close(0.5, -7));
    expect([...rmsNorm(f64(1, 7), f64(4, -11), 0, 1)]).toEqual(close(1, -14));
  });

  test('a row of zeros stays zero with an epsilon, and is NaN without', () => {
    expect([...rmsNorm(f64(0, 0), f64(1, 1), 1e-6)]).toEqual([0, 0]);
    expect([...rmsNorm(f64(0, 0), f64(1, 1), 0)]).toEqual([Number.NaN, Number.NaN]);
  });

  test('NaN and infinity stay in their row', () => {
    const y = rmsNorm(f64(Number.NaN, 1, Number.POSITIVE_INFINITY, 1, 3, 3), f64(1, 1), 0);
    expect([...y]).toEqual([Number.NaN, Number.NaN, Number.NaN, 0, 1, 1]);
  });

  test('the root mean square of the output is 1, and scaling a row changes nothing', () => {
    const row = elements('f32', 16).filter((x) => x.some((value) => Math.abs(value) > 1e-3));
    fc.assert(
      fc.property(row, fc.double({ min: 0.01, max: 100, noNaN: true }), (x, factor) => {
        const weight = new Float64Array(16).fill(1);
        const y = rmsNorm(x, weight, 0);
        expect(Math.sqrt(y.reduce((sum, value) => sum + value * value, 0) / 16)).toBeCloseTo(1, 12);
        const scaled = rmsNorm(
          x.map((value) => value * factor),
          weight,
          0,
        );
        for (let i = 0; i < 16; i++) expect(scaled[i]).toBeCloseTo(y[i]!, 12);
      }),
    );
  });

  test('the rounded form is the other one rounded, with epsilon and bias as float32', () => {
    const [x, weight] = [f64(1, 7, 0.5, 0.25), f64(0.3, 1.7)];
    const expected = roundArray('f16', rmsNorm(x, weight, Math.fround(1e-5), Math.fround(0.1)));
    expect([...rmsNormRounded(x, weight, 1e-5, 0.1, 'f16')]).toEqual([...expected]);
    expect([...expected]).not.toEqual([...rmsNorm(x, weight, 1e-5, 0.1)]);
    // An epsilon that dominates shows which of the two was used.
    const tiny = rmsNormRounded(f64(2 ** -60), f64(1), 0.1, 0, 'f32');
    expect([...tiny]).toEqual([Math.fround(2 ** -60 / Math.sqrt(Math.fround(0.1)))]);
  });

  // x * rstd is 0.2 and 1.4: 0.2001953125 and 1.3984375 in bf16, 0.199951171875 and 1.400390625 in f16.
  test.each([
    { dtype: 'bf16', weight: 9, once: [1.796875, 12.625], twice: [1.8046875, 12.5625] },
    { dtype: 'f16', weight: 3, once: [0.60009765625, 4.19921875], twice: [0.599609375, 4.203125] },
    { dtype: 'f32', weight: 3, once: [0.6, 4.2].map(Math.fround), twice: [0.6, 4.2].map(Math.fround) },
  ] as const)('$dtype: castBeforeWeight rounds before the weight and again after', (expected) => {
    const { dtype, weight, once, twice } = expected;
    const x = f64(1, 7);
    expect([...rmsNormRounded(x, f64(weight, weight), 0, 0, dtype)]).toEqual(once);
    expect([...rmsNormRounded(x, f64(weight, weight), 0, 0, dtype, true)]).toEqual(twice);
    expect([...rmsNormRounded(x, f64(weight - 1, weight - 1), 0, 1, dtype, true)]).toEqual(twice);
    const operands = { inputs: [x], weight: f64(weight, weight), epsilon: 0 };
    expect([...allReduceRmsNormRounded(operands, dtype).output]).toEqual(once);
    const cast = { ...operands, castBeforeWeight: true, quantization: 'f8e4m3_token' } as const;
    const result = allReduceRmsNormRounded(cast, dtype);
    expect([...result.output]).toEqual(twice);
    expect(result.quantized).toEqual(quantizeRounded(Float64Array.from(twice), 2, 'f8e4m3_token'));
    // Where nothing is rounded, there is nothing to round before.
    expect([...allReduceRmsNorm(cast).output]).toEqual([...allReduceRmsNorm(operands).output]);
  });

  test.each(REDUCIBLE_DTYPES)('%s: castBeforeWeight changes nothing without a weight', (dtype) => {
    fc.assert(
      fc.property(elements(dtype, 16), (x) => {
        const ones = new Float64Array(8).fill(1);
        const once = rmsNormRounded(x, ones, 1e-5, 0, dtype);
        expect([...rmsNormRounded(x, ones, 1e-5, 0, dtype, true)]).toEqual([...once]);
      }),
    );
  });

  test('a number that is cast meets weight + bias and the product in float32', () => {
    // Exactly it is a little less than halfway between two numbers of f16, in float32 it is halfway.
    expect(weighCast(1 + 2 ** -10, 0.0004878044128417969, 1, 'f16')).toBe(1 + 2 ** -9);
    expect(weighCast(2, -3, 1, 'bf16')).toBe(-4);
    expect(weighCast(Number.NaN, 1, 0, 'f16')).toBeNaN();
  });

  test('what is not a matrix, and a bad epsilon, are refused', () => {
    expect(() => rmsNorm(f64(1, 2, 3), f64(1, 1), 0)).toThrow(
      'x has 3 elements; it needs whole rows of hidden = 2',
    );
    expect(() => rmsNorm(f64(), f64(), 0)).toThrow(CrossoverError);
    for (const bad of [-1e-6, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => rmsNorm(f64(1), f64(1), bad)).toThrow(`epsilon is ${bad}; use`);
    }
  });
});

describe('addition', () => {
  test('rounded and not', () => {
    expect([...add(f64(256, 1), f64(1, 2))]).toEqual([257, 3]);
    expect([...addRounded(f64(256, 258), f64(1, 1), 'bf16')]).toEqual([256, 260]);
    expect(() => add(f64(1), f64(1, 2))).toThrow('y has 2 elements; it needs 1');
    expect(() => addRounded(f64(1), f64(1, 2), 'f32')).toThrow(CrossoverError);
  });

  test.each(REDUCIBLE_DTYPES)(
    '%s: going through float32 gives the number nearest to the exact sum',
    (dtype) => {
      fc.assert(
        fc.property(elements(dtype, 8), elements(dtype, 8), (x, y) => {
          expect([...addRounded(x, y, dtype)]).toEqual(
            [...x].map((value, i) => roundToDType(dtype, value + y[i]!)),
          );
        }),
        { numRuns: 1000 },
      );
    },
  );
});

describe('all-reduce + residual + RMSNorm', () => {
  const inputs = [f64(0.5, 3, 1, -1), f64(0.25, 2, 0.5, -0.5)];
  const residual = f64(0.25, 2, 0.5, -0.5);
  const weight = f64(5, -10);

  test('in float64', () => {
    const result = allReduceRmsNorm({ inputs, residual, weight, epsilon: 0 });
    expect([...result.residualOut]).toEqual([1, 7, 2, -2]);
    expect([...result.output]).toEqual(close(1, -14, 5, 10));
    expect(result.quantized).toBeUndefined();
  });

  test('without a residual, the sum is what is normed and handed on', () => {
    const result = allReduceRmsNorm({ inputs: [f64(1, 3), f64(0, 4)], weight, epsilon: 0 });
    expect([...result.residualOut]).toEqual([1, 7]);
    expect([...result.output]).toEqual(close(1, -14));
  });

  test.each(REDUCIBLE_DTYPES)('%s: nothing to round, nothing different', (dtype) => {
    const operands = { inputs, residual, weight, epsilon: 0, weightBias: 1 };
    const [exact, rounded] = [allReduceRmsNorm(operands), allReduceRmsNormRounded(operands, dtype)];
    expect(rounded.residualOut).toEqual(exact.residualOut);
    expect(maxUlpError(dtype, encodeArray(dtype, rounded.output), exact.output)).toBeLessThanOrEqual(0.5);
  });

  test('bf16: the sum is rounded before the residual is added, and again after', () => {
    // 256 + 1 falls back to 256 in bf16, and once more when the residual 1 is added; in one go 258 would be exact.
    const operands = { inputs: [f64(256), f64(1)], residual: f64(1), weight: f64(1), epsilon: 0 };
    expect([...allReduceRmsNormRounded(operands, 'bf16').residualOut]).toEqual([256]);
    expect([...allReduceRmsNorm(operands).residualOut]).toEqual([258]);
  });

  /** The unfused program, one element at a time, with float32 and dtype rounding written where kernels have it. */
  function unfused(
    ranks: Float64Array[],
    residual: Float64Array,
    weight: Float64Array,
    dtype: ReducibleDType,
  ) {
    const hidden = weight.length;
    const h: number[] = [];
    const y: number[] = [];
    for (let i = 0; i < residual.length; i++) {
      let sum = ranks[0]![i]!;
      for (const rank of ranks.slice(1)) sum = Math.fround(sum + rank[i]!);
      h.push(roundToDType(dtype, Math.fround(roundToDType(dtype, sum) + residual[i]!)));
    }
    for (let i = 0; i < h.length; i++) {
      const start = Math.floor(i / hidden) * hidden;
      let squares = 0;
      for (let j = 0; j < hidden; j++) squares += h[start + j]! ** 2;
      y.push((h[i]! * (weight[i % hidden]! + 1)) / Math.sqrt(squares / hidden + Math.fround(1e-6)));
    }
    return { h, y };
  }

  test.each(REDUCIBLE_DTYPES)('%s: the same bits as the unfused program', (dtype) => {
    fc.assert(
      fc.property(ranksOf(dtype, 16), elements(dtype, 16), elements(dtype, 8), (ranks, residual, weight) => {
        const operands = { inputs: ranks, residual, weight, epsilon: 1e-6, weightBias: 1 };
        const { residualOut, output } = allReduceRmsNormRounded(operands, dtype);
        const { h, y } = unfused(ranks, residual, weight, dtype);
        expect([...residualOut]).toEqual(h);
        expect(maxUlpError(dtype, encodeArray(dtype, output), y)).toBeLessThanOrEqual(0.5001);
        expect([...output]).toEqual([...roundArray(dtype, output)]);
      }),
      { numRuns: 300 },
    );
  });

  test.each(REDUCIBLE_DTYPES)('%s: fused without intermediate rounding is close by', (dtype) => {
    // Positive numbers, so that nothing cancels: three roundings and the row's mean, each below an ulp.
    const positive = elements(dtype, 16)
      .map((x) => x.map((value) => Math.abs(value) + 1))
      .map((x) => roundArray(dtype, x));
    fc.assert(
      fc.property(positive, positive, positive, (a, b, residual) => {
        const operands = { inputs: [a, b], residual, weight: a, epsilon: 1e-5 };
        const rounded = allReduceRmsNormRounded(operands, dtype);
        const exact = allReduceRmsNorm(operands);
        expect(
          maxUlpError(dtype, encodeArray(dtype, rounded.residualOut), exact.residualOut),
        ).toBeLessThanOrEqual(1.5);
        expect(maxUlpError(dtype, encodeArray(dtype, rounded.output), exact.output)).toBeLessThanOrEqual(5);
      }),
    );
  });

  test.each(QUANTIZATIONS.filter((name) => name !== 'none'))(
    '%s quantizes the output, rounded or not',
    (quantization) => {
      const x = Float64Array.from({ length: 32 }, (_, i) => Math.sin(i + 1));
      const ones = new Float64Array(16).fill(1);
      const operands = {
        inputs: [roundArray('bf16', x)],
        weight: ones,
        epsilon: 1e-5,
        quantization,
        scale: 0.3,
      };
      const rounded = allReduceRmsNormRounded(operands, 'bf16');
      expect(rounded.quantized).toEqual(quantizeRounded(rounded.output, 16, quantization, 0.3));
      const exact = allReduceRmsNorm(operands);
      expect(exact.quantized).toEqual(quantize(exact.output, 16, quantization, 0.3));
      expect(rounded.quantized!.bytes.some((byte) => byte !== 0)).toBe(true);
    },
  );

  test('operands that do not fit are refused', () => {
    expect(() => allReduceRmsNorm({ inputs, residual: f64(1), weight, epsilon: 0 })).toThrow(
      'y has 1 elements',
    );
    expect(() => allReduceRmsNorm({ inputs, weight: f64(1, 1, 1), epsilon: 0 })).toThrow(
      'whole rows of hidden = 3',
    );
    expect(() =>
      allReduceRmsNormRounded({ inputs, weight, epsilon: 0, quantization: 'f8e4m3_static' }, 'f16'),
    ).toThrow('scale is undefined');
  });
});
