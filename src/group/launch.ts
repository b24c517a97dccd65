/**
 * @file Starts a program as the ranks of a group, each in a thread of its own, and watches over them.
 * The launching thread only watches: it ends every rank as soon as one fails, and reports one error that names the rank.
 */
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { CrossoverError, RankError } from '../errors.ts';
import { createControl } from './control.ts';
import { unpackFailure } from './failure.ts';
import { Watchdog } from './watchdog.ts';
import type { RankReport, RankSetup } from './worker.ts';

export const MAX_RANKS = 64;
const DEFAULT_TIMEOUT_SECONDS = 60;
/** Loads a waiting rank makes before it sleeps, about 50 us, when every rank has a core. */
const SPINS = 2000;
const LOOK_MS = 100;
const HEARTBEAT_MS = 250;
/** How long a thread may take to end before it is left behind: one that is inside a system or library call cannot be ended. */
const END_MS = 2000;

export interface LaunchOptions {
  /** Number of ranks, 1 to 64. */
  readonly ranks: number;
  /** The program's arguments; each rank finds them in `process.argv` too. */
  readonly args?: readonly string[] | undefined;
  /** Anything that structured clone can carry: the third argument of the program. */
  readonly data?: unknown;
  /**
   * Longest silence of a rank in seconds, 60 by default; 0 for no bound. A rank is silent while it neither calls the group or
   * an engine nor turns its event loop. A rank that waits for others is not silent, but all ranks waiting this long is an error.
   */
  readonly timeoutSeconds?: number | undefined;
}

/**
 * Runs the default export of `entry`, `(group, args, data) => value`, on every rank, and resolves with the values in rank order.
 * `entry` is a path from the current folder or a file URL; .ts and .mts files work on every supported version of Node.
 *
 * @throws CrossoverError for a wrong option or a missing file. RankError when a rank throws, exits or stops answering; its
 * `cause` is what the rank threw. MismatchError when the ranks wait for each other. By then every other rank has been ended.
 */
export async function launch<T = unknown>(entry: string | URL, options: LaunchOptions): Promise<T[]> {
  const { ranks, args = [], data, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = options;
  if (!Number.isInteger(ranks) || ranks < 1 || ranks > MAX_RANKS) {
    throw new CrossoverError(`ranks is ${ranks}; a group has 1 to ${MAX_RANKS} of them`);
  }
  if (!(timeoutSeconds >= 0)) {
    throw new CrossoverError(
      `timeoutSeconds is ${timeoutSeconds}; it is a number of seconds, or 0 for no bound`,
    );
  }
  const heartbeatMs =
    timeoutSeconds === 0 ? HEARTBEAT_MS : Math.min(HEARTBEAT_MS, Math.max(10, timeoutSeconds * 250));
  const control = createControl(ranks);
  const mesh = connect(ranks);
  const common = {
    size: ranks,
    spins: ranks > availableParallelism() ? 0 : SPINS,
    control,
    entry: locate(entry),
    args: [...args],
    data,
    heartbeatMs,
  };
  const setups = mesh.map((ports, rank): RankSetup => ({ ...common, rank, ports }));
  return await watch<T>(setups, new Watchdog(control, ranks, timeoutSeconds));
}

/** One channel for each pair of ranks: `[a][b]` is rank a's end of the channel to rank b. */
function connect(ranks: number): (MessagePort | undefined)[][] {
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

function locate(entry: string | URL): string {
  const isUrl = entry instanceof URL || entry.startsWith('file:');
  const path = isUrl ? fileURLToPath(entry) : resolve(entry);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new CrossoverError(`there is no file ${path} to run`);
  return pathToFileURL(path).href;
}

async function watch<T>(setups: readonly RankSetup[], watchdog: Watchdog): Promise<T[]> {
  const workers: Worker[] = [];
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<T[]>((succeed, fail) => {
      const values = new Map<number, T>();
      for (const setup of setups) {
        const { rank } = setup;
        const onReport = (report: RankReport): void => {
          if (report.kind === 'returned') {
            values.set(rank, report.value as T);
            if (values.size === setups.length) succeed(setups.map((s) => values.get(s.rank) as T));
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
        const worker = start(setup);
        workers.push(worker);
        worker.on('message', onReport);
        worker.on('error', (error) => fail(threw(rank, error)));
        worker.on('exit', (code) => {
          if (!values.has(rank))
            fail(new RankError(rank, `rank ${rank} exited with code ${code} before it finished`));
        });
      }
      let last = performance.now();
      timer = setInterval(() => {
        const now = performance.now();
        // While this thread could not look, the ranks may have been stopped as well (SIGSTOP); that is not their silence.
        const error = watchdog.look(Math.min(now - last, 2 * LOOK_MS) / 1000);
        last = now;
        if (error) fail(error);
      }, LOOK_MS);
    });
  } finally {
    clearInterval(timer);
    await end(workers);
  }
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

function threw(rank: number, cause: unknown): RankError {
  const { message, code } = cause as { message?: unknown; code?: unknown };
  const line = String(message ?? cause).split('\n', 1)[0];
  if (code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new RankError(rank, `rank ${rank} ran out of memory: ${line}`, { cause });
  return new RankError(rank, `rank ${rank} threw: ${line}`, { cause });
}

async function end(workers: readonly Worker[]): Promise<void> {
  const ended = Promise.all(workers.map((worker) => worker.terminate()));
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((done) => {
    timer = setTimeout(done, END_MS);
  });
  await Promise.race([ended, patience]);
  clearTimeout(timer);
  for (const worker of workers) worker.unref();
}
