/**
 * @file A topology from measured pair-by-pair matrices, as NVIDIA's p2pBandwidthLatencyTest prints them. Devices that
 * reach each other at the full speed of their ports share a switch; a slower pair of switches is joined by one link at
 * the speed seen between them. That link is shared, the cautious reading: pairs are measured one at a time, so a matrix
 * cannot tell whether two pairs could cross at once.
 */
import { CrossoverError } from '../errors.ts';
import {
  checkTopology,
  DEFAULT_EFFICIENCY,
  DEFAULT_LAUNCH,
  duplex,
  type Efficiency,
  type Interconnect,
  type Link,
  type Topology,
  type TopologyNode,
} from './topology.ts';

export interface P2PMatrices {
  /** GB/s written by [device] to [device], one pair at a time; the diagonal is ignored. */
  readonly unidirectional: readonly (readonly number[])[];
  /** GB/s of both directions of a pair together; tells whether directions disturb each other. */
  readonly bidirectional?: readonly (readonly number[])[] | undefined;
  /** us from [device] to [device], the sample's own overhead included: a start for a fit. The diagonal is ignored. */
  readonly latency?: readonly (readonly number[])[] | undefined;
}

export interface FromP2POptions {
  readonly name?: string | undefined;
  readonly launch?: number | undefined;
  readonly efficiency?: Efficiency | undefined;
  readonly interconnect?: Interconnect | undefined;
  /** One-way latency between devices, us, in place of the matrix. */
  readonly latency?: number | undefined;
}

/** A pair this close to the slower of its two ports is taken to share their switch. */
const SAME_SWITCH = 0.9;
/** Both directions together reach this share of twice one direction: they do not disturb each other. */
const FULL_DUPLEX = 0.95;
/** Above what any PCIe slot carries one way (PCIe 6.0 x16 nominal); the matrix must be of NVLink. */
const PCIE_LIMIT = 128;
/** One way over PCIe where no matrix says it: a guess to be fitted, of the size found on 4x RTX 4090 (1.4 us). */
const GUESSED_LATENCY: Readonly<Record<Interconnect, number>> = { pcie: 1.4, nvlink: 1.0 };

/**
 * Builds a topology of one port a device from square matrices [devices][devices].
 * @throws CrossoverError when a matrix is not square, or holds something that is no bandwidth.
 */
export function fromP2P(matrices: P2PMatrices, options: FromP2POptions = {}): Topology {
  const n = matrices.unidirectional.length;
  if (n < 2) throw new CrossoverError(`the unidirectional matrix has ${n} rows; use 2 devices or more`);
  for (const [name, matrix] of Object.entries(matrices)) if (matrix !== undefined) square(matrix, n, name);

  const pair = (i: number, j: number): number => oneWay(matrices, i, j);
  const devices = Array.from({ length: n }, (_, i) => i);
  const egress = devices.map((i) => Math.max(...devices.filter((j) => j !== i).map((j) => pair(i, j))));
  const ingress = devices.map((j) => Math.max(...devices.filter((i) => i !== j).map((i) => pair(i, j))));
  const island = islands(n, (i, j) => {
    const there = pair(i, j) >= SAME_SWITCH * Math.min(egress[i]!, ingress[j]!);
    return there && pair(j, i) >= SAME_SWITCH * Math.min(egress[j]!, ingress[i]!);
  });
  const interconnect = options.interconnect ?? (Math.max(...egress) > PCIE_LIMIT ? 'nvlink' : 'pcie');
  const latency = options.latency ?? meanOffDiagonal(matrices.latency) ?? GUESSED_LATENCY[interconnect];

  const switches = [...new Set(island)].sort((a, b) => a - b);
  const nodes: TopologyNode[] = [
    ...devices.map((i): TopologyNode => ({ name: `gpu${i}`, kind: 'device' })),
    ...switches.map((s): TopologyNode => ({ name: `switch${s}`, kind: 'switch' })),
  ];
  const links: Link[] = devices.flatMap((i) => [
    { from: `gpu${i}`, to: `switch${island[i]}`, bandwidth: egress[i]!, latency: latency / 2 },
    { from: `switch${island[i]}`, to: `gpu${i}`, bandwidth: ingress[i]!, latency: latency / 2 },
  ]);
  for (const a of switches) {
    for (const b of switches.filter((s) => s > a)) {
      const across = devices.flatMap((i) =>
        island[i] === a
          ? devices.filter((j) => island[j] === b).flatMap((j) => [pair(i, j), pair(j, i)])
          : [],
      );
      // Latencies come as one mean over all pairs, so the crossing adds none of its own.
      links.push(...duplex(`switch${a}`, `switch${b}`, Math.max(...across), 0));
    }
  }
  return checkTopology({
    name: options.name ?? `p2p x${n}`,
    interconnect,
    launch: options.launch ?? DEFAULT_LAUNCH,
    efficiency: options.efficiency ?? DEFAULT_EFFICIENCY[interconnect],
    nodes,
    links,
    ranks: devices.map((i) => `gpu${i}`),
  });
}

/** One direction of a pair, GB/s: as measured alone, or half of both where both at once do not double it. */
function oneWay({ unidirectional, bidirectional }: P2PMatrices, i: number, j: number): number {
  const alone = unidirectional[i]![j]!;
  const both = bidirectional?.[i]?.[j];
  return both === undefined || both >= FULL_DUPLEX * 2 * alone ? alone : both / 2;
}

/** The lowest device of each device's group, where `together` joins two devices. */
function islands(n: number, together: (i: number, j: number) => boolean): number[] {
  const group = Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      if (group[i] === group[j] || !together(i, j)) continue;
      const [keep, drop] = group[i]! < group[j]! ? [group[i]!, group[j]!] : [group[j]!, group[i]!];
      for (const [k, g] of group.entries()) if (g === drop) group[k] = keep;
    }
  }
  return group;
}

function meanOffDiagonal(matrix: readonly (readonly number[])[] | undefined): number | undefined {
  if (matrix === undefined) return undefined;
  const values = matrix.flatMap((row, i) => row.filter((_, j) => i !== j));
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function square(matrix: readonly (readonly number[])[], n: number, name: string): void {
  if (matrix.length !== n) throw new CrossoverError(`the ${name} matrix has ${matrix.length} rows; use ${n}`);
  for (const [i, row] of matrix.entries()) {
    if (row.length !== n) throw new CrossoverError(`${name}[${i}] has ${row.length} numbers; use ${n}`);
    for (const [j, value] of row.entries()) {
      if (i !== j && !(Number.isFinite(value) && value > 0)) {
        throw new CrossoverError(`${name}[${i}][${j}] is ${value}; use a number above 0`);
      }
    }
  }
}
