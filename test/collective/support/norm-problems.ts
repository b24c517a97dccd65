/**
 * @file Random problems for RMSNorm, fused or not.
 */
import { QUANTIZATIONS, type Quantization } from '../../../dist/operations.js';
import { REDUCIBLE_DTYPES, type ReducibleDType } from '../../../dist/tensor/dtype.js';
import { encodeArray } from '../../../dist/tensor/formats/array.js';
import type { NormProblem, Shape } from './norm.ts';
import type { Random } from './random.ts';
import { ROW_KINDS, rows } from './rows.ts';

export const HIDDEN = [1, 5, 16, 100, 128, 130, 257, 1024, 4096];
const TOKENS = [0, 1, 2, 3, 7, 33, 130];
/** Most elements of a problem: the reference takes its time. */
const MOST = 20_000;

export interface Combination {
  readonly dtype: ReducibleDType;
  readonly hidden: number;
  readonly quantization: Quantization;
}

/** Every dtype, hidden size and quantization that go together. */
export function combinations(): Combination[] {
  return HIDDEN.flatMap((hidden) =>
    QUANTIZATIONS.filter((quantization) => quantization !== 'nvfp4' || hidden % 16 === 0).flatMap(
      (quantization) => REDUCIBLE_DTYPES.map((dtype) => ({ dtype, hidden, quantization })),
    ),
  );
}

/** `shared` makes the problem, the same on all ranks; only the input is the rank's own. */
export function makeNormProblem(
  shared: Random,
  { dtype, hidden, quantization }: Combination,
  rank: number,
  tokens: number = shared.pick(TOKENS.filter((n) => n * hidden <= MOST)),
): NormProblem {
  const kinds = [shared.pick(ROW_KINDS), 'normal', shared.pick(ROW_KINDS), 'normal'] as const;
  const seed = shared.seed();
  const withResidual = shared.chance(0.6);
  const withWeight = shared.chance(0.7);
  const needsScale = quantization === 'f8e4m3_static' || quantization === 'nvfp4';
  return {
    dtype,
    tokens,
    hidden,
    quantization,
    scale: needsScale ? shared.pick([1, 0.037, 12.5]) : undefined,
    epsilon: shared.pick([0, 1e-6, 1e-5, 0.1]),
    weightBias: withWeight ? shared.pick([0, 1]) : 0,
    castBeforeWeight: shared.chance(0.5),
    input: rows(dtype, tokens, hidden, kinds, seed + 1000 * rank),
    residual: withResidual ? rows(dtype, tokens, hidden, ['normal', kinds[0]], seed + 77) : undefined,
    weight: withWeight
      ? encodeArray(
          dtype,
          Float64Array.from({ length: hidden }, () => shared.normal()),
        )
      : undefined,
  };
}

/** The largest float32. */
const LARGEST = (2 - 2 ** -23) * 2 ** 127;
/** Largest magnitudes of rows: around those whose scale is the smallest that there is, and at the end where a scale's reciprocal is 0 or NaN. */
const AMAX = [127, 448]
  .flatMap((code) => [0.99, 1, 1.01].map((factor) => factor * code * 2 ** -126))
  .concat(0, 2 ** -149, 2 ** -126, 2 ** -100, 1.5, LARGEST, Number.POSITIVE_INFINITY, Number.NaN);
const SHARES = [1, -1, -0, 0, 0.5, -1 / 3, 0.7, -(2 ** -8)];
/** Scales of the caller's whose reciprocal is the largest, or subnormal. */
const SCALES = [2 ** -126, 1.1 * 2 ** -126, 1e-20, 3, 1e30, 2 ** 127, LARGEST];

/** Quantizations at the ends of float32's range, which f16 does not have. One hidden size has whole vectors, one a rest. */
export function edgesOfScales(): NormProblem[] {
  const row = (amax: number, hidden: number): number[] =>
    Array.from({ length: hidden }, (_, i) =>
      i === 5 ? amax : SHARES[i % SHARES.length]! * (Number.isFinite(amax) ? amax : 1),
    );
  const problem = (dtype: ReducibleDType, hidden: number, quantization: Quantization, scale?: number) => ({
    dtype,
    tokens: AMAX.length,
    hidden,
    quantization,
    scale,
    epsilon: 0,
    weightBias: 0,
    castBeforeWeight: false,
    input: encodeArray(
      dtype,
      AMAX.flatMap((amax) => row(amax, hidden)),
    ),
    residual: undefined,
    weight: undefined,
  });
  return (['f32', 'bf16'] as const).flatMap((dtype) =>
    [64, 21].flatMap((hidden) => [
      problem(dtype, hidden, 'f8e4m3_token'),
      problem(dtype, hidden, 'i8_token'),
      ...SCALES.map((scale) => problem(dtype, hidden, 'f8e4m3_static', scale)),
    ]),
  );
}

export function randomShape(shared: Random, quantization: Quantization): Shape {
  const outs: Shape['out'][] = quantization === 'none' ? ['apart', 'input'] : ['apart', 'input', 'absent'];
  return { residualOut: shared.pick(['apart', 'inPlace'] as const), out: shared.pick(outs) };
}
