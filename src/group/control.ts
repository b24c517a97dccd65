/**
 * @file The control block: a small shared array in which each rank says how far it is and where it is.
 * Ranks meet through it (barrier.ts) and the watchdog reads it (watchdog.ts). What is written often has a line of its own, so
 * that counting in, polling, and telling the watchdog do not slow each other down.
 */
import { SITES } from './group.ts';

/** Int32 words of a line of 128 bytes: two 64-byte cache lines, because processors prefetch them in pairs. */
const LINE = 32;
/** Lines of the group: `ARRIVED` is counted up by each rank at each barrier, `OPENED` is the epoch of the last full one. */
const HEAD = 2 * LINE;
export const ARRIVED = 0;
export const OPENED: number = LINE;
/** How many ranks sleep until `OPENED` changes. */
export const SLEEPERS: number = LINE + 1;

/** Words of a rank's line, which only the rank writes, stop words aside. `CALL` + 0 or 1: what it calls at an even or odd epoch. */
export const CALL = 0;
export const STATE = 2;
export const SITE_NOW = 3;
export const VISIT = 4;
export const PROGRESS = 5;
export const HEARTBEAT = 6;
/** Addresses of native memory, of 8 bytes each (stop-words.ts). */
export const STOP_WORDS = 8;
export const STOP_WORDS_LENGTH = 8;

/** What a rank is doing; 0 is what a fresh block says. */
export const RANK_STATE = { starting: 0, running: 1, waiting: 2, writing: 3, done: 4 } as const;

export function controlBytes(size: number): number {
  return 4 * wordsOf(size);
}

/** For threads; processes map one (ffi/libc.ts). */
export function createControl(size: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(controlBytes(size)));
}

/** Index of a rank's first word. */
export function wordsOf(rank: number): number {
  return HEAD + rank * LINE;
}

/**
 * A rank's own pen on what the watchdog reads. The stores are plain: an eager collective takes about a microsecond and cannot spare
 * atomic ones, and the watchdog only acts on words that have not changed for a long time.
 */
export class StatusLine {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #visits: number[] = SITES.map(() => 0);

  constructor(words: Int32Array, rank: number) {
    this.#words = words;
    this.#at = wordsOf(rank);
  }

  enter(site: number): void {
    const words = this.#words;
    const at = this.#at;
    const visit = (this.#visits[site] ?? 0) + 1;
    this.#visits[site] = visit;
    words[at + SITE_NOW] = site;
    words[at + VISIT] = visit;
    words[at + PROGRESS] = words[at + PROGRESS]! + 1;
    words[at + STATE] = RANK_STATE.waiting;
  }

  leave(): void {
    this.#words[this.#at + PROGRESS] = this.#words[this.#at + PROGRESS]! + 1;
    this.#words[this.#at + STATE] = RANK_STATE.running;
  }

  /** Sets the state and returns the one before. */
  setState(state: number): number {
    return Atomics.exchange(this.#words, this.#at + STATE, state);
  }

  /** The rank's event loop turns: it waits for something other than a peer. */
  beat(): void {
    Atomics.add(this.#words, this.#at + HEARTBEAT, 1);
  }
}
