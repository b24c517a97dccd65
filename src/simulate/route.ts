/**
 * @file Paths through a topology: the fewest links from one rank to another, the first found where several are equally
 * short. In a tree that is the only path. Found once for a topology and kept for as long as it lives.
 */
import { CrossoverError } from '../errors.ts';
import type { Topology } from './topology.ts';

export interface Route {
  /** Indices into `topology.links`, in the order travelled. */
  readonly links: readonly number[];
  /** One-way latency, us. */
  readonly latency: number;
}

const cache = new WeakMap<Topology, Route[][]>();

/** Routes by [source rank][destination rank]; a rank's route to itself is empty. Throws when two ranks have none. */
export function routesOf(topology: Topology): readonly (readonly Route[])[] {
  let routes = cache.get(topology);
  if (routes === undefined) {
    routes = topology.ranks.map((_, rank) => routesFrom(topology, rank));
    cache.set(topology, routes);
  }
  return routes;
}

/** The narrowest bandwidth that a single transfer between two ranks meets, GB/s. */
export function pathBandwidth(topology: Topology, source: number, destination: number): number {
  const route = routesOf(topology)[source]?.[destination];
  if (route === undefined)
    throw new CrossoverError(`no rank ${source} or ${destination} in "${topology.name}"`);
  return Math.min(...route.links.map((link) => topology.links[link]!.bandwidth));
}

/** Mean one-way latency over all ordered pairs of ranks, us; 0 for one rank. */
export function meanLatency(topology: Topology): number {
  const pairs = routesOf(topology).flatMap((row, s) => row.filter((_, d) => d !== s));
  return pairs.length === 0 ? 0 : pairs.reduce((sum, route) => sum + route.latency, 0) / pairs.length;
}

function routesFrom(topology: Topology, source: number): Route[] {
  const outgoing = new Map<string, number[]>();
  for (const [i, link] of topology.links.entries()) {
    const list = outgoing.get(link.from);
    if (list === undefined) outgoing.set(link.from, [i]);
    else list.push(i);
  }
  const start = topology.ranks[source]!;
  const arrival = new Map<string, number>(); // node -> link it is reached by, breadth first
  const queue = [start];
  for (let head = 0; head < queue.length; head++) {
    for (const i of outgoing.get(queue[head]!) ?? []) {
      const next = topology.links[i]!.to;
      if (next === start || arrival.has(next)) continue;
      arrival.set(next, i);
      queue.push(next);
    }
  }
  return topology.ranks.map((name, destination) => {
    const links: number[] = [];
    for (let at = name; at !== start; ) {
      const link = arrival.get(at);
      if (link === undefined) {
        throw new CrossoverError(
          `no path from rank ${source} ("${start}") to rank ${destination} ("${name}")`,
        );
      }
      links.unshift(link);
      at = topology.links[link]!.from;
    }
    return { links, latency: links.reduce((sum, link) => sum + topology.links[link]!.latency, 0) };
  });
}
