/** @file The fit: recovers what synthetic measurements were made with, says what it cannot know, keeps what it may not change. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findAlgorithm } from '../../dist/simulate/algorithms/index.js';
import { predict } from '../../dist/simulate/cost.js';
import { fitTopology } from '../../dist/simulate/fit.js';
import { leastSquares } from '../../dist/simulate/least-squares.js';
import { parseMeasurements } from '../../dist/simulate/measurement.js';
import { nvlinkAllToAll, type Topology } from '../../dist/simulate/topology.js';

const SIZES = [1, 4, 16, 64, 256, 1024, 4096].map((k) => k * 1024);
const NAMES = ['one_shot', 'two_shot', 'two_shot_push', 'ring_simple'];

function measure(topology: Topology, names = NAMES, noise: (i: number) => number = () => 1) {
  return names
    .flatMap((algorithm) => SIZES.map((bytes) => ({ algorithm, bytes })))
    .map(({ algorithm, bytes }, i) => ({
      algorithm,
      bytes,
      us: predict(topology, findAlgorithm('all_reduce', algorithm), bytes).us * noise(i),
    }));
}

const start = nvlinkAllToAll({
  ranks: 4,
  bandwidth: 25,
  latency: 1,
  launch: 1,
  efficiency: { read: 1, write: 1 },
});

describe('fitTopology', () => {
  it('recovers the parameters that times were made with', () => {
    fc.assert(
      fc.property(
        fc.record({
          launch: fc.double({ min: 0.1, max: 10, noNaN: true }),
          latency: fc.double({ min: 0.2, max: 5, noNaN: true }),
          read: fc.double({ min: 0.5, max: 1.2, noNaN: true }),
          write: fc.double({ min: 0.5, max: 1.2, noNaN: true }),
        }),
        ({ launch, latency, read, write }) => {
          const truth = nvlinkAllToAll({
            ranks: 4,
            bandwidth: 25,
            latency,
            launch,
            efficiency: { read, write },
          });
          const { parameters, rms, free } = fitTopology(start, measure(truth));
          expect(free).toEqual(['launch', 'latency', 'read', 'write']);
          expect(parameters.launch).toBeCloseTo(launch, 5);
          expect(parameters.latency).toBeCloseTo(latency, 5);
          expect(parameters.read).toBeCloseTo(read, 5);
          expect(parameters.write).toBeCloseTo(write, 5);
          expect(rms).toBeLessThan(1e-6);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('comes near them under 2 % of noise', () => {
    const truth = nvlinkAllToAll({
      ranks: 4,
      bandwidth: 25,
      latency: 1.3,
      launch: 2,
      efficiency: { read: 0.8, write: 0.9 },
    });
    const { parameters, rms } = fitTopology(
      start,
      measure(truth, NAMES, (i) => 1 + 0.02 * Math.sin(i * 12.9898)),
    );
    expect(Math.abs(parameters.latency / 1.3 - 1)).toBeLessThan(0.05);
    expect(Math.abs(parameters.read / 0.8 - 1)).toBeLessThan(0.03);
    expect(Math.abs(parameters.write / 0.9 - 1)).toBeLessThan(0.03);
    expect(rms).toBeLessThan(0.02);
  });

  it('changes only what is free, fits only below the limit, and tells which rows it fitted', () => {
    const truth = { ...start, efficiency: { read: 0.8, write: 0.9 } };
    const result = fitTopology(start, measure(truth), { free: ['launch', 'latency'], below: 16 * 1024 });
    expect(result.topology.efficiency).toEqual(start.efficiency);
    expect(result.rows).toBe(8);
    expect(result.largest).toBe(4096);
    expect(result.residuals.filter((r) => r.fitted)).toHaveLength(8);
    expect(result.residuals).toHaveLength(28);
  });

  it('keeps what no row depends on', () => {
    const { free, parameters } = fitTopology(start, measure(start, ['two_shot_push', 'ring_simple']));
    expect(free).toEqual(['launch', 'latency', 'write']);
    expect(parameters.read).toBe(1);
  });

  it('gives up launch where one algorithm cannot tell it from latency', () => {
    const { free, rms } = fitTopology(start, measure(start, ['two_shot']), {
      free: ['launch', 'latency', 'read'],
    });
    expect(free).toEqual(['latency', 'read']);
    expect(rms).toBeLessThan(1e-9);
  });

  it('does not go below zero', () => {
    const slow = measure(start).map((m) => ({ ...m, us: m.us / 50 }));
    const { parameters } = fitTopology(start, slow, { free: ['launch', 'latency'] });
    expect(parameters.launch).toBeGreaterThanOrEqual(0);
    expect(parameters.latency).toBeGreaterThanOrEqual(0);
  });

  it('refuses no rows and rows of unknown algorithms', () => {
    expect(() => fitTopology(start, measure(start), { below: 10 })).toThrow(
      'no measurement is below 10 bytes',
    );
    expect(() => fitTopology(start, [{ algorithm: 'butterfly', bytes: 8, us: 1 }])).toThrow(/"butterfly"/);
    const same = [{ algorithm: 'two_shot', bytes: 1024, us: 9 }];
    expect(() => fitTopology(start, same, { free: ['latency', 'read'] })).toThrow(
      /do not determine latency, read/,
    );
  });
});

describe('leastSquares', () => {
  it('solves a line through points', () => {
    const x = leastSquares({
      rows: [
        [1, 0],
        [1, 1],
        [1, 2],
      ],
      targets: [1, 3, 5],
      lower: [0, 0],
    });
    expect(x?.[0]).toBeCloseTo(1, 9);
    expect(x?.[1]).toBeCloseTo(2, 9);
  });

  it('holds an unknown at its bound and solves the rest again', () => {
    const x = leastSquares({
      rows: [
        [1, 1],
        [1, 2],
      ],
      targets: [1, 3],
      lower: [0, 0],
    });
    expect(x?.[0]).toBe(0);
    expect(x?.[1]).toBeCloseTo(7 / 5, 9);
  });

  it('says nothing about dependent columns', () => {
    expect(
      leastSquares({
        rows: [
          [1, 2],
          [2, 4],
        ],
        targets: [1, 2],
        lower: [0, 0],
      }),
    ).toBeUndefined();
  });
});

describe('measurements as JSON', () => {
  it('reads a list, bare or with its source', () => {
    const list = [{ algorithm: 'ring', bytes: 1024, us: 9.5 }];
    expect(parseMeasurements(JSON.stringify(list))).toEqual(list);
    expect(parseMeasurements(JSON.stringify({ source: 'a log', measurements: list }))).toEqual(list);
  });

  it.each([
    ['[{"algorithm":"ring","bytes":1024,"us":"9"}]', /^measurements: \[0\]\.us/],
    ['[{"algorithm":"ring","bytes":-4,"us":9}]', /^measurements: \[0\]\.bytes/],
    ['{"measurements":[]}', /^measurements: measurements/],
    ['[', /^measurements is not JSON/],
  ])('refuses %s', (text, message) => {
    expect(() => parseMeasurements(text)).toThrow(message);
  });
});
