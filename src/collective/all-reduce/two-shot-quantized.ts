/** @file All-reduce, two-shot with f8e4m3 on the links. */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';

/** `chunk_bytes`: codes of a slice of a chunk, whole groups of 256. */
const SETTINGS = [64, 128].flatMap((blocks) =>
  [16384, 32768].map((chunk_bytes) => ({ chunk_bytes, blocks, threads: 512 })),
);

export const allReduceTwoShotQuantized: Algorithm = singleKernel(
  {
    operation: 'all_reduce',
    name: 'two_shot_quantized',
    summary:
      'as two_shot_staged, with values rounded to f8e4m3 twice on the way, a float32 scale per 256: half the bytes of a 16-bit type',
    source:
      "FlashInfer's quantized all-reduce (PR 3759) after kraken; here the owner uses the rounded sum too, so ranks agree bit by bit",
    bits: 'rank-consistent',
    lossy: true,
  },
  () => SETTINGS,
);
