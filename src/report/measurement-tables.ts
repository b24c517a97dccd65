/**
 * @file What was imported, as tables: what each file was read as, the series that are in it, what could not be read, and the host.
 */
import type { Measurement, MeasurementSet, PeerMatrix } from '../interop/measurement.ts';
import { formatSize } from '../units.ts';
import { us } from './plan-tables.ts';
import { bold, formatTable } from './table.ts';

/** Complaints that are printed; the others are counted. */
const MOST_COMPLAINTS = 20;

export function formatMeasurements(set: MeasurementSet): string {
  const { files, measurements, matrices, complaints, host } = set;
  const blocks: string[] = [];
  const add = (title: string, text: string): void => {
    blocks.push(`${bold(title)}\n${text}`);
  };
  if (files.length > 0) {
    const rows = files.map(({ file, formats }) => [file, formats.join(', ')]);
    add('Files', formatTable([left('file'), left('read as')], rows));
  }
  if (measurements.length > 0) add('Measurements', formatSeries(measurements));
  if (matrices.length > 0) add('Matrices', formatMatrices(matrices));
  if (complaints.length > 0) {
    const lines = complaints
      .slice(0, MOST_COMPLAINTS)
      .map(({ source, message }) => `${source.file}:${source.line}: ${message}`);
    const more = complaints.length - lines.length;
    if (more > 0) lines.push(`and ${more} more`);
    add('Complaints', lines.join('\n'));
  }
  const facts = Object.entries(host);
  if (facts.length > 0) {
    add(
      'Host',
      formatTable(
        [left('what'), left('value')],
        facts.map(([name, value]) => [name, value]),
      ),
    );
  }
  return blocks.join('\n\n');
}

/** A row for all sizes of what is the same otherwise, in the order of the files. */
function formatSeries(measurements: readonly Measurement[]): string {
  const series = new Map<string, Measurement[]>();
  for (const one of measurements) {
    const key = labels(one).join('\n');
    const own = series.get(key);
    if (own === undefined) series.set(key, [one]);
    else own.push(one);
  }
  const rows = [...series.values()].map((own) => [
    ...labels(own[0]!),
    ...range(own.map(({ bytes }) => bytes)).map(formatSize),
    String(own.length),
    range(own.map((one) => one.us))
      .map(us)
      .join(' - '),
  ]);
  return formatTable(
    [
      left('operation'),
      left('algorithm'),
      { head: 'ranks' },
      left('dtype'),
      { head: 'hidden' },
      left('output'),
      left('buffers'),
      left('mode'),
      { head: 'from' },
      { head: 'to' },
      { head: 'points' },
      { head: 'us' },
    ],
    rows,
  );
}

function labels({ operation, algorithm, worldSize, dtype, ...rest }: Measurement): string[] {
  const { hidden, quantization, residual, inPlace, mode } = rest;
  const added = residual === undefined ? '' : residual ? ' + residual' : ', no residual';
  return [
    operation,
    algorithm,
    String(worldSize),
    dtype ?? '-',
    hidden === undefined ? '-' : String(hidden),
    quantization === undefined ? '-' : `${quantization}${added}`,
    inPlace === undefined ? '-' : inPlace ? 'in place' : 'apart',
    mode ?? '-',
  ];
}

function formatMatrices(matrices: readonly PeerMatrix[]): string {
  return formatTable(
    [left('matrix'), left('P2P'), { head: 'devices' }, { head: 'between devices' }],
    matrices.map(({ name, p2p, rows }) => {
      const between = rows.flatMap((row, i) => row.filter((_, j) => i !== j));
      const ends = between.length === 0 ? '-' : range(between).join(' - ');
      return [name, p2p ? 'enabled' : 'disabled', String(rows.length), ends];
    }),
  );
}

/** The least and the most. Not by Math.min of all: hundreds of thousands are too many arguments. */
function range(values: readonly number[]): [number, number] {
  return values.reduce(
    ([least, most], value): [number, number] => [Math.min(least, value), Math.max(most, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

function left(head: string): { head: string; left: true } {
  return { head, left: true };
}
