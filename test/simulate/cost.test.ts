/** @file The cost model: cases worked by hand, and properties that any alpha-beta model with contention has to have. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALGORITHMS, findAlgorithm } from '../../dist/simulate/algorithms/index.js';
import { phaseCost, predict } from '../../dist/simulate/cost.js';
import { everyPair, phase } from '../../dist/simulate/schedule.js';
import { nvlinkAllToAll, pcieTree, type Topology } from '../../dist/simulate/topology.js';

/** 1 GB/s is 1000 bytes a us, so that times can be worked in the head. */
const UNIT = { read: 0.5, write: 1 };
const plane = (ranks: number): Topology =>
  nvlinkAllToAll({ ranks, bandwidth: 1, latency: 1, launch: 2, efficiency: UNIT });

const topologies = fc.oneof(
  fc
    .record({
      ranks: fc.integer({ min: 2, max: 8 }),
      bandwidth: fc.double({ min: 1, max: 900, noNaN: true }),
    })
    .map(({ ranks, bandwidth }) => nvlinkAllToAll({ ranks, bandwidth, latency: 0.8 })),
  fc
    .record({
      roots: fc.integer({ min: 1, max: 2 }),
      switches: fc.integer({ min: 0, max: 2 }),
      devices: fc.integer({ min: 2, max: 3 }),
      bandwidth: fc.double({ min: 1, max: 64, noNaN: true }),
      uplink: fc.double({ min: 1, max: 64, noNaN: true }),
    })
    .map((options) => pcieTree({ ...options, latency: 0.6 })),
);
const sizes = fc.integer({ min: 0, max: 2 ** 28 });
const algorithms = fc.constantFrom(...ALGORITHMS);
/** NCCL switches protocols by constants of its own, not by the model's time, so its ring may step down with size. */
const steady = fc.constantFrom(...ALGORITHMS.filter((a) => a.name !== 'ring'));

describe('worked by hand', () => {
  it('charges a link with everything that crosses it', () => {
    // Three ranks write 1000 bytes to each peer: 2000 bytes leave each port at 1000 bytes a us.
    const cost = phaseCost(plane(3), phase('all', 1, everyPair(3, 1000, 'write')));
    expect(cost.us).toBeCloseTo(1 + 2, 12);
    expect(cost.write).toBeCloseTo(2, 12);
  });

  it('takes reads at their own efficiency', () => {
    expect(phaseCost(plane(3), phase('all', 0, everyPair(3, 1000, 'read'))).us).toBeCloseTo(4, 12);
  });

  it('adds reads and writes that meet on a link', () => {
    const transfers = [
      { source: 0, destination: 1, bytes: 1000, kind: 'write' },
      { source: 2, destination: 1, bytes: 1000, kind: 'read' },
    ] as const;
    const cost = phaseCost(plane(3), phase('meet', 0, transfers));
    expect(cost.us).toBeCloseTo(1 + 2, 12);
    expect(cost.bottleneck).toMatchObject({ from: 'nvswitch', to: 'gpu1' });
  });

  it('shares an uplink between the devices under a switch', () => {
    // Two switches of two devices: 4 crossing pairs each way, 4000 bytes up each uplink; 3000 bytes a device port.
    const tree = pcieTree({ switches: 2, devices: 2, bandwidth: 1, latency: 0, launch: 0, efficiency: UNIT });
    const cost = phaseCost(tree, phase('all', 0, everyPair(4, 1000, 'write')));
    expect(cost.us).toBeCloseTo(4, 12);
    expect(cost.bottleneck?.from).toMatch(/switch|root/);
  });

  it.each([
    // launch 2; N = 4, S = 4000 bytes, slices of 1000.
    ['one_shot', 2 + 4 + (3 * 4) / 0.5],
    ['one_shot_push', 2 + 1 + 3 * 4],
    ['two_shot', 2 + 7 + (2 * 3) / 0.5],
    ['two_shot_push', 2 + 2 + 2 * 3],
    ['two_shot_push_fenced', 2 + 6 + 2 * 3],
    ['two_shot_mixed', 2 + 6 + 3 / 0.5 + 3],
    ['ring_ll', 2 + 6 + 6 * 2],
    ['ring_ll128', 2 + 6 + (6 * 128) / 120],
    ['ring_simple', 2 + 18 + 6],
  ])('all_reduce %s', (name, us) => {
    expect(predict(plane(4), findAlgorithm('all_reduce', name), 4000).us).toBeCloseTo(us, 9);
  });

  it.each([
    ['all_gather', 'direct', 2 + 4 + 3],
    ['reduce_scatter', 'direct', 2 + 4 + 3 / 0.5],
    ['reduce_scatter', 'push', 2 + 1 + 3],
    ['broadcast', 'direct', 2 + 4 + 12],
    ['broadcast', 'scatter_all_gather', 2 + 7 + 3 + 3],
  ] as const)('%s %s', (operation, name, us) => {
    expect(predict(plane(4), findAlgorithm(operation, name), 4000).us).toBeCloseTo(us, 9);
  });

  it('costs one rank its launch and no transfer', () => {
    const one = plane(1);
    expect(predict(one, findAlgorithm('all_reduce', 'ring'), 4000).us).toBe(2);
    expect(predict(one, findAlgorithm('all_reduce', 'two_shot'), 4000).us).toBe(2);
  });

  it('refuses a size below 0 and a rank that is not there', () => {
    expect(() => predict(plane(2), findAlgorithm('all_reduce', 'ring'), -1)).toThrow('bytes is -1');
    expect(() => phaseCost(plane(2), phase('far', 1, everyPair(3, 1, 'read')))).toThrow(/phase "far"/);
  });
});

describe('properties', () => {
  it('adds up: launch, latency, fixed time and bytes over efficiency', () => {
    fc.assert(
      fc.property(topologies, algorithms, sizes, (topology, algorithm, bytes) => {
        const p = predict(topology, algorithm, bytes);
        const { read, write } = topology.efficiency;
        expect(p.us).toBeCloseTo(p.launch + p.latency + p.fixed + p.read / read + p.write / write, 6);
      }),
    );
  });

  it('never takes less time for more bytes', () => {
    fc.assert(
      fc.property(topologies, steady, sizes, sizes, (topology, algorithm, a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        expect(predict(topology, algorithm, more).us).toBeGreaterThanOrEqual(
          predict(topology, algorithm, less).us,
        );
      }),
    );
  });

  it('is never slower with more bandwidth on any link, or with less latency', () => {
    fc.assert(
      fc.property(
        topologies,
        steady,
        sizes,
        fc.nat(),
        fc.double({ min: 1, max: 10, noNaN: true }),
        (t, a, bytes, n, f) => {
          const index = n % t.links.length;
          const change = (change: (link: (typeof t.links)[number]) => object): Topology => ({
            ...t,
            links: t.links.map((link, i) => (i === index ? { ...link, ...change(link) } : link)),
          });
          const before = predict(t, a, bytes).us * (1 + 1e-12);
          expect(
            predict(
              change((link) => ({ bandwidth: link.bandwidth * f })),
              a,
              bytes,
            ).us,
          ).toBeLessThanOrEqual(before);
          expect(
            predict(
              change((link) => ({ latency: link.latency / f })),
              a,
              bytes,
            ).us,
          ).toBeLessThanOrEqual(before);
        },
      ),
    );
  });

  it('does not depend on who is which rank where all ranks are alike', () => {
    const order = (ranks: number) => fc.shuffledSubarray([...Array(ranks).keys()], { minLength: ranks });
    const cases = fc.integer({ min: 2, max: 8 }).chain((ranks) => fc.tuple(fc.constant(ranks), order(ranks)));
    fc.assert(
      fc.property(cases, algorithms, sizes, ([ranks, permutation], algorithm, bytes) => {
        const topology = nvlinkAllToAll({ ranks, bandwidth: 400, latency: 1 });
        const relabelled = { ...topology, ranks: permutation.map((i) => topology.ranks[i]!) };
        expect(predict(relabelled, algorithm, bytes).us).toBeCloseTo(
          predict(topology, algorithm, bytes).us,
          9,
        );
      }),
    );
  });

  it('grows with distance: crossing a slower root link never helps', () => {
    fc.assert(
      fc.property(steady, sizes, (algorithm, bytes) => {
        const near = pcieTree({ switches: 1, devices: 4, bandwidth: 26, latency: 0.6 });
        const far = pcieTree({
          roots: 2,
          switches: 1,
          devices: 2,
          bandwidth: 26,
          crossRoot: 10,
          latency: 0.6,
        });
        expect(predict(far, algorithm, bytes).us).toBeGreaterThanOrEqual(predict(near, algorithm, bytes).us);
      }),
    );
  });
});
