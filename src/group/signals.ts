/**
 * @file What a signal that ends this process ends, goes on upon GPUs, and the driver may wait for it when the process ends. So kernels that wait for peers are told to leave
 * before, and then the signal does what it does. A program with handlers of its own decides for itself.
 */
import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import { leaveProcess } from './leave-process.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const STDERR = 2;
/** In which a signal has long ended a process that it can end. */
const IMMUNE_MS = 100;

/** What a launch does at a signal. */
export interface Ending {
  /** What is ended, for whoever reads what `kill` and `timeout` have ended. */
  readonly words: string;
  /** Resolves when kernels have left, or have had the time to. */
  readonly left: Promise<void>;
}

/** Of all launches that are under way: one listener serves them all. */
const open = new Set<Signals>();

function listen(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  const all = [...open];
  const endings = all.map((one) => one.end());
  for (const one of all) one.close();
  void Promise.all(endings.map(({ left }) => left)).then(() => {
    process.kill(process.pid, signal);
    // The first process of a container is spared by signals that it does not handle.
    setTimeout(() => leaveProcess(128 + constants.signals[signal]), IMMUNE_MS);
  });
  if (signal === 'SIGTERM') for (const { words } of endings) say(`crossover: ended by ${signal}${words}\n`);
}

/** Whoever read it may have gone. */
function say(line: string): void {
  try {
    writeSync(STDERR, line);
  } catch {}
}

export class Signals {
  /** Whether the process is about to end. */
  came = false;
  readonly #ending: () => Ending;

  constructor(ending: () => Ending) {
    this.#ending = ending;
    if (open.size === 0) for (const signal of SIGNALS) process.on(signal, listen);
    open.add(this);
  }

  end(): Ending {
    this.came = true;
    return this.#ending();
  }

  close(): void {
    if (open.delete(this) && open.size === 0) for (const signal of SIGNALS) process.off(signal, listen);
  }
}
