/** @file All-reduce, two-shot with f8e4m3 on the links. */
import type { Algorithm } from '../algorithm.ts';

/** Codes of a slice of a chunk, a byte each: whole groups of 256, and scales of four groups to keep what follows them aligned. */
const CHUNK_UNIT = 1024;
/** With two stages of two halves this still fits eight ranks. */
const MOST_CHUNK = 1024 * 1024;

const SETTINGS = [64, 128].flatMap((blocks) =>
  [16384, 32768].map((chunk_bytes) => ({ chunk_bytes, blocks, threads: 512 })),
);

const KERNEL = 'all_reduce_two_shot_quantized';

export const allReduceTwoShotQuantized: Algorithm = {
  operation: 'all_reduce',
  name: 'two_shot_quantized',
  summary:
    'as two_shot_staged, with values rounded to f8e4m3 twice on the way, a float32 scale per 256: half the bytes of a 16-bit type',
  source:
    "FlashInfer's quantized all-reduce (PR 3759) after kraken; here the owner uses the rounded sum too, so ranks agree bit by bit",
  bits: 'rank-consistent',
  lossy: true,
  kernels: [KERNEL],
  tunables: () => SETTINGS,
  enqueue(engine, launch, { chunk_bytes = 0, blocks = 0, threads = 0 }) {
    launch.kernel = KERNEL;
    launch.chunkBytes = Math.min(MOST_CHUNK, Math.ceil(chunk_bytes / CHUNK_UNIT) * CHUNK_UNIT);
    launch.blocks = blocks;
    launch.threads = threads;
    engine.enqueue(launch);
  },
};
