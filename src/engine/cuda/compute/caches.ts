/**
 * @file Kernels of caches.cu: what new tokens append to a paged cache.
 */
import { blocksFor, isWhole, PACK } from './shape.ts';
import type { ComputeTable, ModelSources } from './target.ts';

const source = 'caches.cu';
const THREADS = 128;
const WARP = 32;

export const CACHES: ComputeTable = {
  rotary_append: {
    run(operands, target) {
      const { tokens, heads, kvHeads, head, rotary, pageSize, pagesPerSequence } = operands;
      if (tokens === 0) return;
      // Where a warp has at least a head, and the two halves that are rotated together are whole packs.
      const packed = isWhole(head) && rotary % (2 * PACK) === 0 && head <= WARP * PACK;
      const lanes = packed ? 2 ** Math.ceil(Math.log2(head / PACK)) : WARP;
      target.launch({
        source,
        kernel: packed ? 'rotary_append' : 'rotary_append_any',
        grid: [blocksFor(tokens * (heads + 2 * kvHeads) * lanes, THREADS)],
        block: THREADS,
        params: {
          addresses: [
            operands.queries,
            operands.keyCache,
            operands.valueCache,
            operands.qkv,
            operands.queryNorm,
            operands.keyNorm,
            operands.table,
            operands.positions,
            operands.rows,
            operands.tables,
          ],
          integers: [
            tokens,
            heads,
            kvHeads,
            head,
            rotary,
            pageSize,
            pagesPerSequence,
            ...(packed ? [lanes] : []),
          ],
          floats: [operands.epsilon],
        },
      });
    },
  },

  latent_append: {
    run(operands, target) {
      const { tokens, heads, latent, rotary, pageSize, pagesPerSequence } = operands;
      if (tokens === 0) return;
      target.launch({
        source,
        kernel: 'latent_append',
        // A warp for the latent part, one for the rotated part, and one for each query.
        grid: [blocksFor(tokens * (heads + 2) * WARP, THREADS)],
        block: THREADS,
        params: {
          addresses: [
            operands.queries,
            operands.cache,
            operands.x,
            operands.kv,
            operands.norm,
            operands.table,
            operands.positions,
            operands.rows,
            operands.tables,
          ],
          integers: [
            tokens,
            heads,
            latent,
            rotary,
            pageSize,
            pagesPerSequence,
            isWhole(latent, rotary) ? 1 : 0,
          ],
          floats: [operands.epsilon],
        },
      });
    },
  },
};

export const CACHE_SOURCES: ModelSources = { [source]: [[]] };
