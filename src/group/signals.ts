/**
 * @file What a signal that ends this process ends, goes on upon GPUs, and the driver may wait for it when the process ends. So kernels that wait for peers are told to leave
 * before, and then the signal does what it does. A program with handlers of its own decides for itself.
 */
import { writeSync } from 'node:fs';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const STDERR = 2;
/** What kernels that are told to leave take, some hundred of them one after the other, and NCCL, which ranks abort when they notice. */
const LEAVE_MS = 300;

type Listener = (signal: NodeJS.Signals) => void;

/** Of all launches that are under way. */
const ours = new Set<unknown>();

export class Signals {
  /** Whether the process is about to end. */
  came = false;
  readonly #listener: Listener;

  /** @param ending tells kernels to leave, and returns what is ended, in words, for whoever reads what `kill` and `timeout` have ended */
  constructor(ending: (signal: NodeJS.Signals) => string) {
    this.#listener = (signal) => {
      if (process.listeners(signal).some((one) => !ours.has(one))) return;
      this.came = true;
      const words = ending(signal);
      if (signal === 'SIGTERM') writeSync(STDERR, `crossover: ${words}\n`);
      this.close();
      setTimeout(() => process.kill(process.pid, signal), LEAVE_MS);
    };
    ours.add(this.#listener);
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  close(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
    ours.delete(this.#listener);
  }
}
