/**
 * @file Ours against peers, from one run: at each size the fastest algorithm that is not a peer, every peer, and the ratio of ours to the
 * best of them. A ratio below 1 is a peer that takes longer.
 */
import type { BenchRow } from '../bench/program.ts';
import { choiceName } from '../plan/plan.ts';
import { formatBytes } from '../units.ts';
import { us } from './plan-tables.ts';
import { formatTable } from './table.ts';

/** One size. */
export interface Versus {
  readonly bytes: number;
  /** The fastest that is neither a peer nor another library's; absent when none can serve the size. */
  readonly ours: BenchRow | undefined;
  /** In the order in which peers were named; absent where a peer cannot serve the size. */
  readonly peers: readonly (BenchRow | undefined)[];
  readonly bestPeer: BenchRow | undefined;
  /** Time of ours over that of the best peer; absent without either. */
  readonly ratio: number | undefined;
}

/** Sizes in the order of the rows. */
export function compareWithPeers(rows: readonly BenchRow[], peers: readonly string[]): Versus[] {
  return [...new Set(rows.map((row) => row.bytes))].map((bytes): Versus => {
    const here = rows.filter((row) => row.bytes === bytes);
    // Another library's algorithm is not ours, even where it is no peer of this comparison.
    const ours = fastest(here.filter(({ algorithm }) => !peers.includes(algorithm) && !isNccl(algorithm)));
    const theirs = peers.map((name) => here.find(({ algorithm }) => algorithm === name));
    const bestPeer = fastest(theirs.filter((row) => row !== undefined));
    return { bytes, ours, peers: theirs, bestPeer, ratio: ours && bestPeer && ours.us / bestPeer.us };
  });
}

/** Of no values: NaN. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** One row a size; the geometric mean and the worst of the ratios at the end. */
export function formatVersus(rows: readonly BenchRow[], peers: readonly string[]): string {
  const compared = compareWithPeers(rows, peers);
  const cell = (row: BenchRow | undefined): string => (row ? us(row.us) : '-');
  const table = formatTable(
    [
      { head: 'size' },
      { head: 'best ours us' },
      { head: 'algorithm', left: true },
      ...peers.flatMap((name) => [{ head: `${name} us` }, { head: 'ratio' }]),
      { head: 'best peer us' },
      { head: 'ratio' },
    ],
    compared.map(({ bytes, ours, peers: theirs, bestPeer, ratio }) => [
      formatBytes(bytes),
      cell(ours),
      ours ? choiceName(ours) : '-',
      ...theirs.flatMap((row) => [cell(row), ours && row ? (ours.us / row.us).toFixed(2) : '-']),
      cell(bestPeer),
      ratio?.toFixed(2) ?? '-',
    ]),
  );
  const ratios = compared.flatMap(({ ratio }) => (ratio === undefined ? [] : [ratio]));
  if (ratios.length === 0) return `${table}\nno size at which both ours and a peer were timed`;
  const mean = geometricMean(ratios).toFixed(2);
  return `${table}\ngeometric mean ${mean} over ${ratios.length} sizes, worst ${Math.max(...ratios).toFixed(2)}`;
}

/** NCCL's, by itself or with a norm of ours behind it. */
function isNccl(algorithm: string): boolean {
  return /^(unfused_)?nccl/.test(algorithm);
}

function fastest(rows: readonly BenchRow[]): BenchRow | undefined {
  return rows.reduce<BenchRow | undefined>(
    (best, row) => (best && best.us <= row.us ? best : row),
    undefined,
  );
}
