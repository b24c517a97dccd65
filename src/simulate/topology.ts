/**
 * @file A host as the simulator sees it: devices, switches and root complexes joined by directed links, each with a
 * bandwidth and a latency. A full-duplex cable is two links. Two shares say how much of a link kernels reach when they
 * write to a peer and when they read from one. Everything is plain data, so that a host that is not here can be
 * described in a file (topology-file.ts), taken from a measured matrix (from-p2p.ts) or built below.
 */
import { CrossoverError } from '../errors.ts';

export type NodeKind = 'device' | 'switch' | 'host';

export interface TopologyNode {
  readonly name: string;
  readonly kind: NodeKind;
}

/** One direction of a cable or of a port. */
export interface Link {
  readonly from: string;
  readonly to: string;
  /** GB/s, 1 GB = 1e9 bytes. */
  readonly bandwidth: number;
  /** One-way time of an empty packet, us. A path costs the sum of its links. */
  readonly latency: number;
}

export type Interconnect = 'nvlink' | 'pcie';

/**
 * Share of a link's bandwidth that kernels reach while every rank transfers at once, in (0, 2].
 * Above 1 where the bandwidth was measured with something slower than the kernel, such as a copy engine.
 */
export interface Efficiency {
  readonly read: number;
  readonly write: number;
}

export interface Topology {
  readonly name: string;
  readonly interconnect: Interconnect;
  /** Start and end of an operation in a chain of them, without any communication, us. */
  readonly launch: number;
  readonly efficiency: Efficiency;
  readonly nodes: readonly TopologyNode[];
  readonly links: readonly Link[];
  /** Names of device nodes, in rank order. */
  readonly ranks: readonly string[];
}

/**
 * The one efficiency for reads and the one for writes, by interconnect.
 *
 * A write is posted: the packet carries the data and nothing comes back. A read is not: a request travels against the
 * data, so when every rank reads, each direction carries the data of some reads and the requests of others.
 * - pcie: slopes between the 8 MB and 16 MB rows of vLLM's custom_all_reduce_test on 4x RTX 4090 (vLLM issue #36481)
 *   over that host's copy-engine bandwidth, 26.33 GB/s: two-stage kernel that reads 21.95 GB/s, NCCL's ring that writes
 *   25.68 GB/s. Headers alone (packet.ts) put reads at 0.88 of writes; measured 0.855.
 * - nvlink: all-to-all on 4x H200 over the raw 450 GB/s: loads 320 GB/s, stores 352 GB/s (driver 580.159, CUDA 13.0).
 */
export const DEFAULT_EFFICIENCY: Readonly<Record<Interconnect, Efficiency>> = {
  pcie: { read: 0.834, write: 0.975 },
  nvlink: { read: 320 / 450, write: 352 / 450 },
};

/** Where the default efficiencies come from, in a line. */
export const EFFICIENCY_SOURCE: Readonly<Record<Interconnect, string>> = {
  pcie: 'slopes of the 8M and 16M rows of custom_all_reduce_test on 4x RTX 4090, vLLM #36481',
  nvlink: 'all-to-all loads and stores on 4x H200',
};

/** An operation's launch where nothing better is known, us: an empty kernel in a graph chain on an H200. */
export const DEFAULT_LAUNCH = 0.54;

/** Bounds that keep described hosts sensible; a rank is a device of one host. */
export const MAX_RANKS = 64;

/**
 * Throws when a topology contradicts itself, and names the field: two nodes of one name, a link to nowhere, a rank that
 * is no device. Returns it unchanged otherwise. Whether ranks can reach each other is found when they are routed.
 */
export function checkTopology(topology: Topology): Topology {
  const kinds = new Map<string, NodeKind>();
  for (const [i, node] of topology.nodes.entries()) {
    if (kinds.has(node.name)) throw new CrossoverError(`nodes[${i}].name "${node.name}" is used twice`);
    kinds.set(node.name, node.kind);
  }
  for (const [i, link] of topology.links.entries()) {
    for (const end of ['from', 'to'] as const) {
      if (!kinds.has(link[end])) throw new CrossoverError(`links[${i}].${end} "${link[end]}" is not a node`);
    }
    if (link.from === link.to) throw new CrossoverError(`links[${i}] joins "${link.from}" to itself`);
    positive(link.bandwidth, `links[${i}].bandwidth`);
    atLeastZero(link.latency, `links[${i}].latency`);
  }
  if (topology.ranks.length === 0 || topology.ranks.length > MAX_RANKS) {
    throw new CrossoverError(`ranks has ${topology.ranks.length} entries; use 1 to ${MAX_RANKS}`);
  }
  for (const [i, rank] of topology.ranks.entries()) {
    if (kinds.get(rank) !== 'device') throw new CrossoverError(`ranks[${i}] "${rank}" is not a device node`);
    if (topology.ranks.indexOf(rank) !== i) throw new CrossoverError(`ranks[${i}] "${rank}" is used twice`);
  }
  atLeastZero(topology.launch, 'launch');
  for (const kind of ['read', 'write'] as const) {
    positive(topology.efficiency[kind], `efficiency.${kind}`);
    if (topology.efficiency[kind] > 2) {
      throw new CrossoverError(
        `efficiency.${kind} is ${topology.efficiency[kind]}; use a share of at most 2`,
      );
    }
  }
  return topology;
}

/** The same host used by its first `ranks` ranks only. Links stay, so that paths do not change. */
export function firstRanks(topology: Topology, ranks: number): Topology {
  if (!Number.isInteger(ranks) || ranks < 1 || ranks > topology.ranks.length) {
    throw new CrossoverError(`ranks is ${ranks}; "${topology.name}" has 1 to ${topology.ranks.length}`);
  }
  return { ...topology, ranks: topology.ranks.slice(0, ranks) };
}

/** Both directions of a full-duplex cable. */
export function duplex(a: string, b: string, bandwidth: number, latency: number): Link[] {
  return [
    { from: a, to: b, bandwidth, latency },
    { from: b, to: a, bandwidth, latency },
  ];
}

interface Common {
  readonly name?: string | undefined;
  /** us; DEFAULT_LAUNCH when absent. */
  readonly launch?: number | undefined;
  /** DEFAULT_EFFICIENCY of the interconnect when absent. */
  readonly efficiency?: Efficiency | undefined;
}

/** Options of nvlinkAllToAll: `bandwidth` in GB/s out of and into each device, `latency` in us from device to device. */
export interface NvlinkOptions extends Common {
  readonly ranks: number;
  readonly bandwidth: number;
  readonly latency: number;
}

/**
 * Devices on a plane of NVLink switches that never limits: what a device sends to all peers together shares its egress
 * port, what it receives its ingress port.
 * @example nvlinkAllToAll({ ranks: 4, bandwidth: 450, latency: 1.0 })
 */
export function nvlinkAllToAll(options: NvlinkOptions): Topology {
  const { ranks, bandwidth, latency } = options;
  count(ranks, 'ranks', MAX_RANKS);
  const devices = Array.from({ length: ranks }, (_, i) => `gpu${i}`);
  return checkTopology({
    name: options.name ?? `nvlink x${ranks}`,
    interconnect: 'nvlink',
    launch: options.launch ?? DEFAULT_LAUNCH,
    efficiency: options.efficiency ?? DEFAULT_EFFICIENCY.nvlink,
    nodes: [...devices.map(deviceNode), { name: 'nvswitch', kind: 'switch' }],
    links: devices.flatMap((device) => duplex(device, 'nvswitch', bandwidth, latency / 2)),
    ranks: devices,
  });
}

/** Options of pcieTree. Bandwidths in GB/s each way, latency in us a link. */
export interface PcieOptions extends Common {
  /** Root complexes (sockets), joined pairwise. */
  readonly roots?: number | undefined;
  /** Switches under each root; 0 hangs the devices on the root itself. */
  readonly switches: number;
  /** Devices under each switch, or under each root where there are no switches. */
  readonly devices: number;
  /** Of a device's own link. */
  readonly bandwidth: number;
  /** From a switch to its root, shared by the switch's devices; `bandwidth` when absent. */
  readonly uplink?: number | undefined;
  /** Between two roots, shared by everything that crosses; `bandwidth` when absent. */
  readonly crossRoot?: number | undefined;
  readonly latency: number;
}

/**
 * Devices under switches under root complexes, all links full duplex. Traffic between two devices climbs only to
 * their nearest common node, as PCIe peer-to-peer does where access control does not redirect it to the root.
 * @example pcieTree({ roots: 2, switches: 2, devices: 2, bandwidth: 26.3, latency: 0.6 })
 */
export function pcieTree(options: PcieOptions): Topology {
  const { switches, devices, bandwidth, latency, roots = 1 } = options;
  count(roots, 'roots', MAX_RANKS);
  count(devices, 'devices', MAX_RANKS);
  if (switches !== 0) count(switches, 'switches', MAX_RANKS);
  count(roots * devices * Math.max(1, switches), 'roots x switches x devices', MAX_RANKS);
  const nodes: TopologyNode[] = [];
  const links: Link[] = [];
  const ranks: string[] = [];
  const crossRoot = options.crossRoot ?? bandwidth;
  for (let r = 0; r < roots; r++) {
    const root = `root${r}`;
    nodes.push({ name: root, kind: 'host' });
    for (let other = 0; other < r; other++) links.push(...duplex(`root${other}`, root, crossRoot, latency));
    for (let s = 0; s < Math.max(1, switches); s++) {
      const parent = switches === 0 ? root : `switch${r * switches + s}`;
      if (switches !== 0) {
        nodes.push({ name: parent, kind: 'switch' });
        links.push(...duplex(parent, root, options.uplink ?? bandwidth, latency));
      }
      for (let d = 0; d < devices; d++) {
        const device = `gpu${ranks.length}`;
        nodes.push(deviceNode(device));
        links.push(...duplex(device, parent, bandwidth, latency));
        ranks.push(device);
      }
    }
  }
  return checkTopology({
    name: options.name ?? `pcie x${ranks.length}`,
    interconnect: 'pcie',
    launch: options.launch ?? DEFAULT_LAUNCH,
    efficiency: options.efficiency ?? DEFAULT_EFFICIENCY.pcie,
    nodes,
    links,
    ranks,
  });
}

function deviceNode(name: string): TopologyNode {
  return { name, kind: 'device' };
}

function positive(value: number, field: string): void {
  if (!(Number.isFinite(value) && value > 0))
    throw new CrossoverError(`${field} is ${value}; use a number above 0`);
}

function atLeastZero(value: number, field: string): void {
  if (!(Number.isFinite(value) && value >= 0))
    throw new CrossoverError(`${field} is ${value}; use 0 or more`);
}

function count(value: number, field: string, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new CrossoverError(`${field} is ${value}; use a whole number from 1 to ${most}`);
  }
}
