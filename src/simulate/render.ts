/**
 * @file A simulation as text: the host, what was fitted to what, a table of predictions, a table of predictions beside
 * measurements, and the explanation.
 */

import { aligned, wrapped } from '../report/table.ts';
import { formatSize } from '../units.ts';
import { meanLatency, pathBandwidth } from './route.ts';
import type { Comparison, Simulation } from './run.ts';
import { DEFAULT_EFFICIENCY, EFFICIENCY_SOURCE } from './topology.ts';

const WIDTH = 110;

/** Sizes from here on are where bytes decide; errors are summed up over these. */
const BANDWIDTH_BOUND = 256 * 1024;

/** The whole report, ending with a newline. */
export function render(simulation: Simulation): string {
  const { comparisons, explanation } = simulation;
  const lines = [...host(simulation), '', ...predictions(simulation)];
  if (comparisons.length > 0) lines.push('', ...compared(comparisons));
  if (explanation.length > 0)
    lines.push('', ...explanation.flatMap((paragraph) => wrapped(paragraph, WIDTH)));
  return `${lines.join('\n')}\n`;
}

function host({ topology, fit, operation }: Simulation): string[] {
  const n = topology.ranks.length;
  const { read, write } = topology.efficiency;
  const link = n > 1 ? `, ${pathBandwidth(topology, 0, 1).toFixed(2)} GB/s each way from rank 0 to 1` : '';
  const lines = [
    `# ${operation} on ${topology.name}: ${n} ranks, ${topology.interconnect}${link}`,
    `# launch ${topology.launch.toFixed(2)} us, one-way latency ${meanLatency(topology).toFixed(2)} us, ` +
      `of a link reads reach ${read.toFixed(3)} and writes ${write.toFixed(3)}`,
  ];
  const standard = DEFAULT_EFFICIENCY[topology.interconnect];
  if (read === standard.read && write === standard.write) {
    lines.push(`# reads and writes: constants, ${EFFICIENCY_SOURCE[topology.interconnect]}`);
  }
  if (fit === undefined) return [...lines, '# nothing fitted'];
  const kept = (['launch', 'latency', 'read', 'write'] as const).filter((p) => !fit.free.includes(p));
  const rest = kept.length === 0 ? '' : `; kept: ${kept.join(', ')}`;
  return [
    ...lines,
    `# fitted: ${fit.free.join(', ')}, to ${fit.rows} measurements up to ${formatSize(fit.largest)} ` +
      `(rms error ${percent(fit.rms)})${rest}${fit.residuals.every((r) => r.fitted) ? '' : '; no other row was fitted to'}`,
  ];
}

function predictions({ sizes }: Simulation): string[] {
  const names = Object.keys(sizes[0]?.us ?? {});
  return [
    'predicted us',
    ...aligned([
      ['size', ...names, 'best'],
      ...sizes.map(({ bytes, us, best }) => [
        formatSize(bytes),
        ...names.map((name) => time(us[name]!)),
        best,
      ]),
    ]),
  ];
}

function compared(comparisons: readonly Comparison[]): string[] {
  const names = [...new Set(comparisons.map((c) => c.algorithm))];
  const sizes = [...new Set(comparisons.map((c) => c.bytes))].sort((a, b) => a - b);
  const cell = (bytes: number, algorithm: string): string[] => {
    const c = comparisons.find((row) => row.bytes === bytes && row.algorithm === algorithm);
    return c === undefined
      ? ['-', '-', '-']
      : [time(c.us), time(c.predicted), `${signed(c.error)}${c.fitted ? ' *' : '  '}`];
  };
  return [
    'measured us, predicted us, error %   (* fitted to)',
    ...aligned([
      ['size', ...names.flatMap((name) => [name, 'predicted', 'error  '])],
      ...sizes.map((bytes) => [formatSize(bytes), ...names.flatMap((name) => cell(bytes, name))]),
    ]),
    ...names.flatMap((name) =>
      worst(comparisons.filter((c) => c.algorithm === name && c.bytes >= BANDWIDTH_BOUND)),
    ),
  ];
}

function worst(rows: readonly Comparison[]): string[] {
  const row = [...rows].sort((a, b) => Math.abs(b.error) - Math.abs(a.error))[0];
  if (row === undefined) return [];
  return [
    `${row.algorithm}: largest error from ${formatSize(BANDWIDTH_BOUND)} up is ${signed(row.error)} % at ` +
      `${formatSize(row.bytes)}, over ${rows.length} sizes`,
  ];
}

function time(us: number): string {
  return us.toFixed(us < 1000 ? 2 : 1);
}

function signed(share: number): string {
  return `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
