/**
 * @file Matrices as p2pBandwidthLatencyTest prints them, so that people can lay them side by side, and `crossover simulate --p2p` can read them.
 */
import type { Link } from '../engine/cuda/inspect/links.ts';
import type { Matrices, Measured } from '../engine/cuda/inspect/matrix.ts';
import type { PeerVerdicts } from '../engine/cuda/inspect/peer-check.ts';
import { aligned } from '../report/table.ts';

/** Links as `nvidia-smi topo -m` shows them. */
export function formatLinks(links: readonly (readonly (Link | null)[])[]): string {
  const names = links.map((_, i) => `GPU${i}`);
  const rows = links.map((row, i) => [names[i]!, ...row.map((link) => link?.path ?? 'X')]);
  return aligned([['', ...names], ...rows]).join('\n');
}

/** 1 where the row's device reaches the column's, by test. */
export function formatConnectivity(verdicts: PeerVerdicts): string {
  const heading = `     D\\D${verdicts.map((_, i) => pad(i)).join('')}`;
  const rows = verdicts.map(
    (row, i) =>
      `${pad(i)}  ${row.map((verdict, j) => pad(i === j || verdict?.ok === true ? 1 : 0)).join('')}`,
  );
  return ['P2P Connectivity Matrix', heading, ...rows].join('\n');
}

export function formatMatrices(measured: Matrices): string {
  const { unidirectional, bidirectional, latency, stores, loads, oneWay } = measured;
  return [
    matrix('Unidirectional P2P=Enabled Bandwidth (P2P Writes) Matrix (GB/s)', unidirectional),
    matrix('Bidirectional P2P=Enabled Bandwidth Matrix (GB/s)', bidirectional),
    matrix('P2P=Enabled Latency (P2P Writes) Matrix (us)', latency, 'GPU'),
    matrix('16-byte stores to the column, by multiprocessors (GB/s)', stores),
    matrix('16-byte loads from the column, by multiprocessors (GB/s)', loads),
    matrix('One store until the column sees it, by ping-pong (us)', oneWay),
  ].join('\n\n');
}

function matrix(title: string, values: Measured, corner = 'D\\D'): string {
  const heading = `   ${corner}${values.map((_, i) => `${pad(i)} `).join('')}`;
  const rows = values.map((row, i) => `${pad(i)} ${row.map((value) => `${cell(value)} `).join('')}`);
  return [title, heading, ...rows].map((line) => line.trimEnd()).join('\n');
}

function cell(value: number | null): string {
  return (value === null ? '-' : value.toFixed(2)).padStart(6);
}

function pad(value: number): string {
  return String(value).padStart(6);
}
