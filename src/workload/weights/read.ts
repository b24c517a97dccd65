/**
 * @file Weights of a rank out of a checkpoint: only the rows and columns that it has are read, a few MiB at a time.
 */
import { encodeArray } from '../../tensor/formats/array.ts';
import { rotaryTable } from '../models/rope.ts';
import type { Checkpoint } from './checkpoint.ts';
import { storedBytes, toBf16, toCodes, transposed } from './convert.ts';
import type { PlannedWeight, TensorWeight, WeightPart } from './planned.ts';

/** Takes bytes of a weight, from byte `offset` of it on; they are no longer there when it returns. */
export type WriteBytes = (offset: number, bytes: Uint8Array) => void;

const CHUNK_BYTES: number = 32 << 20;
const BF16_BYTES = 2;

export class WeightReader {
  readonly #checkpoint: Checkpoint;
  /** Scales of codes that were read, by name of the weight. */
  readonly #scales = new Map<string, number>();
  #chunk: Uint8Array = new Uint8Array(0);

  /** The checkpoint stays the caller's. */
  constructor(checkpoint: Checkpoint) {
    this.#checkpoint = checkpoint;
  }

  /**
   * Reads one weight. Codes are made by the largest number of this rank's part; their scale is read after them.
   * @throws CrossoverError that names the file and the tensor at fault
   */
  read(weight: PlannedWeight, write: WriteBytes): void {
    if (weight.kind === 'rotary')
      write(0, encodeArray('f32', rotaryTable(this.#checkpoint.config, weight.shape[0]!)));
    else if (weight.kind === 'scale') write(0, encodeArray('f32', [this.#scales.get(weight.of)!]));
    else if (weight.dtype === 'bf16') this.#bf16(weight, write);
    else this.#codes(weight, write);
  }

  #codes(weight: TensorWeight, write: WriteBytes): void {
    const wide = new Uint8Array(weight.bytes * BF16_BYTES);
    this.#bf16(weight, (offset, bytes) => wide.set(bytes, offset));
    const { codes, scale } = toCodes(wide);
    this.#scales.set(weight.name, scale);
    write(0, codes);
  }

  #bf16({ parts }: TensorWeight, write: WriteBytes): void {
    for (const part of parts) {
      if (part.transposed) {
        write(part.offset * BF16_BYTES, transposed(this.#rows(part, 0, part.rows), part.rows, part.columns));
        continue;
      }
      const most = Math.max(1, Math.floor(CHUNK_BYTES / (4 * part.columns)));
      for (let row = 0; row < part.rows; row += most) {
        const bytes = this.#rows(part, row, Math.min(most, part.rows - row));
        write((part.offset + row * part.columns) * BF16_BYTES, bytes);
      }
    }
  }

  /** Some rows of a part, as bf16. */
  #rows({ tensor: name, shape, row, column, columns }: WeightPart, from: number, count: number): Uint8Array {
    const tensor = this.#checkpoint.tensor(name, shape);
    const size = storedBytes(tensor.dtype);
    const whole = shape.at(-1)!;
    const bytes = this.#room(count * columns * size);
    const position = (r: number): number => ((row + r) * whole + column) * size;
    if (columns === whole) this.#checkpoint.read(tensor, position(from), bytes);
    else {
      const stride = columns * size;
      for (let r = 0; r < count; r++) {
        this.#checkpoint.read(tensor, position(from + r), bytes.subarray(r * stride, (r + 1) * stride));
      }
    }
    return toBf16(tensor.dtype, bytes);
  }

  #room(bytes: number): Uint8Array {
    if (this.#chunk.length < bytes) this.#chunk = new Uint8Array(bytes);
    return this.#chunk.subarray(0, bytes);
  }
}
