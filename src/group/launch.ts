/**
 * @file Starts a program as the ranks of a group, each in a thread or a process of its own, and watches over them.
 * The launching thread only watches: it ends every rank as soon as one fails, and reports one error that names the rank.
 */
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CrossoverError } from '../errors.ts';
import { createControl } from './control.ts';
import { checkHosts, type HostsOptions } from './hosts.ts';
import { launchProcesses } from './launch-processes.ts';
import { connectPairs, startThread } from './start-threads.ts';
import { stopAll } from './stop-words.ts';
import { supervise } from './supervise.ts';
import { Watchdog } from './watchdog.ts';

export const MAX_RANKS = 64;
const DEFAULT_TIMEOUT_SECONDS = 60;
/** Loads a waiting rank makes before it sleeps, about 50 us, when every rank has a core. */
const SPINS = 2000;
const HEARTBEAT_MS = 250;

export interface LaunchOptions {
  /** Number of ranks, 1 to 64; on each host, if there are several. */
  readonly ranks: number;
  /** A process a rank, on Linux; a thread a rank by default. The CPU engine serves threads only. */
  readonly processes?: boolean | undefined;
  /** This is one of several hosts, all of which launch the same program; ranks are processes. */
  readonly hosts?: HostsOptions | undefined;
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
 * Runs the default export of `entry`, `(group, args, data) => value`, on every rank, and resolves with the values in rank order:
 * those of the ranks of this host. `entry` is a path from the current folder or a file URL; .ts and .mts files work on every supported version of Node.
 *
 * @throws CrossoverError for a wrong option or a missing file. RankError when a rank throws, exits or stops answering; its
 * `cause` is what the rank threw. MismatchError when the ranks wait for each other. By then every other rank has been ended.
 */
export async function launch<T = unknown>(entry: string | URL, options: LaunchOptions): Promise<T[]> {
  const { ranks, processes, hosts, args = [], data, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = options;
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
  const task = { entry: locate(entry), args: [...args], data };
  const spins = ranks > availableParallelism() ? 0 : SPINS;
  if (hosts) checkHosts(hosts);
  if (processes || hosts)
    return await launchProcesses<T>({ ...task, ranks, hosts, spins, heartbeatMs, timeoutSeconds });
  const control = createControl(ranks);
  const mesh = connectPairs(ranks);
  return await supervise<T>(
    [...mesh.keys()],
    (rank, events) =>
      startThread({ ...task, rank, size: ranks, spins, control, ports: mesh[rank]!, heartbeatMs }, events),
    new Watchdog(control, ranks, timeoutSeconds),
    () => stopAll(control, ranks),
  );
}

function locate(entry: string | URL): string {
  const isUrl = entry instanceof URL || entry.startsWith('file:');
  const path = isUrl ? fileURLToPath(entry) : resolve(entry);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new CrossoverError(`there is no file ${path} to run`);
  return pathToFileURL(path).href;
}
