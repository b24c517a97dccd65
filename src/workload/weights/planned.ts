/**
 * @file What a weight of a model's graph is on one rank: its shape, and which parts of which tensors of a Hugging Face checkpoint it is made of.
 */
import { elementBytes } from '../../graph/ir/type.ts';

/** A block of a tensor, and where it lies in the weight. Tensors of one dim count as one row. */
export interface WeightPart {
  /** Hugging Face's name. */
  readonly tensor: string;
  /** The whole tensor's. */
  readonly shape: readonly number[];
  /** First row and column of the block, and how many of each. */
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
  /** Whether the block lies with its columns as rows. */
  readonly transposed: boolean;
  /** Element of the weight at which the block begins; it is dense there. */
  readonly offset: number;
}

/** Weights that are parts of a checkpoint's tensors. */
export interface TensorWeight {
  readonly kind: 'tensors';
  readonly name: string;
  readonly dtype: 'bf16' | 'f8e4m3';
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly parts: readonly WeightPart[];
  /** Random weights are uniform from -random to random; `ones` for norms. */
  readonly random: number | 'ones';
}

/** The table of cosines and sines, f32 [places, rotary / 2, 2]. */
export interface RotaryWeight {
  readonly kind: 'rotary';
  readonly name: string;
  readonly dtype: 'f32';
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** What the codes of the weight `of` are multiplied by, f32 []. */
export interface ScaleWeight {
  readonly kind: 'scale';
  readonly name: string;
  readonly dtype: 'f32';
  readonly shape: readonly [];
  readonly bytes: number;
  readonly of: string;
  /** That of random weights; those of a checkpoint have their own. */
  readonly random: number;
}

export type PlannedWeight = TensorWeight | RotaryWeight | ScaleWeight;

/** Largest f8e4m3 number. */
export const LARGEST_CODE = 448;

/** The scale of random codes, whose largest is that of the largest weight. */
export function randomScale(random: number): number {
  return Math.fround(random / LARGEST_CODE);
}

export function scaleName(weight: string): string {
  return `${weight}_scale`;
}

/** A block before it is known where in the weight it lies. */
export type Block = Omit<WeightPart, 'offset'>;

/** Rows of a matrix, with all their columns. */
export function rowsOf(tensor: string, shape: readonly [number, number], row: number, rows: number): Block {
  return { tensor, shape, row, rows, column: 0, columns: shape[1], transposed: false };
}

/** Columns of a matrix, of all rows. */
export function columnsOf(
  tensor: string,
  shape: readonly [number, number],
  column: number,
  columns: number,
): Block {
  return { tensor, shape, row: 0, rows: shape[0], column, columns, transposed: false };
}

/** Blocks one behind the other. */
export function tensorWeight(
  name: string,
  dtype: 'bf16' | 'f8e4m3',
  shape: readonly number[],
  blocks: readonly Block[],
  random: number | 'ones',
): TensorWeight {
  let offset = 0;
  const parts = blocks.map((block) => {
    const part = { ...block, offset };
    offset += block.rows * block.columns;
    return part;
  });
  return { kind: 'tensors', name, dtype, shape, bytes: offset * elementBytes(dtype), parts, random };
}
