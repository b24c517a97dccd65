/**
 * @file The operands of all-reduce + residual + RMSNorm (+ quantization), alone or fused, and their checks.
 *
 * What is computed, with D the dtype of `input` and round_D rounding to nearest even:
 *
 *   s = round_D(sum over ranks of input)                       fused operation only; float32 in rank order
 *   h = round_D(s + residual), or s without residual           -> residualOut
 *   y = round_D((h / sqrt(mean(h^2) + epsilon)) * (weight + weightBias))   -> out; with castBeforeWeight, the first factor is rounded, too
 *   quantized y, with scales                                   -> quantOut, scaleOut
 */

import type { Launch } from '../engine/engine.ts';
import { CrossoverError } from '../errors.ts';
import type { SymmetricHeap } from '../memory/heap.ts';
import type { Tensor } from '../memory/tensor.ts';
import { QUANTIZATIONS, type Quantization, SMALLEST_SCALE } from '../operations.ts';
import type { DType } from '../tensor/dtype.ts';
import {
  checkApart,
  checkCount,
  checkOverlap,
  checkReducible,
  checkSameDType,
  checkTensor,
  shapeOf,
} from './validate.ts';

export interface NormOperands {
  /** [tokens, hidden] (any leading dimensions), f32, f16 or bf16. The fused operation may overwrite it. */
  readonly input: Tensor;
  /** Like `input`; added to the sum. */
  readonly residual?: Tensor | undefined;
  /** Gets the sum (plus residual) before the norm. By default the residual is updated in place; without one, nothing is kept. */
  readonly residualOut?: Tensor | undefined;
  /** [hidden], same dtype as `input`; absent means ones. GPUs read it ahead: after an operation that writes it, `synchronize()` first. */
  readonly weight?: Tensor | undefined;
  /** Added to every weight: 1 for models that store weight - 1 (Gemma); 0 by default. */
  readonly weightBias?: number | undefined;
  /**
   * Where the norm rounds to the dtype. `false`, the default: once, after the weight, as torch's rms_norm and Gemma do. `true`: before the weight, and
   * the product again, as Hugging Face's LlamaRMSNorm and vLLM's kernels do. For f32, and without a weight, both are the same.
   */
  readonly castBeforeWeight?: boolean | undefined;
  /** 0 or greater, added to the mean of squares. */
  readonly epsilon: number;
  /** Plain output, like `input`; may be `input` itself. Optional when there is a quantized output. */
  readonly out?: Tensor | undefined;
  /** `none` by default. */
  readonly quantization?: Quantization | undefined;
  /** [tokens, hidden] f8e4m3 or i8; [tokens, hidden / 2] e2m1x2 for nvfp4. */
  readonly quantOut?: Tensor | undefined;
  /** f32 [tokens] for scales per token; f8e4m3 [tokens, hidden / 16] for nvfp4. */
  readonly scaleOut?: Tensor | undefined;
  /** The caller's scale, finite and positive: f8e4m3_static multiplies by its reciprocal, nvfp4 by it (its global scale). */
  readonly scale?: number | undefined;
}

const QUANT_DTYPE: Readonly<Record<Exclude<Quantization, 'none'>, DType>> = {
  f8e4m3_static: 'f8e4m3',
  f8e4m3_token: 'f8e4m3',
  i8_token: 'i8',
  nvfp4: 'e2m1x2',
};

/** Checks the operands and fills them into a launch. */
export function fillNorm(
  launch: Launch,
  operands: NormOperands,
  heap: SymmetricHeap,
  maxHidden: number,
): void {
  const { input, residual, weight, out, epsilon } = operands;
  const residualOut = operands.residualOut ?? residual;
  const weightBias = operands.weightBias ?? 0;
  checkTensor('input', input, heap);
  checkReducible('input', input);
  const hidden = input.shape[input.shape.length - 1] ?? 0;
  if (hidden < 1 || hidden > maxHidden) {
    throw new CrossoverError(`input ${shapeOf(input)} has hidden size ${hidden}; use 1 to ${maxHidden}`);
  }
  if (!(epsilon >= 0 && Number.isFinite(Math.fround(epsilon)))) {
    throw new CrossoverError(`epsilon is ${epsilon}; use a number from 0 up that float32 can hold`);
  }
  if (!Number.isFinite(Math.fround(weightBias)))
    throw new CrossoverError(`weightBias is ${weightBias}; use 0, or 1 for (1 + weight)`);
  const castBeforeWeight = checkCast(operands.castBeforeWeight ?? false);
  if (residual) checkLike('residual', residual, input, heap);
  if (residualOut) {
    checkLike('residualOut', residualOut, input, heap);
    if (residual) checkOverlap('residualOut', residualOut, 'residual', residual);
    checkApart('residualOut', residualOut, 'input', input);
  }
  if (residual) checkApart('residual', residual, 'input', input);
  if (weight) {
    checkTensor('weight', weight, heap);
    checkSameDType('weight', weight, 'input', input);
    checkCount('weight', weight, hidden, 'the hidden size');
    if (residualOut) checkApart('weight', weight, 'residualOut', residualOut);
    checkApart('weight', weight, 'input', input);
  }
  if (out) {
    checkLike('out', out, input, heap);
    checkOverlap('out', out, 'input', input);
    if (residual) checkApart('out', out, 'residual', residual);
    if (residualOut) checkApart('out', out, 'residualOut', residualOut);
    if (weight) checkApart('out', out, 'weight', weight);
  }
  launch.dtype = input.code;
  launch.reduceOp = 0;
  launch.count = input.count;
  launch.tokens = input.count / hidden;
  launch.hidden = hidden;
  launch.input = input.address;
  launch.output = out ? out.address : 0;
  launch.residual = residual ? residual.address : 0;
  launch.residualOut = residualOut ? residualOut.address : 0;
  launch.weight = weight ? weight.address : 0;
  launch.weightBias = weightBias;
  launch.castBeforeWeight = castBeforeWeight;
  launch.epsilon = epsilon;
  launch.root = 0;
  launch.parts = undefined;
  fillQuantization(launch, operands, heap, residualOut);
}

function checkLike(name: string, x: Tensor, input: Tensor, heap: SymmetricHeap): void {
  checkTensor(name, x, heap);
  checkSameDType(name, x, 'input', input);
  checkCount(name, x, input.count, `as input ${shapeOf(input)}`);
}

/** Whoever calls from JavaScript may pass anything, and a number or a word would count as true unnoticed. */
function checkCast(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  const shown = typeof value === 'string' ? `"${value}"` : String(value);
  throw new CrossoverError(`castBeforeWeight is ${shown}; use true or false`);
}

function fillQuantization(
  launch: Launch,
  operands: NormOperands,
  heap: SymmetricHeap,
  residualOut: Tensor | undefined,
): void {
  const { quantOut, scaleOut, out } = operands;
  const quantization = operands.quantization ?? 'none';
  launch.quantization = QUANTIZATIONS.indexOf(quantization);
  launch.quantOut = 0;
  launch.scaleOut = 0;
  launch.scale = 0;
  if (quantization === 'none') {
    if (!out)
      throw new CrossoverError(
        'out is missing; it may be left out only when a quantized output is asked for',
      );
    if (quantOut || scaleOut)
      throw new CrossoverError(`${quantOut ? 'quantOut' : 'scaleOut'} is given but quantization is none`);
    return;
  }
  const dtype = QUANT_DTYPE[quantization];
  if (dtype === undefined) {
    throw new CrossoverError(
      `quantization "${quantization}" is unknown; use one of ${QUANTIZATIONS.join(', ')}`,
    );
  }
  const { tokens, hidden } = launch;
  if (!quantOut) throw new CrossoverError(`quantOut is missing; quantization ${quantization} writes to it`);
  checkTensor('quantOut', quantOut, heap);
  if (quantOut.dtype !== dtype)
    throw new CrossoverError(`quantOut has dtype ${quantOut.dtype}; ${quantization} writes ${dtype}`);
  if (quantization === 'nvfp4' && hidden % 16 !== 0) {
    throw new CrossoverError(`hidden size is ${hidden}; nvfp4 needs a multiple of 16`);
  }
  checkCount(
    'quantOut',
    quantOut,
    quantization === 'nvfp4' ? (tokens * hidden) / 2 : tokens * hidden,
    'tokens x hidden',
  );
  launch.quantOut = quantOut.address;
  if (quantization === 'f8e4m3_static') {
    if (scaleOut) throw new CrossoverError('scaleOut is given but f8e4m3_static writes no scales');
  } else {
    if (!scaleOut)
      throw new CrossoverError(`scaleOut is missing; quantization ${quantization} writes its scales to it`);
    checkTensor('scaleOut', scaleOut, heap);
    const scaleDType = quantization === 'nvfp4' ? 'f8e4m3' : 'f32';
    if (scaleOut.dtype !== scaleDType) {
      throw new CrossoverError(`scaleOut has dtype ${scaleOut.dtype}; ${quantization} writes ${scaleDType}`);
    }
    checkCount(
      'scaleOut',
      scaleOut,
      quantization === 'nvfp4' ? (tokens * hidden) / 16 : tokens,
      'one a token, or one for 16 elements',
    );
    launch.scaleOut = scaleOut.address;
  }
  if (quantization === 'f8e4m3_static' || quantization === 'nvfp4') {
    const scale = Math.fround(operands.scale ?? Number.NaN);
    if (!(scale > 0 && scale < Number.POSITIVE_INFINITY)) {
      throw new CrossoverError(
        `scale is ${operands.scale}; ${quantization} needs a finite positive number that float32 can hold`,
      );
    }
    if (quantization === 'f8e4m3_static' && scale < SMALLEST_SCALE) {
      throw new CrossoverError(
        `scale is ${operands.scale}; f8e4m3_static needs 2^-126 or more, so that float32 can hold its reciprocal`,
      );
    }
    launch.scale = scale;
  } else if (operands.scale !== undefined) {
    throw new CrossoverError(`scale is given but ${quantization} computes a scale for each token`);
  }
  const written = scaleOut ? [quantOut, scaleOut] : [quantOut];
  if (scaleOut) checkApart('quantOut', quantOut, 'scaleOut', scaleOut);
  for (const x of written) {
    const name = x === quantOut ? 'quantOut' : 'scaleOut';
    checkApart(name, x, 'input', operands.input);
    if (operands.residual) checkApart(name, x, 'residual', operands.residual);
    if (residualOut) checkApart(name, x, 'residualOut', residualOut);
    if (operands.weight) checkApart(name, x, 'weight', operands.weight);
    if (out) checkApart(name, x, 'out', out);
  }
}
