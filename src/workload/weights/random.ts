/**
 * @file Random weights, the same model for every world size: a hash of an element's place in the whole tensor, with a seed of the tensor's name. Engines make them by
 * the kernel `fill`, one launch a part; here is what they are told.
 */
import { createHash } from 'node:crypto';
import type { TensorWeight } from './planned.ts';

/** Operands of `fill` for one part, without the address. */
export interface Fill {
  /** Element of the weight at which it begins. */
  readonly offset: number;
  readonly rows: number;
  readonly columns: number;
  readonly wholeColumns: number;
  readonly row: number;
  readonly column: number;
  readonly seed: number;
  readonly scale: number;
}

/**
 * How a weight is filled in bf16; weights in codes are quantized from that by their scale. Nothing for norms, which are ones. A part that lies transposed is one of another
 * matrix, with as many rows as the tensor has columns: what is random need not be the transposed of anything.
 */
export function fillsOf({ parts, random }: TensorWeight): Fill[] {
  if (random === 'ones') return [];
  return parts.map(({ tensor, shape, row, rows, column, columns, transposed, offset }) => {
    const [wholeRows, wholeColumns] = shape as readonly [number, number];
    const common = { offset, scale: random };
    if (!transposed) return { ...common, rows, columns, wholeColumns, row, column, seed: seedOf(tensor) };
    return {
      ...common,
      rows: columns,
      columns: rows,
      wholeColumns: wholeRows,
      row: column,
      column: row,
      seed: seedOf(`${tensor} transposed`),
    };
  });
}

/** 31 bits of a name. */
export function seedOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32LE(0) >>> 1;
}
