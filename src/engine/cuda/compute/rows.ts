/**
 * @file Kernels of rows.cu: rows that no other row is involved in.
 */
import type { ComputeTable, ModelSources } from './target.ts';

const SOURCE = 'rows.cu';
const THREADS = 256;
/** Elements of a pack of 16 bytes. */
const PACK = 8;

export const ROWS: ComputeTable = {
  embedding: {
    run({ out, table, ids, tokens, hidden, rows, start }, target) {
      if (tokens === 0) return;
      const whole = hidden % PACK === 0;
      target.launch({
        source: SOURCE,
        kernel: 'embedding',
        grid: [Math.ceil(hidden / (whole ? PACK * THREADS : THREADS)), tokens],
        block: THREADS,
        params: { addresses: [out, table, ids], integers: [hidden, rows, start, whole ? 1 : 0] },
      });
    },
  },
};

export const ROW_SOURCES: ModelSources = { [SOURCE]: [[]] };
