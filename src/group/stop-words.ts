/**
 * @file Stop words: what kernels of a rank look at while they wait for a peer. A rank can be ended at any time, and what it has started on a GPU
 * goes on without it: each such kernel would keep its GPU, and the driver calls of whoever comes next, until its deadline, and the end of a process waits for it. For threads the
 * launcher is in the same process, so it can do for them, whatever state they are in, what they cannot any more: it stores 1 into an Int32 of native memory whose address they
 * have left in the control block. Processes are told in the control block alone, and look at it themselves while they wait.
 */
import { viewOf } from '../ffi/memory.ts';
import { STOP_WORDS, STOP_WORDS_LENGTH, wordsOf } from './control.ts';

/** What a place in the control block says when it holds no address. */
const EMPTY = 0n;
const STOPPED = -1n;
/** In place of an address that means nothing to the launcher. */
const LOOKS = -2n;

/** A rank's own stop words. */
export class StopWords {
  readonly #places: BigInt64Array;
  readonly #isThread: boolean;

  /** @param rank on this host @param isThread of the launcher's process */
  constructor(control: Int32Array, rank: number, isThread: boolean) {
    this.#places = placesOf(control, rank);
    this.#isThread = isThread;
  }

  /** Whether the launcher has stopped the group. */
  get stopped(): boolean {
    return Atomics.load(this.#places, 0) === STOPPED;
  }

  /** Returns false when the group has been stopped already. Where there is no place left, the word is left alone and kernels go by their deadline. */
  add(address: bigint): boolean {
    for (let i = 0; i < this.#places.length; i++) {
      const before = Atomics.compareExchange(this.#places, i, EMPTY, this.#kept(address));
      if (before === STOPPED) return false;
      if (before === EMPTY) return true;
    }
    return true;
  }

  /** To be called before the memory is freed. Returns false when it must not be, because the launcher may be about to write to it. */
  remove(address: bigint): boolean {
    const kept = this.#kept(address);
    for (let i = 0; i < this.#places.length; i++) {
      const before = Atomics.compareExchange(this.#places, i, kept, EMPTY);
      if (before === STOPPED) return !this.#isThread;
      if (before === kept) return true;
    }
    return true;
  }

  #kept(address: bigint): bigint {
    return this.#isThread ? address : LOOKS;
  }
}

/** Stops a group, and sets all stop words of threads, of those that have ended too. Returns whether there was anybody to tell. */
export function stopAll(control: Int32Array, size: number): boolean {
  let isHeard = false;
  for (let rank = 0; rank < size; rank++) {
    const places = placesOf(control, rank);
    for (let i = 0; i < places.length; i++) {
      // Whoever takes an address out of its place is alone with it.
      const kept = Atomics.exchange(places, i, STOPPED);
      if (kept === EMPTY || kept === STOPPED) continue;
      isHeard = true;
      if (kept !== LOOKS) Atomics.store(new Int32Array(viewOf(kept, 4).buffer), 0, 1);
    }
  }
  return isHeard;
}

function placesOf(control: Int32Array, rank: number): BigInt64Array {
  return new BigInt64Array(
    control.buffer,
    control.byteOffset + 4 * (wordsOf(rank) + STOP_WORDS),
    STOP_WORDS_LENGTH,
  );
}
