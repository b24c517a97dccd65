/**
 * @file Random weights, made where they lie: the same model for every world size.
 */
import { createHash } from 'node:crypto';
import type { Communicator } from '../../collective/communicator.ts';
import { randomWeight } from '../../engine/compute-random.ts';
import { Tensor } from '../../memory/tensor.ts';
import { encodeArray } from '../../tensor/formats/array.ts';
import type { ModelConfig } from '../models/config.ts';
import { rotaryTable } from '../models/rope.ts';
import type { PlannedWeight, TensorWeight, WeightPart } from '../weights/planned.ts';
import type { FillWeight } from './model.ts';

const BF16_BYTES = 2;

/** Fills weights with what `config` names random, table and scale. */
export function randomWeights(
  comm: Communicator,
  config: ModelConfig,
  planned: readonly PlannedWeight[],
): FillWeight {
  const scales = new Map(
    planned.flatMap((one) => (one.kind === 'scale' ? [[one.of, one.random] as const] : [])),
  );
  // Codes are made of bf16 numbers, through memory that all of them share.
  const codes = planned.filter((one) => one.kind === 'tensors' && one.dtype === 'f8e4m3');
  const room = codes.length === 0 ? 0 : Math.max(...codes.map(({ bytes }) => bytes)) * BF16_BYTES;
  let wide = 0;
  return (weight, address) => {
    if (weight.kind === 'rotary') {
      const table = rotaryTable(config, weight.shape[0]!);
      comm.engine.write(address, new Uint8Array(table.buffer, table.byteOffset, table.byteLength));
    } else if (weight.kind === 'scale') {
      comm.engine.write(address, encodeArray('f32', [weight.random]));
    } else if (weight.dtype === 'bf16') {
      fillBf16(comm, weight, address);
    } else {
      if (wide === 0) wide = comm.engine.allocate ? comm.engine.allocate(room) : comm.heap.allocate(room);
      fillBf16(comm, weight, wide);
      quantize(comm, weight, wide, address, scales.get(weight.name)!);
    }
  };
}

function fillBf16(comm: Communicator, weight: TensorWeight, address: number): void {
  const { random, parts } = weight;
  if (random === 'ones') {
    comm.engine.write(address, encodeArray('bf16', new Float64Array(elementsOf(weight)).fill(1)));
    return;
  }
  for (const part of parts) {
    const at = address + part.offset * BF16_BYTES;
    if (part.transposed) writeTransposed(comm, part, at, random);
    else {
      comm.engine.compute('fill', {
        out: at,
        rows: part.rows,
        columns: part.columns,
        wholeColumns: part.shape.at(-1)!,
        row: part.row,
        column: part.column,
        seed: seedOf(part.tensor),
        scale: random,
      });
    }
  }
}

/** On the host: there are few of these. */
function writeTransposed(comm: Communicator, part: WeightPart, at: number, scale: number): void {
  const { rows, columns, row, column, shape, tensor } = part;
  const whole = shape.at(-1)!;
  const seed = seedOf(tensor);
  const values = new Float64Array(rows * columns);
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rows; r++)
      values[c * rows + r] = randomWeight((row + r) * whole + column + c, seed, scale);
  }
  comm.engine.write(at, encodeArray('bf16', values));
}

function quantize(comm: Communicator, weight: TensorWeight, from: number, to: number, scale: number): void {
  const shape = [elementsOf(weight) / weight.shape.at(-1)!, weight.shape.at(-1)!];
  const { engine, heap } = comm;
  comm.quantize({
    input: new Tensor(engine, heap, 'bf16', shape, from),
    quantization: 'f8e4m3_static',
    quantOut: new Tensor(engine, heap, 'f8e4m3', shape, to),
    scale,
  });
}

function elementsOf({ shape }: TensorWeight): number {
  return shape.reduce((all, size) => all * size, 1);
}

/** 31 bits of a name. */
function seedOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32LE(0) >>> 1;
}
