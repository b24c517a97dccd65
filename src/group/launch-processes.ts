/**
 * @file Starts a program as ranks that are processes: all of a group, or those of one host of several.
 */
import { CrossoverError } from '../errors.ts';
import type { HostsOptions } from './hosts.ts';
import { pack } from './pack.ts';
import type { Task } from './program.ts';
import { meetHosts, type Session } from './rendezvous.ts';
import { HostResources, type LinkPlan, type ProcessPlan, startProcess } from './start-processes.ts';
import { stopAll } from './stop-words.ts';
import { supervise } from './supervise.ts';
import { Watchdog } from './watchdog.ts';
import { nameRanks } from './wording.ts';

export interface ProcessLaunch extends Task {
  /** On this host. */
  readonly ranks: number;
  readonly hosts: HostsOptions | undefined;
  readonly spins: number;
  readonly heartbeatMs: number;
  readonly timeoutSeconds: number;
}

/** Resolves with what the ranks of this host returned. */
export async function launchProcesses<T>(options: ProcessLaunch): Promise<T[]> {
  const { ranks, hosts, timeoutSeconds } = options;
  // Refused before anybody comes.
  const data = cloned(options.data);
  const sessions = hosts ? await meetHosts(hosts, ranks, timeoutSeconds) : [];
  const resources = new HostResources(
    ranks,
    sessions.map(({ socket }) => socket),
  );
  try {
    const first = (hosts?.node ?? 0) * ranks;
    const locals = Array.from({ length: ranks }, (_, i) => first + i);
    const start = (rank: number): ProcessPlan => ({
      kind: hosts ? 'hosts' : 'processes',
      rank,
      size: ranks * (hosts?.nodes ?? 1),
      localRank: rank - first,
      localSize: ranks,
      spins: options.spins,
      entry: options.entry,
      args: options.args,
      data,
      heartbeatMs: options.heartbeatMs,
      ...linksOf(rank - first, options, resources, sessions),
    });
    return await supervise<T>(
      locals,
      (rank, events) => startProcess(start(rank), resources, events),
      new Watchdog(resources.control.words, ranks, timeoutSeconds, first),
      () => stopAll(resources.control.words, ranks),
    );
  } finally {
    resources.closeAll();
  }
}

function cloned(data: unknown): Buffer {
  try {
    return pack(data);
  } catch (cause) {
    throw new CrossoverError(`cannot start rank 0: ${(cause as Error).message}`, { cause });
  }
}

/** A rank's place in the tree (tree.ts). */
function linksOf(
  local: number,
  { ranks, hosts }: ProcessLaunch,
  { pairs }: HostResources,
  sessions: readonly Session[],
): { up: LinkPlan | undefined; down: LinkPlan[] } {
  const node = hosts?.node ?? 0;
  const first = node * ranks;
  const all = Array.from({ length: ranks * (hosts?.nodes ?? 1) }, (_, rank) => rank);
  if (local > 0) {
    const others = all.filter((rank) => rank !== first + local);
    // The nearest first.
    const up = {
      inherited: pairs[local - 1]![1],
      ranks: [first, ...others.filter((rank) => rank !== first)],
      name: `rank ${first}`,
    };
    return { up, down: [] };
  }
  const remote = sessions.map(({ socket, node: other, at, ...session }): LinkPlan => {
    const its = all.filter((rank) => Math.floor(rank / ranks) === other);
    return {
      inherited: socket,
      ranks: its,
      name: `node ${other} at ${at} (${nameRanks(its)})`,
      session,
    };
  });
  const locals = pairs.map(
    ([end], i): LinkPlan => ({ inherited: end, ranks: [first + 1 + i], name: `rank ${first + 1 + i}` }),
  );
  return node === 0 ? { up: undefined, down: [...locals, ...remote] } : { up: remote[0], down: locals };
}
