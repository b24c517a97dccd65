/**
 * @file Tensors to test with: they start at odd places, and what lies around them tells when a kernel writes too far.
 */
import type { Communicator } from '../../../dist/collective/communicator.js';
import type { Tensor } from '../../../dist/memory/tensor.js';
import { type DType, dtypeBytes } from '../../../dist/tensor/dtype.js';
import type { Random } from './random.ts';

/** What is around tensors, and in those that are made without contents. */
export const GUARD = 0xa5;

/**
 * Reads tensors and overwrites them at once, all before anything else: what a call has returned from must not be needed by a peer any
 * more. Tensors may be the same, or parts of each other.
 */
export function take(...tensors: readonly Tensor[]): Uint8Array[] {
  const bytes = tensors.map((x) => x.readBytes());
  for (const x of tensors) x.writeBytes(new Uint8Array(x.bytes).fill(0x5a));
  return bytes;
}

export class Buffers {
  readonly #comm: Communicator;
  readonly #random: Random;
  readonly #live: { readonly whole: Tensor; readonly view: Tensor; readonly front: number }[] = [];

  /** `random` is one that all ranks share: offsets have to be the same on all of them. */
  constructor(comm: Communicator, random: Random) {
    this.#comm = comm;
    this.#random = random;
  }

  /** A view at a random element offset of something larger, guarded on both sides; filled with `bytes`, or with the guard's own. */
  make(dtype: DType, shape: readonly number[], bytes?: Uint8Array): Tensor {
    const count = shape.reduce((product, size) => product * size, 1);
    const front = this.#random.whole(0, 9);
    const whole = this.#comm.empty(dtype, [front + count + this.#random.whole(1, 9)]);
    whole.writeBytes(new Uint8Array(whole.bytes).fill(GUARD));
    const view = whole.view(front, shape);
    if (bytes !== undefined) view.writeBytes(bytes);
    this.#live.push({ whole, view, front: front * dtypeBytes(dtype) });
    return view;
  }

  /** Frees everything made so far; returns what was written beside it, in words. */
  free(): string | undefined {
    let problem: string | undefined;
    for (const { whole, view, front } of this.#live) {
      const bytes = whole.readBytes();
      const around = [...bytes.subarray(0, front), ...bytes.subarray(front + view.bytes)];
      if (around.some((byte) => byte !== GUARD))
        problem = `bytes around ${view.dtype} [${view.shape.join(', ')}] changed`;
      whole.free();
    }
    this.#live.length = 0;
    return problem;
  }
}
