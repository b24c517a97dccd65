/**
 * @file NVFP4: e2m1 values, an f8e4m3 scale for every 16 of them, and one float32 global scale g that the caller gives.
 * The convention is the one of TensorRT-LLM, FlashInfer and vLLM, where g multiplies: usually g = 448 * 6 / amax(tensor),
 * so that the largest block scale comes out at 448 and the largest value at 6.
 *
 *     block scale = f8e4m3(amax(block) / 6 * g)
 *     code        = e2m1(x * (g / block scale))       zeros, with the sign of x, where the block scale rounded to 0
 *     x is about    decode(code) * block scale / g
 *
 * Scales lie in plain row-major order, [tokens, hidden / 16], not in the swizzled order that some matrix kernels read.
 */
import { CrossoverError } from '../../errors.ts';
import { encodeArray } from '../formats/array.ts';
import { decodeE2m1, encodeE2m1, packE2m1 } from '../formats/e2m1.ts';
import { decodeF8e4m3, encodeF8e4m3 } from '../formats/f8e4m3.ts';
import type { Quantized } from './quantized.ts';
import { checkScale, tokenCount } from './ranks.ts';

/** Elements that share a block scale. */
export const NVFP4_BLOCK = 16;

const E2M1_MAX = 6;

/**
 * Quantizes to NVFP4. NaN anywhere in a block makes its scale NaN; infinities saturate.
 * @param x [tokens, hidden], hidden a multiple of 16
 * @param globalScale g above, positive and finite
 * @param round applied to every intermediate result: nothing for float64, `Math.fround` for float32 arithmetic
 */
export function quantizeNvfp4(
  x: Float64Array,
  hidden: number,
  globalScale: number | undefined,
  round: (value: number) => number,
): Quantized {
  tokenCount(x.length, hidden, 'x');
  if (hidden % NVFP4_BLOCK !== 0) {
    throw new CrossoverError(`hidden is ${hidden}; nvfp4 needs a multiple of ${NVFP4_BLOCK}`);
  }
  const g = checkScale(globalScale, 'scale', round);
  const bytes = new Uint8Array(x.length / 2);
  const scales = new Float64Array(x.length / NVFP4_BLOCK);
  const dequantized = new Float64Array(x.length);
  for (let block = 0; block < scales.length; block++) {
    const start = block * NVFP4_BLOCK;
    let amax = 0;
    for (let i = start; i < start + NVFP4_BLOCK; i++) amax = Math.max(amax, Math.abs(x[i]!));
    const scale = decodeF8e4m3(encodeF8e4m3(round(round(amax / E2M1_MAX) * g)));
    scales[block] = scale;
    const factor = scale === 0 ? 0 : round(g / scale);
    const code = (i: number): number => encodeE2m1(round(x[i]! * factor));
    for (let i = start; i < start + NVFP4_BLOCK; i += 2) {
      const [low, high] = [code(i), code(i + 1)];
      bytes[i / 2] = packE2m1(low, high);
      dequantized[i] = (decodeE2m1(low) * scale) / g;
      dequantized[i + 1] = (decodeE2m1(high) * scale) / g;
    }
  }
  return {
    dtype: 'e2m1x2',
    bytes,
    scaleDtype: 'f8e4m3',
    scales,
    scaleBytes: encodeArray('f8e4m3', scales),
    dequantized,
  };
}
