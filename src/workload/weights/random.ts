/**
 * @file Random weights, the same model for every world size: a hash of an element's place in the whole tensor, with a seed of the tensor's name. Engines make them by
 * the kernel `fill`, one launch a part; here is what they are told, and the same bytes made on the host.
 */
import { createHash } from 'node:crypto';
import { randomWeight } from '../../engine/compute-random.ts';
import { encodeArray, roundArray } from '../../tensor/formats/array.ts';
import { quantizeRounded } from '../../tensor/reference/quantize.ts';
import type { ModelConfig } from '../models/config.ts';
import { rotaryTable } from '../models/rope.ts';
import { type PlannedWeight, randomScale, type TensorWeight } from './planned.ts';

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

/** The bytes of a random model's weight, or of its table or scale: what engines have after filling, for references and small models. */
export function randomBytes(weight: PlannedWeight, config: ModelConfig): Uint8Array {
  switch (weight.kind) {
    case 'rotary':
      return encodeArray('f32', rotaryTable(config, weight.shape[0]!));
    case 'scale':
      return encodeArray('f32', [weight.random]);
    case 'tensors': {
      const values = randomValues(weight);
      if (weight.dtype === 'bf16') return encodeArray('bf16', values);
      const scale = randomScale(weight.random as number);
      return quantizeRounded(roundArray('bf16', values), values.length, 'f8e4m3_static', scale).bytes;
    }
    default:
      return weight satisfies never;
  }
}

/** Before they are rounded. */
function randomValues(weight: TensorWeight): Float64Array {
  const values = new Float64Array(weight.shape.reduce((count, size) => count * size, 1));
  if (weight.random === 'ones') return values.fill(1);
  for (const { offset, rows, columns, wholeColumns, row, column, seed, scale } of fillsOf(weight)) {
    let at = offset;
    for (let r = row; r < row + rows; r++) {
      for (let c = column; c < column + columns; c++) {
        values[at++] = randomWeight(r * wholeColumns + c, seed, scale);
      }
    }
  }
  return values;
}
