/**
 * @file What a rank knows of its group: who it is, how many there are, and how to agree on small things.
 * Everything here is synchronous, as SPMD programs are; big data goes through collectives, not through here.
 */

/**
 * What the ranks are:
 * - `threads`: of one process; shared memory that is sent stays shared
 * - `processes`: of one host; they can exchange descriptors (processes.ts)
 * - `hosts`: processes of several hosts; nothing is shared
 */
export type GroupKind = 'threads' | 'processes' | 'hosts';

export interface Group {
  readonly kind: GroupKind;
  /** 0 to size - 1. */
  readonly rank: number;
  /** World size. */
  readonly size: number;
  /** 0 to localSize - 1: which of this host's devices is this rank's. */
  readonly localRank: number;
  /** Ranks on this host. */
  readonly localSize: number;
  /** How many polls a waiting rank makes before it sleeps; 0 when there are more ranks than cores. */
  readonly spins: number;
  /** Returns on no rank before every rank has called it. */
  barrier(): void;
  /**
   * The root's value, on every rank. Any value that structured clone can carry; between threads, shared memory stays shared, and
   * between processes it is refused.
   */
  broadcast<T>(value: T, root?: number): T;
  /** Every rank's value in rank order, on every rank. */
  gather<T>(value: T): T[];
  /**
   * Tells the watchdog where this rank is. `enter` before anything that waits for peers, `leave` after.
   * `what` is an index into the table of site names the group was made with.
   */
  enter(site: number): void;
  leave(): void;
}

/** Names of the places a rank can wait in, for the watchdog's messages. */
export const SITES = [
  'barrier',
  'broadcast',
  'gather',
  'eager collective',
  'replay',
  'NCCL set-up',
  'GPU set-up',
] as const;

export const SITE = { barrier: 0, broadcast: 1, gather: 2, eager: 3, replay: 4, nccl: 5, gpu: 6 } as const;
