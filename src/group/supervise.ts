/**
 * @file Starts a thread for each rank, waits for what becomes of them, and ends them all as soon as one fails.
 * The first failure is the one that is reported: what other ranks do while they are being ended is not.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { CrossoverError, RankError } from '../errors.ts';
import { packFailure, unpackFailure } from './failure.ts';
import type { Watchdog } from './watchdog.ts';
import { nameRanks } from './wording.ts';
import type { RankReport, RankSetup } from './worker.ts';

const LOOK_MS = 100;
/** How long a thread may take to end before it is left behind. */
const END_MS = 2000;

/** Threads that were told to end and have not. */
const leftBehind = new Set<Worker>();

/**
 * How many threads of former launches could not be ended, because they are inside a system or library call. While there is
 * one, this process can only end by a signal: `process.exit` waits for it.
 */
export function threadsLeftBehind(): number {
  return leftBehind.size;
}

/** Runs every rank and resolves with what they returned. @throws what `launch` throws. */
export async function supervise<T>(setups: readonly RankSetup[], watchdog: Watchdog): Promise<T[]> {
  const workers: Worker[] = [];
  let timer: NodeJS.Timeout | undefined;
  let failure: unknown;
  try {
    return await new Promise<T[]>((succeed, fail) => {
      const values = new Map<number, T>();
      const onReport = (rank: number, report: RankReport): void => {
        if (report.kind === 'returned') {
          values.set(rank, report.value as T);
          if (values.size === setups.length) succeed(setups.map((setup) => values.get(setup.rank) as T));
        } else if (report.kind === 'threw') {
          fail(threw(rank, unpackFailure(report.failure)));
        } else {
          fail(
            new RankError(
              rank,
              `rank ${rank} never finished: it awaits something that nothing is left to bring about`,
            ),
          );
        }
      };
      for (const setup of setups) {
        const { rank } = setup;
        const worker = start(setup);
        workers.push(worker);
        worker.on('message', (report: RankReport) => onReport(rank, report));
        worker.on('error', (error) => fail(threw(rank, unpackFailure(packFailure(error)))));
        worker.on('exit', (code) => {
          if (!values.has(rank))
            fail(new RankError(rank, `rank ${rank} exited with code ${code} before it finished`));
        });
      }
      timer = look(watchdog, fail);
    });
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    clearInterval(timer);
    const left = await end(workers);
    if (left.length > 0 && failure instanceof CrossoverError) {
      failure.message += `; ${nameRanks(left)} cannot be ended: inside a system or library call`;
    }
  }
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

function start(setup: RankSetup): Worker {
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

function look(watchdog: Watchdog, fail: (error: Error) => void): NodeJS.Timeout {
  let last = performance.now();
  return setInterval(() => {
    const now = performance.now();
    // While this thread could not look, the ranks may have been stopped as well (SIGSTOP); that is not their silence.
    const error = watchdog.look(Math.min(now - last, 2 * LOOK_MS) / 1000);
    last = now;
    if (error) fail(error);
  }, LOOK_MS);
}

function threw(rank: number, cause: Error): RankError {
  const line = cause.message.split('\n', 1)[0];
  const memory = (cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
  return new RankError(rank, `rank ${rank} ${memory ? 'ran out of memory' : 'threw'}: ${line}`, { cause });
}

/** Ends all threads. Returns the ranks whose threads are left behind. */
async function end(workers: readonly Worker[]): Promise<number[]> {
  const ended = workers.map(async (worker) => {
    leftBehind.add(worker);
    await worker.terminate();
    leftBehind.delete(worker);
  });
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((done) => {
    timer = setTimeout(done, END_MS);
  });
  await Promise.race([Promise.all(ended), patience]);
  clearTimeout(timer);
  return workers.flatMap((worker, rank) => (leftBehind.has(worker) ? [rank] : []));
}
