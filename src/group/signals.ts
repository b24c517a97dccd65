/**
 * @file What a signal that ends this process ends, goes on upon GPUs, and the driver may wait for it when the process ends. So kernels that wait for peers are told to leave
 * before, and then the signal does what it does. A program with handlers of its own decides for itself.
 */
import { writeSync } from 'node:fs';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const STDERR = 2;
/** What kernels that are told to leave take, some hundred of them one after the other, and NCCL, which ranks abort when they notice. */
const LEAVE_MS = 300;

/** Of all launches that are under way: one listener serves them all. */
const open = new Set<Signals>();

function listen(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  const all = [...open];
  for (const one of all) {
    const words = one.end(signal);
    if (signal === 'SIGTERM') writeSync(STDERR, `crossover: ${words}\n`);
  }
  for (const one of all) one.close();
  setTimeout(() => process.kill(process.pid, signal), LEAVE_MS);
}

export class Signals {
  /** Whether the process is about to end. */
  came = false;
  readonly #ending: (signal: NodeJS.Signals) => string;

  /** @param ending tells kernels to leave, and returns what is ended, in words, for whoever reads what `kill` and `timeout` have ended */
  constructor(ending: (signal: NodeJS.Signals) => string) {
    this.#ending = ending;
    if (open.size === 0) for (const signal of SIGNALS) process.on(signal, listen);
    open.add(this);
  }

  end(signal: NodeJS.Signals): string {
    this.came = true;
    return this.#ending(signal);
  }

  close(): void {
    if (open.delete(this) && open.size === 0) for (const signal of SIGNALS) process.off(signal, listen);
  }
}
