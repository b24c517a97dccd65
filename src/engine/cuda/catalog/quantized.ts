/** @file All-reduce with f8e4m3 on the links. */
import type { Launch } from '../../engine.ts';
import { STAGE_BYTES } from '../layout.ts';
import type { GridShape, Kernel, ShapeTarget } from './kernel.ts';
import { clamp } from './shape.ts';

/** Values that share a scale of 4 bytes, as in kernels/cuda/f8-groups.cuh. */
const GROUP_VALUES = 256;

/** A block a chunk, of `chunkBytes` codes a slice; a block needs two halves of two stages, of a slice a rank. */
function blockPerChunk(launch: Launch, { worldSize, multiprocessors }: ShapeTarget): GridShape {
  const slice = launch.chunkBytes + (launch.chunkBytes / GROUP_VALUES) * 4;
  const fit = Math.floor(STAGE_BYTES / (4 * worldSize * slice));
  const chunks = Math.ceil(launch.count / (launch.chunkBytes * worldSize));
  // All blocks have to be resident: one a multiprocessor.
  const most = Math.min(launch.blocks || multiprocessors, multiprocessors, fit);
  return { grid: clamp(chunks, most), block: launch.threads || 512, sharedBytes: 0 };
}

export const QUANTIZED: Readonly<Record<string, Kernel>> = {
  all_reduce_two_shot_quantized: {
    source: 'all_reduce_two_shot_quantized.cu',
    by: ['world', 'dtype', 'reduce'],
    shape: blockPerChunk,
  },
};
