/**
 * @file Puts weights where they belong: random ones are made on the device, a checkpoint's are read and copied.
 */
import type { Communicator } from '../../collective/communicator.ts';
import { Tensor } from '../../memory/tensor.ts';
import { encodeArray } from '../../tensor/formats/array.ts';
import type { ModelConfig } from '../models/config.ts';
import { rotaryTable } from '../models/rope.ts';
import type { Checkpoint } from '../weights/checkpoint.ts';
import { type PlannedWeight, randomScale, type TensorWeight } from '../weights/planned.ts';
import { fillsOf } from '../weights/random.ts';
import { WeightReader } from '../weights/read.ts';
import type { FillWeight } from './model.ts';

const BF16_BYTES = 2;

/** For weights of a Hugging Face checkpoint, which stays the caller's. */
export function checkpointWeights(comm: Communicator, checkpoint: Checkpoint): FillWeight {
  const reader = new WeightReader(checkpoint);
  return (weight, address) =>
    reader.read(weight, (offset, bytes) => {
      comm.engine.write(address + offset, bytes);
      // Disks may take minutes over all weights: for the watchdog, this rank has come a step further.
      comm.group.leave();
    });
}

/** Bytes in which weights in codes are made; all of them share it. */
export function codesRoom(weights: readonly PlannedWeight[]): number {
  const codes = weights.flatMap((one) =>
    one.kind === 'tensors' && one.dtype === 'f8e4m3' ? [one.bytes] : [],
  );
  return BF16_BYTES * Math.max(0, ...codes);
}

/** @param room address of `codesRoom` bytes */
export function randomWeights(comm: Communicator, config: ModelConfig, room: number): FillWeight {
  const { engine } = comm;
  return (weight, address) => {
    if (weight.kind === 'rotary')
      engine.write(address, encodeArray('f32', rotaryTable(config, weight.shape[0]!)));
    else if (weight.kind === 'scale') engine.write(address, encodeArray('f32', [weight.random]));
    else if (weight.dtype === 'bf16') fillBf16(comm, weight, address);
    else {
      fillBf16(comm, weight, room);
      quantize(comm, weight, room, address);
    }
  };
}

function fillBf16({ engine }: Communicator, weight: TensorWeight, address: number): void {
  if (weight.random === 'ones')
    engine.write(address, encodeArray('bf16', new Float64Array(elementsOf(weight)).fill(1)));
  for (const { offset, ...fill } of fillsOf(weight))
    engine.compute('fill', { out: address + offset * BF16_BYTES, ...fill });
}

function quantize(comm: Communicator, weight: TensorWeight, from: number, to: number): void {
  const columns = weight.shape.at(-1)!;
  const shape = [elementsOf(weight) / columns, columns];
  const { engine, heap } = comm;
  comm.quantize({
    input: new Tensor(engine, heap, 'bf16', shape, from),
    quantization: 'f8e4m3_static',
    quantOut: new Tensor(engine, heap, 'f8e4m3', shape, to),
    scale: randomScale(weight.random as number),
  });
}

function elementsOf({ shape }: TensorWeight): number {
  return shape.reduce((all, size) => all * size, 1);
}
