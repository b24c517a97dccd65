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

export function randomShape(shared: Random, quantization: Quantization): Shape {
  const outs: Shape['out'][] = quantization === 'none' ? ['apart', 'input'] : ['apart', 'input', 'absent'];
  return { residualOut: shared.pick(['apart', 'inPlace'] as const), out: shared.pick(outs) };
}
