/**
 * @file A tensor in device memory: dtype, shape and an address, in this rank's arena or, of memory that something else allocated, outside. Reading
 * and writing copy between it and the host.
 */

import type { Engine } from '../engine/engine.ts';
import { CrossoverError } from '../errors.ts';
import { type DType, dtypeBytes, dtypeCode } from '../tensor/dtype.ts';
import { decodeArray, encodeArray } from '../tensor/formats/array.ts';
import { elementCount } from '../tensor/shape.ts';
import type { SymmetricHeap } from './heap.ts';

export class Tensor {
  readonly dtype: DType;
  /** `dtypeCode(dtype)`, at hand for dispatch. */
  readonly code: number;
  readonly shape: readonly number[];
  /** Elements (pairs of values for e2m1x2). */
  readonly count: number;
  readonly bytes: number;
  /** Of the first element, in this rank's memory. Not necessarily aligned, for views. */
  readonly address: number;
  /** The heap it belongs to, though it may not lie there. */
  readonly heap: SymmetricHeap;
  /** Whether it lies outside the symmetric heap, where peers cannot reach it. */
  readonly external: boolean;
  readonly #engine: Engine;
  /** What keeps the memory: itself, or the tensor this is a view of. */
  readonly #owner: Tensor;
  #freed = false;

  constructor(
    engine: Engine,
    heap: SymmetricHeap,
    dtype: DType,
    shape: readonly number[],
    address: number,
    owner?: Tensor,
  ) {
    this.#engine = engine;
    this.heap = heap;
    this.dtype = dtype;
    this.code = dtypeCode(dtype);
    this.shape = [...shape];
    this.count = elementCount(shape);
    this.bytes = this.count * dtypeBytes(dtype);
    this.address = address;
    this.external = !heap.holds(address);
    this.#owner = owner ?? this;
  }

  /** True once `free` was called on it, or on the tensor it is a view of. */
  get freed(): boolean {
    return this.#owner.#freed;
  }

  /** A part of the same memory: `shape` elements from element `offset` on. It may start at any element, aligned or not. */
  view(offset: number, shape: readonly number[]): Tensor {
    const count = elementCount(shape);
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + count > this.count) {
      throw new CrossoverError(
        `view of ${count} elements from ${offset} does not fit a tensor of ${this.count} elements`,
      );
    }
    const address = this.address + offset * dtypeBytes(this.dtype);
    return new Tensor(this.#engine, this.heap, this.dtype, shape, address, this.#owner);
  }

  /** The elements as float64, exactly; waits for what was enqueued. Pairs of e2m1x2 give two values each. */
  read(): Float64Array {
    return decodeArray(this.dtype, this.readBytes());
  }

  /** Overwrites all elements, each rounded once to the dtype. Pairs of e2m1x2 take two values each. */
  write(values: ArrayLike<number>): this {
    this.#check();
    const wanted = this.dtype === 'e2m1x2' ? 2 * this.count : this.count;
    if (values?.length !== wanted) {
      throw new CrossoverError(
        `values are ${values?.length ?? String(values)}; a ${this.dtype} tensor [${this.shape.join(', ')}] takes ${wanted} numbers`,
      );
    }
    return this.writeBytes(encodeArray(this.dtype, values));
  }

  /** The raw bytes, little endian; waits for what was enqueued. */
  readBytes(): Uint8Array {
    this.#check();
    return this.heap.attempt(() => this.#engine.read(this.address, this.bytes));
  }

  writeBytes(data: Uint8Array): this {
    this.#check();
    if (data.length !== this.bytes) {
      throw new CrossoverError(
        `${data.length} bytes do not fill a ${this.dtype} tensor of ${this.bytes} bytes [${this.shape.join(', ')}]`,
      );
    }
    this.heap.attempt(() => this.#engine.write(this.address, data));
    return this;
  }

  /**
   * Gives the memory back to the heap; what lies outside is only forgotten, and stays its owner's. All ranks must free in the same order. A view
   * cannot be freed.
   */
  free(): void {
    if (this.#owner !== this)
      throw new CrossoverError('a view cannot be freed; free the tensor it is a view of');
    if (this.#freed) return;
    if (!this.external) this.heap.release(this.address);
    this.#freed = true;
  }

  #check(): void {
    if (this.freed) throw new CrossoverError(`the tensor [${this.shape.join(', ')}] was freed`);
  }
}
