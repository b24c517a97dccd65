/** @file What quantization makes. */
import type { DType } from '../dtype.ts';

/** A quantized tensor, as the bytes a kernel writes and as the numbers they stand for. */
export interface Quantized {
  /** `f8e4m3`, `i8`, or `e2m1x2` with two elements a byte. */
  readonly dtype: DType;
  /** Codes, [tokens, hidden] elements. */
  readonly bytes: Uint8Array;
  /** `f32` for scales of tokens and tensors, `f8e4m3` for NVFP4 blocks. */
  readonly scaleDtype: 'f32' | 'f8e4m3';
  /** [1] for `f8e4m3_static` (the caller's), [tokens] for a scale a token, [tokens, hidden / 16] for `nvfp4`. */
  readonly scales: Float64Array;
  /** `scales` encoded in `scaleDtype`. */
  readonly scaleBytes: Uint8Array;
  /** [tokens, hidden] numbers that codes and scales stand for, in float64. */
  readonly dequantized: Float64Array;
}
