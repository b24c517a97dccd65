/**
 * @file What an algorithm does, as the simulator needs it: phases one after the other, each with transfers that run at
 * once and a number of one-way latencies on its critical path. No data moves; bytes are counted.
 */
import type { Operation } from '../operations.ts';
import type { Topology } from './topology.ts';

/** Data flows from `source` to `destination` in both kinds; the source issues a write, the destination a read. */
export type TransferKind = 'read' | 'write';

export interface Transfer {
  readonly source: number;
  readonly destination: number;
  /** On the wire, flags of a packed protocol included. Need not be whole: a slice is size / ranks. */
  readonly bytes: number;
  readonly kind: TransferKind;
}

export interface Phase {
  readonly name: string;
  /** How often the phase runs, one after the other: the steps of a ring. */
  readonly repeat: number;
  /** One-way latencies on the critical path of one run, each the longest among the transfers' paths. */
  readonly hops: number;
  /** Time that neither bytes nor hops explain, us a run. */
  readonly fixed: number;
  readonly transfers: readonly Transfer[];
}

/** One-way latencies of the things that phases wait for. */
export const HOPS = {
  /** Data that is its own flag: a sentinel word or an LL packet has arrived when it is seen. */
  arrival: 1,
  /** A flag written to every peer and polled by each. */
  flag: 1,
  /** A load from a peer: the request goes out, the data comes back. */
  read: 2,
  /** A release after remote writes: it returns when the last of them is acknowledged. */
  fence: 2,
} as const;

/**
 * An algorithm of the simulator's catalogue.
 * `bytes` is the size that nccl-tests prints: the whole vector, of which a rank contributes or receives a slice in
 * all-gather and reduce-scatter.
 */
export interface SimulatedAlgorithm {
  readonly operation: Operation;
  readonly name: string;
  /** One line: who moves what, and what is waited for. */
  readonly summary: string;
  schedule(topology: Topology, bytes: number): Phase[];
}

/** A phase that runs once and takes no fixed time, unless told otherwise. */
export function phase(
  name: string,
  hops: number,
  transfers: readonly Transfer[],
  more?: { repeat?: number; fixed?: number },
): Phase {
  return { name, hops, transfers, repeat: more?.repeat ?? 1, fixed: more?.fixed ?? 0 };
}

/** `bytes` from every rank to every other, all at once. */
export function everyPair(ranks: number, bytes: number, kind: TransferKind): Transfer[] {
  const transfers: Transfer[] = [];
  for (let source = 0; source < ranks; source++) {
    for (let step = 1; step < ranks; step++) {
      transfers.push({ source, destination: (source + step) % ranks, bytes, kind });
    }
  }
  return transfers;
}

/** `bytes` from every rank to the next, in rank order. */
export function nextNeighbour(ranks: number, bytes: number): Transfer[] {
  if (ranks < 2) return [];
  return Array.from({ length: ranks }, (_, source) => ({
    source,
    destination: (source + 1) % ranks,
    bytes,
    kind: 'write',
  }));
}

/** `bytes` from `root` to every other rank. */
export function fromRoot(ranks: number, root: number, bytes: number): Transfer[] {
  return everyPair(ranks, bytes, 'write').filter((transfer) => transfer.source === root);
}

/** Bytes that leave a rank over all phases. */
export function bytesSent(phases: readonly Phase[], rank: number): number {
  return total(phases, (transfer) => transfer.source === rank);
}

/** Bytes that reach a rank over all phases. */
export function bytesReceived(phases: readonly Phase[], rank: number): number {
  return total(phases, (transfer) => transfer.destination === rank);
}

/** One-way latencies on the critical path over all phases. */
export function hopCount(phases: readonly Phase[]): number {
  return phases.reduce((sum, p) => sum + p.hops * p.repeat, 0);
}

function total(phases: readonly Phase[], counts: (transfer: Transfer) => boolean): number {
  let sum = 0;
  for (const p of phases) for (const t of p.transfers) if (counts(t)) sum += t.bytes * p.repeat;
  return sum;
}
