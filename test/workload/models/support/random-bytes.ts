/**
 * @file Random weights made on the host: the bytes that engines have after filling.
 */
import { randomWeight } from '../../../../dist/engine/compute-random.js';
import { encodeArray, roundArray } from '../../../../dist/tensor/formats/array.js';
import { quantizeRounded } from '../../../../dist/tensor/reference/quantize.js';
import type { ModelConfig } from '../../../../dist/workload/models/config.js';
import { rotaryTable } from '../../../../dist/workload/models/rope.js';
import {
  type PlannedWeight,
  randomScale,
  type TensorWeight,
} from '../../../../dist/workload/weights/planned.js';
import { fillsOf } from '../../../../dist/workload/weights/random.js';

/** The bytes of a random model's weight, or of its table or scale. */
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
