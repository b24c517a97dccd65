/**
 * @file The barrier between ranks that share memory: threads, or processes of one host. Ranks count themselves in; the last to arrive opens the barrier for all.
 * Who waits polls for a while and then sleeps: polling answers in 0.2 us, but a rank that polls on a core that a peer needs
 * makes that peer wait for the end of a time slice, so there is no polling when ranks outnumber cores. All sleep on one word,
 * so that a barrier costs a rank at most one sleep and the group one wake-up.
 */
import { ARRIVED, CALL, OPENED, SLEEPERS, wordsOf } from './control.ts';
import type { Meeting } from './member.ts';

/** How a rank sleeps at a word of the control block, and how it is woken. */
export interface Sleep {
  /** Returns when woken or when the word is no longer `value`, and may return without a reason. */
  sleep(index: number, value: number): void;
  /** Wakes all that sleep at the word. */
  wake(index: number): void;
}

/** For threads; for processes see `mapShared`. */
function sleepOfThreads(words: Int32Array): Sleep {
  return {
    sleep: (index, value) => void Atomics.wait(words, index, value),
    wake: (index) => void Atomics.notify(words, index),
  };
}

export class Barrier implements Meeting {
  readonly #words: Int32Array;
  readonly #size: number;
  readonly #spins: number;
  readonly #own: number;
  readonly #sleep: Sleep;
  #epoch: number;

  constructor(
    words: Int32Array,
    rank: number,
    size: number,
    spins: number,
    sleep: Sleep = sleepOfThreads(words),
  ) {
    this.#words = words;
    this.#size = size;
    this.#spins = spins;
    this.#own = wordsOf(rank);
    this.#sleep = sleep;
    // The barrier cannot open before this rank has come to it, so every rank reads the same here.
    this.#epoch = Atomics.load(words, OPENED);
  }

  /** Every rank finds at the same epoch that they disagree. */
  meet(call: number): number[] | undefined {
    const words = this.#words;
    this.#epoch = (this.#epoch + 1) | 0;
    const slot = CALL + (this.#epoch & 1);
    words[this.#own + slot] = call;
    // Counts and epochs wrap around after 2^32; their product and difference do so with them.
    const arrived = (Atomics.add(words, ARRIVED, 1) + 1) | 0;
    if (arrived === Math.imul(this.#epoch, this.#size)) this.#open();
    else this.#wait();
    // A peer may be one epoch ahead by now, and no further: it needs this rank for the next. So its slot of this parity is intact.
    for (let peer = 0; peer < this.#size; peer++) {
      if (words[wordsOf(peer) + slot] !== call) return this.#calls(slot);
    }
    return undefined;
  }

  #open(): void {
    Atomics.store(this.#words, OPENED, this.#epoch);
    // No wake-up is lost. Atomics are sequentially consistent: either this load sees the sleeper's increment, or the sleeper,
    // which looks at the epoch after its increment, sees the new epoch and does not sleep.
    if (Atomics.load(this.#words, SLEEPERS) > 0) this.#sleep.wake(OPENED);
  }

  #wait(): void {
    const words = this.#words;
    for (let i = 0; i < this.#spins; i++) {
      if (!this.#isBehind(Atomics.load(words, OPENED))) return;
    }
    Atomics.add(words, SLEEPERS, 1);
    for (;;) {
      const opened = Atomics.load(words, OPENED);
      if (!this.#isBehind(opened)) break;
      // Returns at once when the barrier has been opened since the load.
      this.#sleep.sleep(OPENED, opened);
    }
    Atomics.sub(words, SLEEPERS, 1);
  }

  #isBehind(epoch: number): boolean {
    return ((epoch - this.#epoch) | 0) < 0;
  }

  #calls(slot: number): number[] {
    return Array.from({ length: this.#size }, (_, peer) => this.#words[wordsOf(peer) + slot]!);
  }
}
