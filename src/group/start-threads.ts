/**
 * @file Starts a thread for each rank.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { CrossoverError } from '../errors.ts';
import type { RankReport } from './program.ts';
import type { RankEvents, RankHandle } from './rank-handle.ts';
import type { ThreadSetup } from './worker.ts';

/** Threads that were told to end and have not. */
const leftBehind = new Set<Worker>();
let early = false;

/**
 * How many threads of former launches could not be ended, because they are inside a system or library call. While there is
 * one, this process can only end by a signal: `process.exit` waits for it.
 */
export function threadsLeftBehind(): number {
  return leftBehind.size;
}

/** Whether threads had to be ended before they were done: what they have started on GPUs may go on, and the driver waits for it when the process ends. */
export function threadsEndedEarly(): boolean {
  return early;
}

export function startThread(setup: ThreadSetup, events: RankEvents): RankHandle {
  const worker = create(setup);
  worker.on('message', (report: RankReport) => events.reported(report));
  worker.on('error', (error) => events.failed(error));
  worker.on('exit', (code) => events.ended(`exited with code ${code}`));
  return {
    end: async (succeeded) => {
      early ||= !succeeded;
      leftBehind.add(worker);
      await worker.terminate();
      leftBehind.delete(worker);
    },
  };
}

/** One channel for each pair of ranks: `[a][b]` is rank a's end of the channel to rank b. */
export function connectPairs(ranks: number): (MessagePort | undefined)[][] {
  const mesh = Array.from({ length: ranks }, () => new Array<MessagePort | undefined>(ranks).fill(undefined));
  for (let a = 0; a < ranks; a++) {
    for (let b = a + 1; b < ranks; b++) {
      const { port1, port2 } = new MessageChannel();
      mesh[a]![b] = port1;
      mesh[b]![a] = port2;
    }
  }
  return mesh;
}

function create(setup: ThreadSetup): Worker {
  try {
    return new Worker(new URL('./worker.js', import.meta.url), {
      name: `crossover rank ${setup.rank}`,
      argv: setup.args,
      workerData: setup,
      transferList: setup.ports.filter((port) => port !== undefined),
    });
  } catch (cause) {
    throw new CrossoverError(`cannot start rank ${setup.rank}: ${(cause as Error).message}`, { cause });
  }
}
