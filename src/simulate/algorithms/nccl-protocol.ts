/**
 * @file Which protocol NCCL's ring uses at a size. NCCL does not measure; it compares base latency + steps x latency +
 * bytes / bandwidth for each protocol with constants of its own (src/graph/tuning.cc, ncclTunerConstantsDefaults,
 * NCCL 2.20 to 2.28; older versions quarter the bandwidth of LL in all-reduce instead of halving it).
 * These constants only choose. The time of the chosen protocol comes from the topology, as for every algorithm.
 */
import type { Operation } from '../../operations.ts';
import { HOPS } from '../schedule.ts';
import type { Interconnect } from '../topology.ts';

export const PROTOCOLS = ['LL', 'LL128', 'Simple'] as const;

export type Protocol = (typeof PROTOCOLS)[number];

interface ProtocolCost {
  /** Wire bytes for a byte of payload. */
  readonly wire: number;
  /** One-way latencies of one ring step. */
  readonly hops: number;
  /** NCCL's base latency, us. */
  readonly base: number;
  /** NCCL's latency of one ring step, us. */
  readonly step: Readonly<Record<Interconnect, number>>;
  /** Share of the bus bandwidth in NCCL's own estimate. */
  readonly share: number;
}

/**
 * LL packs 4 bytes of data with 4 of flag; LL128 120 with 8, and needs 128-byte stores that arrive whole: NVLink only.
 * A Simple step is a write, a fence that waits for its acknowledgement, and a flag.
 */
export const PROTOCOL_COSTS: Readonly<Record<Protocol, ProtocolCost>> = {
  LL: { wire: 2, hops: HOPS.arrival, base: 6.6, step: { nvlink: 0.6, pcie: 1.0 }, share: 0.5 },
  LL128: { wire: 128 / 120, hops: HOPS.arrival, base: 14.0, step: { nvlink: 1.9, pcie: 2.5 }, share: 0.92 },
  Simple: { wire: 1, hops: HOPS.fence + HOPS.flag, base: 8.4, step: { nvlink: 3.4, pcie: 5.7 }, share: 1 },
};

/** NCCL caps LL's bus bandwidth, GB/s: 141 on Hopper with NVLink. Over PCIe no cap of its table is ever reached. */
const LL_CAP: Readonly<Record<Interconnect, number>> = { nvlink: 141, pcie: Number.POSITIVE_INFINITY };

/** Steps of a ring: N-1 to reduce a slice around it, N-1 to hand it around. */
export function ringSteps(operation: Operation, ranks: number): number {
  return operation === 'all_reduce' ? 2 * (ranks - 1) : ranks - 1;
}

/** NCCL's own estimate of a ring, us, for `bandwidth` GB/s between neighbours. */
export function ncclEstimate(
  protocol: Protocol,
  operation: Operation,
  ranks: number,
  bytes: number,
  bandwidth: number,
  interconnect: Interconnect,
): number {
  const { base, step, share } = PROTOCOL_COSTS[protocol];
  const steps = ringSteps(operation, ranks);
  const cap = protocol === 'LL' ? LL_CAP[interconnect] : Number.POSITIVE_INFINITY;
  return (
    base + steps * step[interconnect] + (bytes * steps) / ranks / (Math.min(bandwidth * share, cap) * 1e3)
  );
}

/**
 * The protocol with the lowest of NCCL's estimates.
 * NCCL enters the nominal rate of the slot; here it is the topology's, which moves the switch in proportion. On 4 ranks
 * over PCIe LL is left at 20 KB for each GB/s: at 527 KB for the 26.33 GB/s measured on 4x RTX 4090, between the two
 * rows (512 KB and 1 MB) where that host's table has its jump.
 */
export function ncclProtocol(
  operation: Operation,
  ranks: number,
  bytes: number,
  bandwidth: number,
  interconnect: Interconnect,
): Protocol {
  let best: Protocol = 'LL';
  let least = Number.POSITIVE_INFINITY;
  for (const protocol of PROTOCOLS) {
    if (protocol === 'LL128' && interconnect === 'pcie') continue;
    const us = ncclEstimate(protocol, operation, ranks, bytes, bandwidth, interconnect);
    if (us < least) {
      least = us;
      best = protocol;
    }
  }
  return best;
}
