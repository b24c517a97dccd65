/**
 * @file One problem for [all-reduce +] [residual +] RMSNorm [+ quantization], its operands in device memory, and its judge.
 */
import type { NormOperands } from '../../../dist/collective/fused.js';
import type { Tensor } from '../../../dist/memory/tensor.js';
import type { Quantization } from '../../../dist/operations.js';
import type { DType, ReducibleDType } from '../../../dist/tensor/dtype.js';
import { decodeArray, encodeArray } from '../../../dist/tensor/formats/array.js';
import { roundToDType } from '../../../dist/tensor/formats/element.js';
import { quantizeRounded } from '../../../dist/tensor/reference/quantize.js';
import { rmsNorm, weighCast } from '../../../dist/tensor/reference/rms-norm.js';
import { worstUlpError } from '../../../dist/tensor/ulp.js';
import { type Buffers, take } from './buffers.ts';
import { differs } from './expect.ts';

export interface NormProblem {
  readonly dtype: ReducibleDType;
  readonly tokens: number;
  readonly hidden: number;
  readonly quantization: Quantization;
  readonly scale: number | undefined;
  readonly epsilon: number;
  readonly weightBias: number;
  readonly castBeforeWeight: boolean;
  readonly input: Uint8Array;
  readonly residual: Uint8Array | undefined;
  readonly weight: Uint8Array | undefined;
}

/** Which operands a call is given; results are the same whatever is asked for. */
export interface Shape {
  /** `apart`: residualOut is another tensor. `inPlace`: the residual is updated. Without a residual, `inPlace` asks for no residualOut. */
  readonly residualOut: 'apart' | 'inPlace';
  /** `absent` only where there is a quantized output. */
  readonly out: 'apart' | 'input' | 'absent';
}

export const EVERYTHING: Shape = { residualOut: 'apart', out: 'apart' };

/** What a call left behind; absent where it was not asked for. */
export interface NormResult {
  readonly residualOut: Uint8Array | undefined;
  readonly out: Uint8Array | undefined;
  readonly quantOut: Uint8Array | undefined;
  readonly scaleOut: Uint8Array | undefined;
}

const QUANT_DTYPE = {
  f8e4m3_static: 'f8e4m3',
  f8e4m3_token: 'f8e4m3',
  i8_token: 'i8',
  nvfp4: 'e2m1x2',
} as const;

/** dtype of each part of a result. */
export function dtypesOf({ dtype, quantization }: NormProblem): Record<keyof NormResult, DType> {
  return {
    residualOut: dtype,
    out: dtype,
    quantOut: quantization === 'none' ? 'f8e4m3' : QUANT_DTYPE[quantization],
    scaleOut: quantization === 'nvfp4' ? 'f8e4m3' : 'f32',
  };
}

/** Allocates the operands, has them worked on, and reads the results. */
export function solve(
  problem: NormProblem,
  shape: Shape,
  buffers: Buffers,
  run: (operands: NormOperands) => void,
): NormResult {
  const { dtype, tokens, hidden, quantization, scale, epsilon, weightBias, castBeforeWeight } = problem;
  const like = [tokens, hidden];
  const input = buffers.make(dtype, like, problem.input);
  const residual = problem.residual && buffers.make(dtype, like, problem.residual);
  const apart = shape.residualOut === 'apart' ? buffers.make(dtype, like) : undefined;
  const weight = problem.weight && buffers.make(dtype, [hidden], problem.weight);
  const out = shape.out === 'apart' ? buffers.make(dtype, like) : shape.out === 'input' ? input : undefined;
  const dtypes = dtypesOf(problem);
  const quantized = quantization !== 'none';
  const width = quantization === 'nvfp4' ? hidden / 2 : hidden;
  const quantOut = quantized ? buffers.make(dtypes.quantOut, [tokens, width]) : undefined;
  const scaleShape = quantization === 'nvfp4' ? [tokens, hidden / 16] : [tokens];
  const scaleOut =
    quantized && quantization !== 'f8e4m3_static' ? buffers.make(dtypes.scaleOut, scaleShape) : undefined;
  run({
    input,
    residual,
    residualOut: apart,
    weight,
    weightBias,
    castBeforeWeight,
    epsilon,
    out,
    quantization,
    quantOut,
    scaleOut,
    scale,
  });
  const parts = [apart ?? residual, out, quantOut, scaleOut];
  const taken = take(...parts.filter((x) => x !== undefined), input);
  const next = (x: Tensor | undefined): Uint8Array | undefined => x && taken.shift();
  const [residualBytes, outBytes, quantBytes, scaleBytes] = parts.map(next);
  return { residualOut: residualBytes, out: outBytes, quantOut: quantBytes, scaleOut: scaleBytes };
}

/**
 * How far `out` may be from the exact norm of the same row. For 16 bits, float32 arithmetic adds nearly nothing to the rounding at the
 * end. For f32 there are the sum of squares, the root, two products and the sum of weight and bias, each rounded to an ulp or less.
 */
const MOST_ULP = { f32: 4, f16: 0.51, bf16: 0.51 } as const;

/** Whether the squares of a row, added up, leave float32's range: kernels then give 0 or infinity where float64 gives numbers. */
function leavesFloat32(row: Float64Array, epsilon: number): boolean {
  const squares = row.reduce((sum, x) => sum + x * x, 0);
  if (squares === 0 || !Number.isFinite(squares)) return false;
  return squares > 1e38 || squares / row.length + epsilon < 1e-30;
}

/**
 * A row that is rounded before the weight. Next to a tie, float32 may round `x * rstd` to either side, and a product takes that further apart than
 * any bound of ulps that would find a missing rounding. So every number has to be, bit for bit, what one of the sides gives: mostly there is one.
 */
function judgeCast(
  out: Float64Array,
  exact: Float64Array,
  weight: Float64Array,
  weightBias: number,
  dtype: ReducibleDType,
): string | undefined {
  for (const [i, x] of exact.entries()) {
    const sides = [1, 1 - 2 ** -18, 1 + 2 ** -18].map((factor) => roundToDType(dtype, x * factor));
    const expected = sides.map((side) => weighCast(side, weight[i]!, weightBias, dtype));
    if (!expected.some((y) => Object.is(y, out[i])))
      return `${i}] is ${out[i]}, not ${[...new Set(expected)].join(' or ')}`;
  }
  return undefined;
}

/** What is wrong with a result that has everything: judged from its own residualOut and its own out, step by step. */
export function judge(problem: NormProblem, result: NormResult): string | undefined {
  const { dtype, tokens, hidden, quantization, scale, epsilon, weightBias } = problem;
  const h = decodeArray(dtype, result.residualOut!);
  const out = decodeArray(dtype, result.out!);
  const weight = problem.weight && decodeArray(dtype, problem.weight);
  const ones = new Float64Array(hidden).fill(1);
  const castWeight = problem.castBeforeWeight && dtype !== 'f32' ? weight : undefined;
  const exact =
    weight && !castWeight
      ? rmsNorm(h, weight, Math.fround(epsilon), Math.fround(weightBias))
      : rmsNorm(h, ones, Math.fround(epsilon));
  for (let t = 0; t < tokens; t++) {
    const [from, to] = [t * hidden, (t + 1) * hidden];
    if (leavesFloat32(h.subarray(from, to), epsilon)) continue;
    if (castWeight) {
      const wrong = judgeCast(
        out.subarray(from, to),
        exact.subarray(from, to),
        castWeight,
        weightBias,
        dtype,
      );
      if (wrong !== undefined) return `out [${t}, ${wrong}`;
      continue;
    }
    const { error, index, actual, expected } = worstUlpError(
      dtype,
      encodeArray(dtype, out.subarray(from, to)),
      exact.subarray(from, to),
    );
    if (error > MOST_ULP[dtype]) return `out [${t}, ${index}] is ${actual}, ${error} ulp from ${expected}`;
  }
  if (quantization === 'none') return undefined;
  const expected = quantizeRounded(out, hidden, quantization, scale);
  const codes = differs(expected.dtype, result.quantOut!, expected.bytes);
  if (codes !== undefined) return `quantOut: ${codes}`;
  if (result.scaleOut === undefined) return undefined;
  const scales = differs(expected.scaleDtype, result.scaleOut, expected.scaleBytes);
  return scales && `scaleOut: ${scales}`;
}

/** What differs between what two calls left, where both were asked for it. */
export function compare(problem: NormProblem, actual: NormResult, expected: NormResult): string | undefined {
  const dtypes = dtypesOf(problem);
  for (const part of ['residualOut', 'out', 'quantOut', 'scaleOut'] as const) {
    const [a, b] = [actual[part], expected[part]];
    const difference = a && b && differs(dtypes[part], a, b);
    if (difference !== undefined) return `${part}: ${difference}`;
  }
  return undefined;
}

export function problemLabel(problem: NormProblem): string {
  const { dtype, tokens, hidden, quantization, residual, weight, weightBias, epsilon } = problem;
  const cast = problem.castBeforeWeight ? ' cast' : '';
  return `${dtype} [${tokens}, ${hidden}] ${quantization}${residual ? ' residual' : ''}${weight ? ` weight+${weightBias}` : ''}${cast} eps ${epsilon}`;
}
