/** @file Builders, the JSON file, presets and matrices: what they build, and which field an error names. */
import { describe, expect, it } from 'vitest';
import { fromP2P } from '../../dist/simulate/from-p2p.js';
import { PRESETS, preset } from '../../dist/simulate/presets.js';
import { meanLatency, pathBandwidth, routesOf } from '../../dist/simulate/route.js';
import { checkTopology, firstRanks, nvlinkAllToAll, pcieTree } from '../../dist/simulate/topology.js';
import { parseTopology } from '../../dist/simulate/topology-file.js';

const PAIR = {
  name: 'pair',
  interconnect: 'pcie',
  launch: 2,
  nodes: [
    { name: 'a', kind: 'device' },
    { name: 'b', kind: 'device' },
  ],
  links: [{ from: 'a', to: 'b', bandwidth: 10, latency: 1, duplex: true }],
  ranks: ['a', 'b'],
};

describe('builders', () => {
  it('puts NVLink devices on one plane: two links between any two, one port each way', () => {
    const topology = nvlinkAllToAll({ ranks: 4, bandwidth: 450, latency: 1 });
    expect(topology.links).toHaveLength(8);
    for (const [s, row] of routesOf(topology).entries()) {
      for (const [d, route] of row.entries()) {
        expect(route.links).toHaveLength(s === d ? 0 : 2);
        expect(route.latency).toBe(s === d ? 0 : 1);
      }
    }
  });

  it('routes a PCIe tree through the nearest common node', () => {
    const topology = pcieTree({
      roots: 2,
      switches: 2,
      devices: 2,
      bandwidth: 26,
      crossRoot: 9,
      latency: 0.5,
    });
    const hops = routesOf(topology)[0]!.map((route) => route.links.length);
    expect(hops).toEqual([0, 2, 4, 4, 5, 5, 5, 5]);
    expect(pathBandwidth(topology, 0, 1)).toBe(26);
    expect(pathBandwidth(topology, 0, 4)).toBe(9);
    expect(routesOf(topology)[0]![7]!.latency).toBeCloseTo(2.5, 12);
  });

  it('hangs devices on the root when there are no switches', () => {
    const topology = pcieTree({ switches: 0, devices: 3, bandwidth: 26, latency: 0.5 });
    expect(topology.nodes.map((node) => node.kind)).toEqual(['host', 'device', 'device', 'device']);
    expect(meanLatency(topology)).toBeCloseTo(1, 12);
  });

  it('names the option at fault', () => {
    expect(() => nvlinkAllToAll({ ranks: 0, bandwidth: 450, latency: 1 })).toThrow(/^ranks is 0/);
    expect(() => nvlinkAllToAll({ ranks: 2, bandwidth: -1, latency: 1 })).toThrow(/bandwidth is -1/);
    expect(() => pcieTree({ switches: 1, devices: 1.5, bandwidth: 26, latency: 0 })).toThrow(
      /^devices is 1.5/,
    );
    expect(() => pcieTree({ roots: 8, switches: 8, devices: 8, bandwidth: 26, latency: 0 })).toThrow(
      /is 512/,
    );
  });

  it('builds every preset, and lists them for a name it does not know', () => {
    for (const name of Object.keys(PRESETS)) expect(preset(name).name).toBe(name);
    expect(() => preset('toString')).toThrow(/h200-nvlink-4/);
  });

  it('uses the first ranks only', () => {
    expect(firstRanks(preset('h200-nvlink-4'), 2).ranks).toEqual(['gpu0', 'gpu1']);
    expect(() => firstRanks(preset('h200-nvlink-4'), 5)).toThrow(/^ranks is 5/);
  });
});

describe('JSON file', () => {
  const with_ = (change: object): string => JSON.stringify({ ...PAIR, ...change });

  it('adds the other direction of a duplex link and the documented efficiencies', () => {
    const topology = parseTopology(JSON.stringify(PAIR));
    expect(topology.links).toEqual([
      { from: 'a', to: 'b', bandwidth: 10, latency: 1 },
      { from: 'b', to: 'a', bandwidth: 10, latency: 1 },
    ]);
    expect(topology.efficiency).toEqual({ read: 0.834, write: 0.975 });
  });

  it.each([
    ['no JSON', '{', /^topology is not JSON/],
    ['an unknown field', with_({ lunch: 1 }), /lunch/],
    ['a wrong interconnect', with_({ interconnect: 'isa' }), /^topology: interconnect/],
    [
      'a link without bandwidth',
      with_({ links: [{ from: 'a', to: 'b', latency: 0 }] }),
      /^topology: links\[0\]\.bandwidth/,
    ],
    [
      'a link of bandwidth 0',
      with_({ links: [{ from: 'a', to: 'b', bandwidth: 0, latency: 0 }] }),
      /links\[0\]\.bandwidth/,
    ],
    [
      'a link to nowhere',
      with_({ links: [{ from: 'a', to: 'c', bandwidth: 1, latency: 0 }] }),
      /links\[0\]\.to "c"/,
    ],
    ['a rank that is no device', with_({ ranks: ['a', 'c'] }), /^ranks\[1\] "c"/],
    ['a rank used twice', with_({ ranks: ['a', 'a'] }), /^ranks\[1\] "a" is used twice/],
    ['no rank', with_({ ranks: [] }), /^topology: ranks/],
    ['a node named twice', with_({ nodes: [...PAIR.nodes, PAIR.nodes[0]] }), /^nodes\[2\]\.name "a"/],
    ['an efficiency of 3', with_({ efficiency: { read: 3, write: 1 } }), /^topology: efficiency\.read/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseTopology(text)).toThrow(message);
  });

  it('finds ranks that cannot reach each other when they are routed', () => {
    const oneWay = parseTopology(with_({ links: [{ from: 'a', to: 'b', bandwidth: 1, latency: 0 }] }));
    expect(() => routesOf(oneWay)).toThrow('no path from rank 1 ("b") to rank 0 ("a")');
  });

  it('checks topologies made by hand as well', () => {
    const topology = parseTopology(JSON.stringify(PAIR));
    expect(() => checkTopology({ ...topology, launch: Number.NaN })).toThrow(/^launch is NaN/);
  });
});

describe('from P2P matrices', () => {
  const flat = (n: number, value: number): number[][] =>
    Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 900 : value)));
  const sockets = [0, 1, 2, 3].map((i) =>
    [0, 1, 2, 3].map((j) => (i === j ? 900 : i >> 1 === j >> 1 ? 26 : 10)),
  );

  it('puts equal pairs on one switch', () => {
    const topology = fromP2P({ unidirectional: flat(4, 26) });
    expect(topology.nodes.filter((node) => node.kind === 'switch')).toHaveLength(1);
    expect(topology.interconnect).toBe('pcie');
    expect(pathBandwidth(topology, 0, 3)).toBe(26);
  });

  it('joins slow groups by one shared link', () => {
    const topology = fromP2P({ unidirectional: sockets });
    expect(topology.nodes.filter((node) => node.kind === 'switch')).toHaveLength(2);
    expect(pathBandwidth(topology, 0, 1)).toBe(26);
    expect(pathBandwidth(topology, 1, 2)).toBe(10);
    expect(routesOf(topology)[0]![2]!.links[1]).toBe(routesOf(topology)[1]![3]!.links[1]);
  });

  it('halves what both directions reach together where they disturb each other', () => {
    expect(pathBandwidth(fromP2P({ unidirectional: flat(2, 20), bidirectional: flat(2, 30) }), 0, 1)).toBe(
      15,
    );
    expect(pathBandwidth(fromP2P({ unidirectional: flat(2, 20), bidirectional: flat(2, 39) }), 0, 1)).toBe(
      20,
    );
  });

  it('takes latency from the matrix, or as told', () => {
    expect(meanLatency(fromP2P({ unidirectional: flat(3, 20), latency: flat(3, 1.5) }))).toBeCloseTo(1.5, 12);
    expect(meanLatency(fromP2P({ unidirectional: flat(3, 20) }, { latency: 2 }))).toBeCloseTo(2, 12);
  });

  it('takes what no PCIe slot carries for NVLink', () => {
    expect(fromP2P({ unidirectional: flat(2, 380) }).interconnect).toBe('nvlink');
  });

  it('refuses matrices of different sizes and pairs without bandwidth', () => {
    expect(() => fromP2P({ unidirectional: [[1, 2], [1]] })).toThrow(
      'unidirectional[1] has 1 numbers; use 2',
    );
    expect(() => fromP2P({ unidirectional: flat(2, 0) })).toThrow('unidirectional[0][1] is 0');
    expect(() => fromP2P({ unidirectional: flat(2, 20), latency: flat(3, 1) })).toThrow(
      'the latency matrix has 3 rows',
    );
    expect(() => fromP2P({ unidirectional: [[900]] })).toThrow(/2 devices or more/);
  });
});
