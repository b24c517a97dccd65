/**
 * @file Kernels of rows.cu: rows that no other row is involved in.
 */
import { blocksFor, isWhole, PACK } from './shape.ts';
import type { ComputeTable, ModelSources } from './target.ts';

const source = 'rows.cu';
const THREADS = 256;
/** Of the kernel that has one block. */
const MOST_THREADS = 1024;
/** Blocks of `fill` a multiprocessor, each of which goes on with the next elements. */
const FILL_BLOCKS = 16;

export const ROWS: ComputeTable = {
  embedding: {
    run({ out, table, ids, tokens, hidden, rows, start }, target) {
      if (tokens === 0) return;
      const whole = isWhole(hidden);
      const blocks = blocksFor(whole ? hidden / PACK : hidden, THREADS);
      target.launch({
        source,
        kernel: 'embedding',
        grid: [tokens * blocks],
        block: THREADS,
        params: { addresses: [out, table, ids], integers: [hidden, rows, start, blocks, whole ? 1 : 0] },
      });
    },
  },

  silu_gate: {
    run({ out, x, tokens, inner }, target) {
      if (tokens === 0) return;
      const whole = isWhole(inner);
      target.launch({
        source,
        kernel: 'silu_gate',
        grid: [blocksFor(tokens * (whole ? inner / PACK : inner), THREADS)],
        block: THREADS,
        params: { addresses: [out, x], integers: [tokens, inner, whole ? 1 : 0] },
      });
    },
  },

  fill: {
    run({ out, rows, columns, wholeColumns, row, column, seed, scale }, target) {
      if (rows === 0 || columns === 0) return;
      const whole = isWhole(columns);
      const most = FILL_BLOCKS * target.multiprocessors;
      target.launch({
        source,
        kernel: 'fill',
        grid: [Math.min(most, blocksFor(rows * (whole ? columns / PACK : columns), THREADS))],
        block: THREADS,
        params: {
          addresses: [out],
          integers: [rows, columns, wholeColumns, row, column, seed, whole ? 1 : 0],
          floats: [scale],
        },
      });
    },
  },

  advance: {
    run({ ids, positions, history, steps, sampled, tokens, limit }, target) {
      if (tokens === 0) return;
      target.launch({
        source,
        kernel: 'advance',
        grid: [1],
        block: Math.min(MOST_THREADS, 32 * Math.ceil(tokens / 32)),
        params: { addresses: [ids, positions, history, steps, sampled], integers: [tokens, limit] },
      });
    },
  },
};

export const ROW_SOURCES: ModelSources = { [source]: [[]] };
