/**
 * @file Data-parallel attention: how many sequences ranks have, and how many tokens they gather, padded to the most that one has or as many as there are.
 */
import type { PlanIndex } from '../plan/lookup.ts';
import { measuredUs } from './variants.ts';

const BF16_BYTES = 2;

/** Sequences of every rank when so many are decoded at a time. */
export function sequencesByRank(batch: number, worldSize: number, attention: 'tensor' | 'data'): number[] {
  return Array.from({ length: worldSize }, (_, rank) =>
    attention === 'tensor' ? batch : Math.floor(batch / worldSize) + (rank < batch % worldSize ? 1 : 0),
  );
}

/** Rows of every rank in a step: a rank without sequences takes part with one that is nobody's. */
export function rowsByRank(sequences: readonly number[]): number[] {
  return sequences.map((count) => Math.max(1, count));
}

/** Rows that ranks have together. */
export function gatheredRows(rows: readonly number[]): { readonly padded: number; readonly summed: number } {
  return { padded: Math.max(...rows) * rows.length, summed: rows.reduce((sum, count) => sum + count, 0) };
}

/**
 * Tokens that go to experts of their own choice when `rows` of all ranks are gathered: every sequence's, and where there are more rows, one for all that fill up. Those are equal:
 * the same id at the same place of a sequence that is nobody's.
 */
export function differentTokens(batch: number, rows: number): number {
  return rows > batch ? batch + 1 : batch;
}

/** Whose tokens a step's products have: variants of one layout differ in collectives alone. */
export type Layout = 'own' | 'padded' | 'summed';

/** Padded unless gathering and scattering fewer bytes was measured to be faster. */
export function plannedLayout(
  index: PlanIndex,
  hidden: number,
  rows: readonly number[],
): Exclude<Layout, 'own'> {
  const us = (gathered: number): number =>
    (['all_gather', 'reduce_scatter'] as const).reduce((sum, operation) => {
      const wanted = {
        operation,
        dtype: 'bf16' as const,
        bytes: BF16_BYTES * hidden * gathered,
        registered: true,
      };
      return sum + (measuredUs(index, 'plan', wanted, rows.length, 0) ?? 0);
    }, 0);
  const { padded, summed } = gatheredRows(rows);
  return us(summed) < us(padded) ? 'summed' : 'padded';
}
