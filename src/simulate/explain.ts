/**
 * @file Says in words why a two-shot all-reduce that reads (vLLM's 2-stage kernel) and NCCL's ring take what they were
 * measured to take, and which algorithm would close the gap. Every number is computed from the measurements and the
 * topology handed in, so the words follow another host's numbers, and say so when there is no gap.
 */

import { aligned } from '../report/table.ts';
import { formatSize } from '../units.ts';
import { findAlgorithm } from './algorithms/index.ts';
import { pickProtocol } from './algorithms/ring.ts';
import { predict } from './cost.ts';
import type { Measurement } from './measurement.ts';
import { readOverWrite, readWireBytes, writeWireBytes } from './packet.ts';
import { meanLatency, pathBandwidth } from './route.ts';
import { bytesSent, hopCount } from './schedule.ts';
import type { Topology } from './topology.ts';

interface Row {
  readonly bytes: number;
  readonly twoShot: number;
  readonly ring: number;
}

/**
 * The explanation as lines of text, empty unless `two_shot` and `ring` were both measured at two sizes or more.
 * `topology` is the fitted one.
 */
export function explain(topology: Topology, measurements: readonly Measurement[]): string[] {
  const rows = bothMeasured(measurements);
  const last = rows.at(-1);
  const previous = rows.at(-2);
  if (last === undefined || previous === undefined) return [];
  return [
    ...gap(topology, previous, last),
    `Where each wins: ${winners(rows)}.`,
    ...protocolSwitches(topology, rows),
    ...(last.twoShot > last.ring ? remedy(topology, rows) : []),
  ];
}

function bothMeasured(measurements: readonly Measurement[]): Row[] {
  const ring = new Map(measurements.filter((m) => m.algorithm === 'ring').map((m) => [m.bytes, m.us]));
  return measurements
    .filter((m) => m.algorithm === 'two_shot' && ring.has(m.bytes))
    .map((m) => ({ bytes: m.bytes, twoShot: m.us, ring: ring.get(m.bytes)! }))
    .sort((a, b) => a.bytes - b.bytes);
}

/** What differs between the two at the largest size, and what does not. */
function gap(topology: Topology, previous: Row, last: Row): string[] {
  const size = formatSize(last.bytes);
  const n = topology.ranks.length;
  const twoShot = findAlgorithm('all_reduce', 'two_shot').schedule(topology, last.bytes);
  const ring = findAlgorithm('all_reduce', 'ring').schedule(topology, last.bytes);
  const sent = bytesSent(twoShot, 0);
  const difference = last.twoShot / last.ring - 1;
  const times = `At ${size} two_shot takes ${us(last.twoShot)} and ring ${us(last.ring)}`;
  if (difference <= 0) return [`${times}: two_shot is not slower, so there is no gap to explain.`];
  const hop = meanLatency(topology);
  const hops = [hopCount(twoShot), hopCount(ring)] as const;
  const link = pathBandwidth(topology, 0, 1 % n);
  // Between two sizes the latencies cancel; what is left is the rate at which payload leaves a rank.
  const payload = (2 * (n - 1) * (last.bytes - previous.bytes)) / n / 1e3;
  const readRate = payload / (last.twoShot - previous.twoShot);
  const writeRate = payload / (last.ring - previous.ring);
  return [
    `${times}: ${percent(difference)} more.`,
    `Not the bytes: each rank sends ${(sent / last.bytes).toFixed(2)} x size (${(sent / 1e6).toFixed(1)} MB) in ` +
      `two_shot and ${(bytesSent(ring, 0) / last.bytes).toFixed(2)} x size in ring (protocol ` +
      `${pickProtocol(topology, 'all_reduce', last.bytes)}), and receives as much.`,
    `Not the latency: two_shot waits for ${hops[0]} one-way latencies, ring for ${hops[1]}; at ${hop.toFixed(2)} us ` +
      `each that is ${us(hops[0] * hop)} against ${us(hops[1] * hop)}, in favour of ` +
      `${hops[0] <= hops[1] ? 'two_shot' : 'ring'}.`,
    `The rate: from ${formatSize(previous.bytes)} to ${size} two_shot moves ${readRate.toFixed(2)} GB/s each way and ` +
      `ring ${writeRate.toFixed(2)}, over links of ${link.toFixed(2)}: ${(readRate / link).toFixed(3)} against ` +
      `${(writeRate / link).toFixed(3)} of the link.`,
    `Why: two_shot reads from its peers, ring writes. A write is posted. A read is not: its request travels against ` +
      `the data, so while every rank reads, each direction carries data and requests.${packets(topology, readRate / writeRate)}`,
  ];
}

function packets(topology: Topology, measured: number): string {
  if (topology.interconnect !== 'pcie') return '';
  return (
    ` For 128 bytes that is ${readWireBytes(128)} bytes on a PCIe link against ${writeWireBytes(128)} for a write: ` +
    `packet headers alone put reads at ${readOverWrite(128).toFixed(3)} of writes; measured ${measured.toFixed(3)}.`
  );
}

/** Runs of sizes with the same winner: `ring to 64K, two_shot from 128K to 1M, ring from 2M`. */
function winners(rows: readonly Row[]): string {
  const runs: { name: string; from: number; to: number }[] = [];
  for (const row of rows) {
    const name = row.twoShot < row.ring ? 'two_shot' : 'ring';
    const run = runs.at(-1);
    if (run?.name === name) run.to = row.bytes;
    else runs.push({ name, from: row.bytes, to: row.bytes });
  }
  return runs
    .map(({ name, from, to }) =>
      from === to
        ? `${name} at ${formatSize(from)}`
        : `${name} from ${formatSize(from)} to ${formatSize(to)}`,
    )
    .join(', ');
}

/** Where NCCL's own constants change the ring's protocol between two measured sizes, and how near a row that is. */
function protocolSwitches(topology: Topology, rows: readonly Row[]): string[] {
  const pick = (bytes: number): string => pickProtocol(topology, 'all_reduce', bytes);
  return rows.slice(1).flatMap((row, i) => {
    const before = rows[i]!;
    const from = pick(before.bytes);
    if (from === pick(row.bytes)) return [];
    let [low, high] = [before.bytes, row.bytes];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (pick(middle) === from) low = middle;
      else high = middle;
    }
    const above = high / before.bytes - 1;
    return [
      `Between ${formatSize(before.bytes)} and ${formatSize(row.bytes)} ring changes protocol: NCCL's constants leave ${from} ` +
        `for ${pick(row.bytes)} at ${(high / 1024).toFixed(0)}K with links of this rate, ${percent(above)} above the ` +
        `row before.${topology.interconnect === 'pcie' ? " NCCL enters the slot's nominal rate; where that is lower it switches earlier." : ''}`,
    ];
  });
}

/** The two-shot that writes: its times beside both measured ones, and what they rest on. */
function remedy(topology: Topology, rows: readonly Row[]): string[] {
  const push = findAlgorithm('all_reduce', 'two_shot_push');
  const fenced = findAlgorithm('all_reduce', 'two_shot_push_fenced');
  const last = rows.at(-1)!;
  const hops = hopCount(push.schedule(topology, last.bytes));
  const cells = rows.map(({ bytes, twoShot, ring }) => {
    const { us: time } = predict(topology, push, bytes);
    return [
      formatSize(bytes),
      time.toFixed(1),
      `${(twoShot / time).toFixed(2)}x`,
      `${(ring / time).toFixed(2)}x`,
    ];
  });
  const ahead = rows.filter(({ bytes, twoShot, ring }) => {
    return predict(topology, push, bytes).us < Math.min(twoShot, ring);
  }).length;
  const cautious = predict(topology, fenced, last.bytes).us;
  return [
    `What would close the gap: two_shot_push, which writes the slices of both stages. It has the ring's write ` +
      `bandwidth and only ${hops} hops: predicted ahead of both at ${ahead} of ${rows.length} sizes.`,
    ...aligned([['size', 'predicted us', 'two_shot / it', 'ring / it'], ...cells]).map((line) => `  ${line}`),
    `Not measured: two_shot reads from ${topology.ranks.length - 1} peers at once while ring writes to one, and these ` +
      `times alone cannot part the two differences. The prediction takes all of the gap to be that of reads and writes, ` +
      `so issue the writes in ring order. With a fence and a flag after each stage in place of data that is its ` +
      `own flag it would take ${us(cautious)} at ${formatSize(last.bytes)}.`,
  ];
}

function us(value: number): string {
  return `${value.toFixed(1)} us`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
