/**
 * @file Stop words: what kernels of a rank look at while they wait for a peer. A thread can be ended at any time, and what it has started on a GPU
 * goes on without it: each such kernel would keep its GPU, and the driver calls of the next group in this process, until its deadline. The launcher is
 * in the same process, so it can do for the threads, whatever state they are in, what they cannot any more: it stores 1 into an Int32 of
 * native memory whose address they have left in the control block.
 */
import { viewOf } from '../ffi/memory.ts';
import { STOP_WORDS, STOP_WORDS_LENGTH, wordsOf } from './control.ts';

/** What a place in the control block says when it holds no address. */
const EMPTY = 0n;
const STOPPED = -1n;

type Places = BigInt64Array<SharedArrayBuffer>;

/** A rank's own stop words. */
export class StopWords {
  readonly #places: Places;

  constructor(control: Int32Array<SharedArrayBuffer>, rank: number) {
    this.#places = placesOf(control, rank);
  }

  /** Returns false when the group has been stopped already. Where there is no place left, the word is left alone and kernels go by their deadline. */
  add(address: bigint): boolean {
    for (let i = 0; i < this.#places.length; i++) {
      const before = Atomics.compareExchange(this.#places, i, EMPTY, address);
      if (before === STOPPED) return false;
      if (before === EMPTY) return true;
    }
    return true;
  }

  /** To be called before the memory is freed. Returns false when it must not be, because the launcher may be about to write to it. */
  remove(address: bigint): boolean {
    for (let i = 0; i < this.#places.length; i++) {
      const before = Atomics.compareExchange(this.#places, i, address, EMPTY);
      if (before === STOPPED) return false;
      if (before === address) return true;
    }
    return true;
  }
}

/** Sets all stop words of a group of threads, of ranks that have ended too. */
export function stopAll(control: Int32Array<SharedArrayBuffer>, size: number): void {
  for (let rank = 0; rank < size; rank++) {
    const places = placesOf(control, rank);
    for (let i = 0; i < places.length; i++) {
      // Whoever takes an address out of its place is alone with it.
      const address = Atomics.exchange(places, i, STOPPED);
      if (address !== EMPTY && address !== STOPPED) set(address);
    }
  }
}

function set(address: bigint): void {
  Atomics.store(new Int32Array(viewOf(address, 4).buffer), 0, 1);
}

function placesOf(control: Int32Array<SharedArrayBuffer>, rank: number): Places {
  return new BigInt64Array(
    control.buffer,
    control.byteOffset + 4 * (wordsOf(rank) + STOP_WORDS),
    STOP_WORDS_LENGTH,
  );
}
