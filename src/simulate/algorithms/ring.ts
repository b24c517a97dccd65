/**
 * @file NCCL's ring: a slice of size / N travels from neighbour to neighbour, N-1 steps to reduce it and N-1 to hand it
 * around. Every step is a write, so the bytes of an all-reduce are those of two-shot, but 2(N-1) latencies add up.
 * Ranks form the ring in rank order. `ring` uses the protocol that NCCL would pick; the others force one.
 * Checked against 4x RTX 4090 over PCIe (within 9 % from 256 KB) and 4x H200 (within 8 % from 16 MB; below, NCCL spends
 * more on a step over NVLink than one latency, and predictions are up to 40 % low).
 */
import type { Operation } from '../../operations.ts';
import { pathBandwidth } from '../route.ts';
import { nextNeighbour, type Phase, phase, type SimulatedAlgorithm } from '../schedule.ts';
import type { Topology } from '../topology.ts';
import { ncclProtocol, PROTOCOL_COSTS, type Protocol, ringSteps } from './nccl-protocol.ts';

/** The narrowest path between ring neighbours, GB/s. */
function ringBandwidth(topology: Topology): number {
  const n = topology.ranks.length;
  return Math.min(...topology.ranks.map((_, rank) => pathBandwidth(topology, rank, (rank + 1) % n)));
}

/** The protocol that NCCL would use for a ring of this size on this topology. */
export function pickProtocol(topology: Topology, operation: Operation, bytes: number): Protocol {
  const n = topology.ranks.length;
  if (n < 2) return 'LL';
  return ncclProtocol(operation, n, bytes, ringBandwidth(topology), topology.interconnect);
}

function steps(topology: Topology, operation: Operation, bytes: number, protocol: Protocol): Phase[] {
  const n = topology.ranks.length;
  if (n < 2) return [];
  const { wire, hops } = PROTOCOL_COSTS[protocol];
  return [
    phase(`ring step, ${protocol}`, hops, nextNeighbour(n, (bytes / n) * wire), {
      repeat: ringSteps(operation, n),
    }),
  ];
}

function ring(operation: Operation, protocol?: Protocol): SimulatedAlgorithm {
  return {
    operation,
    name: protocol === undefined ? 'ring' : `ring_${protocol.toLowerCase()}`,
    summary: `NCCL's ring, protocol ${protocol ?? 'as NCCL picks'}`,
    schedule: (topology, bytes) =>
      steps(topology, operation, bytes, protocol ?? pickProtocol(topology, operation, bytes)),
  };
}

export const ringAllReduce: SimulatedAlgorithm = ring('all_reduce');
export const ringAllReduceLL: SimulatedAlgorithm = ring('all_reduce', 'LL');
export const ringAllReduceLL128: SimulatedAlgorithm = ring('all_reduce', 'LL128');
export const ringAllReduceSimple: SimulatedAlgorithm = ring('all_reduce', 'Simple');
export const ringAllGather: SimulatedAlgorithm = ring('all_gather');
export const ringReduceScatter: SimulatedAlgorithm = ring('reduce_scatter');
