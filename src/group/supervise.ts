/**
 * @file Starts the ranks, waits for what becomes of them, and ends them all as soon as one fails.
 * The first failure is the one that is reported: what other ranks do while they are being ended is not.
 */
import { CrossoverError, RankError } from '../errors.ts';
import { packFailure, unpackFailure } from './failure.ts';
import type { RankReport } from './program.ts';
import type { RankHandle, StartRank } from './rank-handle.ts';
import { Signals } from './signals.ts';
import type { Watchdog } from './watchdog.ts';
import { nameRanks } from './wording.ts';

const LOOK_MS = 100;
/** How long a rank may take to end before it is left behind. */
const END_MS = 2000;
/** What it takes kernels that are told to leave, some hundred of them one after the other, and NCCL, which ranks abort when they notice. */
const LEAVE_MS = 1000;

/**
 * Runs the ranks and resolves with what they returned, in their order. `stop` is called before ranks are ended early, and returns whether they have kernels that it tells to leave.
 * @throws what `launch` throws.
 */
export async function supervise<T>(
  ranks: readonly number[],
  start: StartRank,
  watchdog: Watchdog,
  stop: () => boolean,
): Promise<T[]> {
  const handles: RankHandle[] = [];
  const settling = new Settling(ranks.length);
  const leave = (): Promise<void> => (stop() ? settling.within(LEAVE_MS) : Promise.resolve());
  const signals = new Signals(() => ({ words: watchdog.whoWaits(), left: leave() }));
  let timer: NodeJS.Timeout | undefined;
  let failure: unknown;
  try {
    return await new Promise<T[]>((succeed, refuse) => {
      // What ranks make of being told to leave is of no interest.
      const fail = (error: Error): void => {
        if (!signals.came) refuse(error);
      };
      const values = new Map<number, T>();
      const onReport = (rank: number, report: RankReport): void => {
        if (report.kind === 'returned') {
          values.set(rank, report.value as T);
          if (values.size === ranks.length) succeed(ranks.map((one) => values.get(one) as T));
        } else if (report.kind === 'threw') {
          fail(threw(rank, unpackFailure(report.failure)));
        } else if (report.kind === 'lost') {
          fail(new RankError(report.rank, `${report.message}; rank ${rank} needs it`));
        } else {
          fail(
            new RankError(
              rank,
              `rank ${rank} never finished: it awaits something that nothing is left to bring about`,
            ),
          );
        }
      };
      for (const rank of ranks) {
        handles.push(
          start(rank, {
            reported: (report) => {
              settling.add(rank);
              onReport(rank, report);
            },
            failed: (error) => fail(threw(rank, unpackFailure(packFailure(error)))),
            ended: (how) => {
              settling.add(rank);
              if (!values.has(rank)) fail(new RankError(rank, `rank ${rank} ${how} before it finished`));
            },
          }),
        );
      }
      timer = look(watchdog, fail);
    });
  } catch (error) {
    failure = error;
    await leave();
    throw error;
  } finally {
    clearInterval(timer);
    signals.close();
    const left = await end(handles, failure === undefined);
    if (left.length > 0 && failure instanceof CrossoverError) {
      failure.message += `; ${nameRanks(left.map((i) => ranks[i]!))} cannot be ended: inside a system or library call`;
    }
  }
}

/** Ranks that have come to an end of their own: they wait for no kernel any more. */
class Settling {
  readonly #settled = new Set<number>();
  readonly #size: number;
  #done = (): void => {};

  constructor(size: number) {
    this.#size = size;
  }

  add(rank: number): void {
    this.#settled.add(rank);
    if (this.#settled.size === this.#size) this.#done();
  }

  /** Resolves when all have, or when so much time has passed. */
  async within(ms: number): Promise<void> {
    if (this.#settled.size === this.#size) return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, ms);
      this.#done = () => {
        clearTimeout(timer);
        done();
      };
    });
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

/** Ends all ranks. Returns the indices of those that are left behind. */
async function end(handles: readonly RankHandle[], succeeded: boolean): Promise<number[]> {
  const left = new Set(handles.keys());
  const ended = handles.map(async (handle, i) => {
    await handle.end(succeeded);
    left.delete(i);
  });
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((done) => {
    timer = setTimeout(done, END_MS);
  });
  await Promise.race([Promise.all(ended), patience]);
  clearTimeout(timer);
  return [...left];
}
