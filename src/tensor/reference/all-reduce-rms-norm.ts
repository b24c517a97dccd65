/**
 * @file The fused operation: all-reduce, residual addition, RMSNorm, quantization. The unfused program it stands for:
 *
 *     s = all_reduce(inputs, sum)                       rounded to the dtype, accumulated in float32 in rank order
 *     h = s + residual                                  rounded to the dtype; h = s when there is no residual
 *     y = rms_norm(h, weight, epsilon, weightBias)      rounded to the dtype; with castBeforeWeight, before the weight, too
 *     q = quantize(y)
 *
 * The fused kernels round where this program does, so that fusing changes no bit of `h`, and changes `y` only as far as
 * float32 sums of squares differ in their order. `...Rounded` has these rounding points; the other has none.
 */
import type { Quantization } from '../../operations.ts';
import type { ReducibleDType } from '../dtype.ts';
import { add, addRounded } from './add.ts';
import { allReduce, allReduceRounded } from './all-reduce.ts';
import { quantize, quantizeRounded } from './quantize.ts';
import type { Quantized } from './quantized.ts';
import { rmsNorm, rmsNormRounded } from './rms-norm.ts';

/** Operands of the fused operation. For `...Rounded`, tensors hold numbers of the dtype. */
export interface AllReduceRmsNormOperands {
  /** One array a rank, [tokens, hidden]. */
  readonly inputs: readonly Float64Array[];
  /** [tokens, hidden], the same on every rank. */
  readonly residual?: Float64Array | undefined;
  /** [hidden] */
  readonly weight: Float64Array;
  /** Added to the mean of squares. */
  readonly epsilon: number;
  /** Added to every weight: 1 for models that store weight - 1, 0 by default. */
  readonly weightBias?: number | undefined;
  /** Rounds before the weight, too, where there is rounding; false by default. */
  readonly castBeforeWeight?: boolean | undefined;
  /** `none` by default. */
  readonly quantization?: Quantization | undefined;
  /** Scale of `f8e4m3_static`, global scale of `nvfp4`. */
  readonly scale?: number | undefined;
}

/** What every rank holds afterwards. */
export interface AllReduceRmsNormResult {
  /** h above, [tokens, hidden]: the next layer's residual. */
  readonly residualOut: Float64Array;
  /** y above, [tokens, hidden]. */
  readonly output: Float64Array;
  /** Absent for quantization `none`. */
  readonly quantized: Quantized | undefined;
}

/** The fused operation in float64, with no rounding but that of codes and NVFP4 block scales. Throws as its parts do. */
export function allReduceRmsNorm(operands: AllReduceRmsNormOperands): AllReduceRmsNormResult {
  const { inputs, residual, weight, epsilon, weightBias = 0, quantization = 'none', scale } = operands;
  const sum = allReduce(inputs, 'sum');
  const residualOut = residual === undefined ? sum : add(sum, residual);
  const output = rmsNorm(residualOut, weight, epsilon, weightBias);
  const quantized =
    quantization === 'none' ? undefined : quantize(output, weight.length, quantization, scale);
  return { residualOut, output, quantized };
}

/**
 * The fused operation with the kernels' rounding points. `residualOut` is what kernels give bit by bit; `output` is within
 * an ulp or two of theirs; `quantized` is made from this `output` (to check a kernel's codes exactly, pass the kernel's own
 * output to `quantizeRounded`).
 */
export function allReduceRmsNormRounded(
  operands: AllReduceRmsNormOperands,
  dtype: ReducibleDType,
): AllReduceRmsNormResult {
  const { inputs, residual, weight, epsilon, weightBias = 0, castBeforeWeight = false } = operands;
  const { quantization = 'none', scale } = operands;
  const sum = allReduceRounded(inputs, 'sum', dtype);
  const residualOut = residual === undefined ? sum : addRounded(sum, residual, dtype);
  const output = rmsNormRounded(residualOut, weight, epsilon, weightBias, dtype, castBeforeWeight);
  const quantized =
    quantization === 'none' ? undefined : quantizeRounded(output, weight.length, quantization, scale);
  return { residualOut, output, quantized };
}
