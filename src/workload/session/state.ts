/**
 * @file What a step of a model is given besides weights and caches: tokens and where they stand, tables of pages, and how to sample. All of it lies in one piece of
 * memory, so that it takes one copy, and the host keeps an image of it.
 */
import { CrossoverError } from '../../errors.ts';
import { roomOf } from '../../memory/allocator.ts';
import { type Capacity, pagesPerSequence } from './capacity.ts';

export interface StepValues {
  readonly ids?: Int32Array;
  readonly positions?: Int32Array;
  readonly rows?: Int32Array;
  readonly last?: Int32Array;
  readonly temperatures?: Float32Array;
  readonly uniforms?: Float32Array;
  readonly tables?: Int32Array;
}

/** The one that lies first. */
export const FIRST_STATE = 'ids';

export class StepState {
  /** The image, all zeros at first. */
  readonly bytes: Uint8Array;
  /** Where each of them begins, by name. */
  readonly offsets: ReadonlyMap<string, number>;
  /** Elements that there is room for. */
  readonly #counts: Readonly<Record<keyof StepValues, number>>;

  constructor(capacity: Capacity) {
    const { tokens, samples, sequences } = capacity;
    this.#counts = {
      ids: tokens,
      positions: tokens,
      rows: tokens,
      last: samples,
      temperatures: samples,
      uniforms: samples,
      tables: sequences * pagesPerSequence(capacity),
    };
    let offset = 0;
    this.offsets = new Map(
      Object.entries(this.#counts).map(([name, count]) => {
        const at = offset;
        offset += roomOf(4 * count);
        return [name, at];
      }),
    );
    this.bytes = new Uint8Array(offset);
  }

  /**
   * Changes the image. Returns the range of its bytes that holds all that was changed.
   * @throws CrossoverError, and changes nothing, where more is given than there is room for
   */
  set(values: StepValues): readonly [from: number, to: number] {
    let [from, to] = [this.bytes.length, 0];
    const given = Object.entries(values) as [keyof StepValues, Int32Array | Float32Array][];
    for (const [name, { length }] of given) {
      if (length > this.#counts[name])
        throw new CrossoverError(`${name} has ${length} elements; there is room for ${this.#counts[name]}`);
    }
    for (const [name, array] of given) {
      const at = this.offsets.get(name)!;
      this.bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
      from = Math.min(from, at);
      to = Math.max(to, at + array.byteLength);
    }
    return [from, to];
  }
}
