/**
 * @file What weights of all parts of a layer are made with.
 */
import type { ModelConfig } from '../models/config.ts';
import type { Split } from '../models/split.ts';
import { type Block, type PlannedWeight, randomScale, scaleName, tensorWeight } from './planned.ts';

/** What makes the weights of a layer. */
export interface LayerWeights {
  readonly config: ModelConfig;
  readonly split: Split;
  readonly rank: number;
  /** `model.layers.0` */
  readonly prefix: string;
}

export function normWeight(name: string, columns: number): PlannedWeight {
  const block = { tensor: name, shape: [columns], row: 0, rows: 1, column: 0, columns, transposed: false };
  return tensorWeight(name, 'bf16', [columns], [block], 'ones');
}

/**
 * A projection [rows, columns] made of blocks of matrices with `inner` columns, in codes with a scale where that is the precision. Random ones are scaled so that
 * a row of ones in size gives one of a half.
 */
export function projection(
  { precision }: Split,
  name: string,
  shape: readonly [number, number],
  blocks: readonly Block[],
  inner: number,
): PlannedWeight[] {
  const random = 1 / Math.sqrt(inner);
  const weight = tensorWeight(name, precision, shape, blocks, random);
  if (precision === 'bf16') return [weight];
  return [
    weight,
    {
      kind: 'scale',
      name: scaleName(name),
      dtype: 'f32',
      shape: [],
      bytes: 4,
      of: name,
      random: randomScale(random),
    },
  ];
}
