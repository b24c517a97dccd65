/** @file Schedules: bytes a rank sends and receives, latencies on the critical path, and NCCL's choice of protocol. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALGORITHMS, findAlgorithm, standardAlgorithms } from '../../dist/simulate/algorithms/index.js';
import { ncclEstimate, ncclProtocol } from '../../dist/simulate/algorithms/nccl-protocol.js';
import { bytesReceived, bytesSent, hopCount } from '../../dist/simulate/schedule.js';
import { nvlinkAllToAll } from '../../dist/simulate/topology.js';

/** Bytes that leave each rank, as a multiple of the size, for N ranks. */
const VOLUME: Record<string, (n: number) => number> = {
  'all_reduce one_shot': (n) => n - 1,
  'all_reduce one_shot_push': (n) => n - 1,
  'all_reduce two_shot': (n) => (2 * (n - 1)) / n,
  'all_reduce two_shot_push': (n) => (2 * (n - 1)) / n,
  'all_reduce two_shot_push_fenced': (n) => (2 * (n - 1)) / n,
  'all_reduce two_shot_mixed': (n) => (2 * (n - 1)) / n,
  'all_reduce ring_ll': (n) => (4 * (n - 1)) / n,
  'all_reduce ring_ll128': (n) => (2 * (n - 1) * 128) / n / 120,
  'all_reduce ring_simple': (n) => (2 * (n - 1)) / n,
  'all_gather direct': (n) => (n - 1) / n,
  'reduce_scatter direct': (n) => (n - 1) / n,
  'reduce_scatter push': (n) => (n - 1) / n,
};

describe('bytes', () => {
  it('conserves them: every rank sends and receives the textbook volume', () => {
    const counted = ALGORITHMS.filter((a) => VOLUME[`${a.operation} ${a.name}`] !== undefined);
    expect(counted).toHaveLength(Object.keys(VOLUME).length);
    fc.assert(
      fc.property(
        fc.constantFrom(...counted),
        fc.integer({ min: 2, max: 16 }),
        fc.integer({ min: 1, max: 2 ** 30 }),
        (algorithm, n, bytes) => {
          const phases = algorithm.schedule(nvlinkAllToAll({ ranks: n, bandwidth: 400, latency: 1 }), bytes);
          const expected = VOLUME[`${algorithm.operation} ${algorithm.name}`]!(n) * bytes;
          for (let rank = 0; rank < n; rank++) {
            expect(bytesSent(phases, rank) / expected).toBeCloseTo(1, 9);
            expect(bytesReceived(phases, rank) / expected).toBeCloseTo(1, 9);
          }
        },
      ),
    );
  });

  it('sends as much as is received over all ranks, whatever the algorithm', () => {
    for (const algorithm of ALGORITHMS) {
      const phases = algorithm.schedule(nvlinkAllToAll({ ranks: 5, bandwidth: 400, latency: 1 }), 5000);
      const sum = (count: typeof bytesSent) =>
        [0, 1, 2, 3, 4].reduce((total, rank) => total + count(phases, rank), 0);
      expect(sum(bytesSent)).toBeCloseTo(sum(bytesReceived), 6);
    }
  });

  it('gives every rank of a broadcast the whole vector', () => {
    for (const algorithm of ALGORITHMS.filter((a) => a.operation === 'broadcast')) {
      const phases = algorithm.schedule(nvlinkAllToAll({ ranks: 4, bandwidth: 400, latency: 1 }), 4000);
      for (let rank = 1; rank < 4; rank++) expect(bytesReceived(phases, rank)).toBeGreaterThanOrEqual(4000);
    }
  });
});

describe('latencies', () => {
  it.each([
    ['one_shot', 4],
    ['one_shot_push', 1],
    ['two_shot', 7],
    ['two_shot_push', 2],
    ['two_shot_push_fenced', 6],
    ['ring_ll', 6],
    ['ring_simple', 18],
  ])('%s waits for %i on 4 ranks', (name, hops) => {
    const topology = nvlinkAllToAll({ ranks: 4, bandwidth: 400, latency: 1 });
    expect(hopCount(findAlgorithm('all_reduce', name).schedule(topology, 1024))).toBe(hops);
  });

  it('has no fewer in a ring of more ranks, and the same in two-shot', () => {
    const hops = (name: string, ranks: number): number =>
      hopCount(
        findAlgorithm('all_reduce', name).schedule(nvlinkAllToAll({ ranks, bandwidth: 1, latency: 1 }), 1024),
      );
    expect(hops('ring_simple', 8)).toBe(42);
    expect(hops('two_shot', 8)).toBe(7);
  });
});

describe("NCCL's protocol", () => {
  it('leaves LL on 4 ranks over PCIe at 20 KB for each GB/s', () => {
    // 8.4 + 6 x 5.7 - 6.6 - 6 x 1.0 = 30 us = 1.5 x bytes / bandwidth.
    for (const bandwidth of [12, 24, 26.33, 55]) {
      const edge = bandwidth * 20e3;
      expect(ncclProtocol('all_reduce', 4, edge - 1, bandwidth, 'pcie')).toBe('LL');
      expect(ncclProtocol('all_reduce', 4, edge + 1, bandwidth, 'pcie')).toBe('Simple');
    }
  });

  it('never uses LL128 over PCIe, and does over NVLink between the other two', () => {
    const seen = (interconnect: 'nvlink' | 'pcie') => [
      ...new Set(
        Array.from({ length: 20 }, (_, i) => ncclProtocol('all_reduce', 4, 2 ** (i + 10), 450, interconnect)),
      ),
    ];
    expect(seen('pcie')).toEqual(['LL', 'Simple']);
    expect(seen('nvlink')).toEqual(['LL', 'LL128', 'Simple']);
  });

  it('estimates as NCCL does', () => {
    // 2 ranks, 1 MB over 20 GB/s: 8.4 + 2 x 5.7 + 1048576 / 20e3.
    expect(ncclEstimate('Simple', 'all_reduce', 2, 2 ** 20, 20, 'pcie')).toBeCloseTo(8.4 + 11.4 + 52.4288, 9);
  });
});

describe('catalogue', () => {
  it('has no two algorithms of one name in an operation', () => {
    const names = ALGORITHMS.map((a) => `${a.operation} ${a.name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it('shows the standard ones and lists names for one it does not know', () => {
    expect(standardAlgorithms('all_reduce').map((a) => a.name)).toEqual([
      'one_shot',
      'one_shot_push',
      'two_shot',
      'two_shot_push',
      'ring',
    ]);
    expect(() => findAlgorithm('broadcast', 'ring')).toThrow('use one of direct, scatter_all_gather');
  });
});
