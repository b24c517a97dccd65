/**
 * @file One line on stderr that says how far long work is and how long it will take. Off when stderr is not a terminal. With $CROSSOVER_TRACE=1, a line that stays
 * for every phase instead: what a run that does not come back was at.
 */
import { writeSync } from 'node:fs';

const STDERR = 2;
/** A terminal is redrawn no more often than this, in milliseconds. */
const EVERY = 100;

export class ProgressLine {
  readonly #title: string;
  readonly #on: boolean;
  readonly #traced: boolean;
  #phase = '';
  readonly #start: number = performance.now();
  #last = 0;
  #drawn = false;

  /** `on` comes from the launching process: worker threads cannot see whether stderr is a terminal. */
  constructor(title: string, on: boolean) {
    this.#title = title;
    this.#traced = process.env.CROSSOVER_TRACE === '1';
    this.#on = on && !this.#traced;
  }

  /** What the work is at, for traces and for errors. The same phase over again is one. */
  set phase(words: string) {
    if (words === this.#phase) return;
    this.#phase = words;
    if (!this.#traced) return;
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(3);
    writeSync(STDERR, `${new Date().toISOString()} ${this.#title} +${seconds} s: ${words}\n`);
  }

  get phase(): string {
    return this.#phase;
  }

  /** `done` is the share of the work, 0 to 1. Written at once, past the event loop, which ranks seldom turn. */
  show(done: number, words: string): void {
    const now = performance.now();
    if (!this.#on || now - this.#last < EVERY) return;
    this.#last = now;
    this.#drawn = true;
    const left = done > 0.02 ? ((now - this.#start) / 1000) * (1 / done - 1) : Number.NaN;
    const eta = Number.isFinite(left) ? `, ${Math.ceil(left)} s left` : '';
    const columns = process.stderr.columns ?? 100;
    const text = `${this.#title} ${String(Math.round(done * 100)).padStart(3)} %${eta}  ${words}`.slice(
      0,
      columns - 1,
    );
    writeSync(STDERR, `\r${text}\x1b[K`);
  }

  /** Leaves no trace on the terminal. */
  clear(): void {
    if (this.#drawn) writeSync(STDERR, '\r\x1b[K');
    this.#drawn = false;
  }
}
