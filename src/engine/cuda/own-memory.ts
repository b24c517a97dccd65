/**
 * @file Memory of a rank alone on its GPU, outside the symmetric heap.
 */
import { CrossoverError } from '../../errors.ts';
import { CUDA_ERROR_OUT_OF_MEMORY, check } from '../../ffi/cuda.ts';
import type { Device } from './device.ts';

export class OwnMemory {
  readonly #device: Device;
  readonly #addresses: number[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  /** @throws CrossoverError: how much was wanted, and how much is free */
  allocate(bytes: number): number {
    if (!Number.isSafeInteger(bytes) || bytes < 1) {
      throw new CrossoverError(`bytes is ${bytes}; use a whole number from 1 up`);
    }
    const out = new BigUint64Array(1);
    const result = this.#device.cuda.memAlloc(out, bytes);
    if (result === CUDA_ERROR_OUT_OF_MEMORY) {
      const { free, total } = this.room();
      throw new CrossoverError(
        `${bytes} bytes are wanted on GPU ${this.#device.ordinal} (${this.#device.name}), where ${free} of ${total} are free`,
      );
    }
    check(result, `cuMemAlloc of ${bytes} bytes on GPU ${this.#device.ordinal}`);
    const address = Number(out[0]);
    this.#addresses.push(address);
    return address;
  }

  /** Bytes that the device has, and those that are free. */
  room(): { readonly total: number; readonly free: number } {
    const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
    check(this.#device.cuda.memGetInfo(free, total), 'cuMemGetInfo');
    return { total: Number(total[0]), free: Number(free[0]) };
  }

  /** Frees all of it. Nothing that uses it may be under way. */
  release(): void {
    for (const address of this.#addresses.splice(0)) this.#device.cuda.memFree(address);
  }
}
