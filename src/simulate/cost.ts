/**
 * @file Time of a schedule on a topology, as pure functions. A phase costs its latency plus the time of its busiest
 * link; a link's time is all the bytes that the phase's transfers put on it, over bandwidth x efficiency of their kind.
 * The alpha-beta model of Hockney (1994), with contention counted a link. Phases do not overlap.
 */
import { CrossoverError } from '../errors.ts';
import { routesOf } from './route.ts';
import type { Phase, SimulatedAlgorithm } from './schedule.ts';
import type { Link, Topology } from './topology.ts';

/**
 * What a schedule's time is made of, before the parameters that a fit may change:
 * time = launch + latency + fixed + read / efficiency.read + write / efficiency.write.
 */
export interface Terms {
  /** Hops x path latency, us. */
  readonly latency: number;
  readonly fixed: number;
  /** Time that the reads on each phase's busiest link would take at its full bandwidth, us. */
  readonly read: number;
  /** The same for writes. */
  readonly write: number;
}

export interface PhaseCost extends Terms {
  readonly name: string;
  /** One run of the phase times its repeats, us. */
  readonly us: number;
  /** The link that limits; undefined when nothing is transferred. */
  readonly bottleneck: Link | undefined;
}

export interface Prediction extends Terms {
  readonly algorithm: string;
  readonly bytes: number;
  /** Whole operation, us. */
  readonly us: number;
  readonly launch: number;
  readonly phases: readonly PhaseCost[];
}

/** Time of one phase with all its repeats. */
export function phaseCost(topology: Topology, phase: Phase): PhaseCost {
  const routes = routesOf(topology);
  const loads = new Map<number, { read: number; write: number }>();
  let longest = 0;
  for (const { source, destination, bytes, kind } of phase.transfers) {
    const route = routes[source]?.[destination];
    if (route === undefined) {
      throw new CrossoverError(`phase "${phase.name}" uses a rank that "${topology.name}" does not have`);
    }
    longest = Math.max(longest, route.latency);
    for (const link of route.links) {
      let load = loads.get(link);
      if (load === undefined) {
        load = { read: 0, write: 0 };
        loads.set(link, load);
      }
      load[kind] += bytes;
    }
  }
  const { efficiency } = topology;
  let worst = { read: 0, write: 0, us: 0 };
  let bottleneck: Link | undefined;
  for (const [index, load] of loads) {
    const link = topology.links[index]!;
    const bytesPerUs = link.bandwidth * 1e3;
    const read = load.read / bytesPerUs;
    const write = load.write / bytesPerUs;
    const us = read / efficiency.read + write / efficiency.write;
    if (bottleneck !== undefined && us <= worst.us) continue;
    worst = { read, write, us };
    bottleneck = link;
  }
  const latency = phase.hops * longest * phase.repeat;
  const fixed = phase.fixed * phase.repeat;
  return {
    name: phase.name,
    latency,
    fixed,
    read: worst.read * phase.repeat,
    write: worst.write * phase.repeat,
    us: latency + fixed + worst.us * phase.repeat,
    bottleneck,
  };
}

/**
 * Predicted time of an algorithm for a vector of `bytes` on every rank.
 * @example predict(nvlinkAllToAll({ ranks: 4, bandwidth: 450, latency: 1 }), findAlgorithm('all_reduce', 'ring'), 2 ** 20).us
 */
export function predict(topology: Topology, algorithm: SimulatedAlgorithm, bytes: number): Prediction {
  if (!Number.isFinite(bytes) || bytes < 0) throw new CrossoverError(`bytes is ${bytes}; use 0 or more`);
  const phases = algorithm.schedule(topology, bytes).map((phase) => phaseCost(topology, phase));
  const sum = (field: 'latency' | 'fixed' | 'read' | 'write' | 'us'): number =>
    phases.reduce((total, phase) => total + phase[field], 0);
  return {
    algorithm: algorithm.name,
    bytes,
    us: topology.launch + sum('us'),
    launch: topology.launch,
    latency: sum('latency'),
    fixed: sum('fixed'),
    read: sum('read'),
    write: sum('write'),
    phases,
  };
}
