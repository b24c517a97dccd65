/**
 * @file A few words of host memory that kernels see: the host says "wait no longer" in them, and a kernel that has waited in vain says so.
 * The numbers are those of kernels/cuda/wait.cuh.
 */
import { handleFrom, numberFrom } from '../../ffi/cuda.ts';
import { viewOf } from '../../ffi/memory.ts';
import type { StopWords } from '../../group/stop-words.ts';
import type { Device } from './device.ts';
import { guarded } from './guarded.ts';

const END = 0;
const FAILED = 1;
const PEER = 2;
const BYTES = 64;
const PORTABLE_AND_MAPPED = 1 | 2;

export class Status {
  /** As kernels of this rank's device address it. */
  readonly address: number;
  readonly #device: Device;
  readonly #host: bigint;
  readonly #words: Int32Array;
  readonly #stopWords: StopWords | undefined;

  /** With `stopWords`, the launcher says "wait no longer" when it ends this rank before its time: to threads in these words, to processes in the group's. */
  constructor(device: Device, stopWords: StopWords | undefined) {
    const { cuda } = device;
    this.#device = device;
    this.#host = handleFrom((out) => cuda.memHostAlloc(out, BYTES, PORTABLE_AND_MAPPED), 'cuMemHostAlloc');
    this.#words = new Int32Array(viewOf(this.#host, BYTES).fill(0).buffer);
    const close = (): unknown => cuda.memHostFree(this.#host);
    this.address = guarded({ close }, () =>
      numberFrom((out) => cuda.memHostDevicePointer(out, this.#host, 0), 'cuMemHostGetDevicePointer'),
    );
    this.#stopWords = stopWords;
    if (stopWords?.add(this.#wordToEnd) === false) this.end();
  }

  /** Makes all kernels that wait, now and later, give up. */
  end(): void {
    Atomics.store(this.#words, END, 1);
  }

  /** Whether kernels have been told to wait no longer: by `end`, by the launcher, or by a kernel that is about to say that it has given up. */
  get ended(): boolean {
    if (this.#stopWords?.stopped) this.end();
    return Atomics.load(this.#words, END) !== 0;
  }

  get failed(): boolean {
    return Atomics.load(this.#words, FAILED) !== 0;
  }

  /** The rank that was waited for in vain; the world size when it may have been any. */
  get peer(): number {
    return Atomics.load(this.#words, PEER);
  }

  /** No kernel may be under way. */
  release(): void {
    if (this.#stopWords?.remove(this.#wordToEnd) === false) return;
    this.#device.cuda.memHostFree(this.#host);
  }

  get #wordToEnd(): bigint {
    return this.#host + BigInt(END * Int32Array.BYTES_PER_ELEMENT);
  }
}
