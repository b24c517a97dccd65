/**
 * @file Reads what NVIDIA's CUDA sample p2pBandwidthLatencyTest prints: devices, who can access whom, and a matrix for
 * each of unidirectional and bidirectional bandwidth and latency, with P2P disabled, enabled, and enabled by reads.
 * Other lines are passed over; a matrix that is cut short or holds a word is an error that names the line.
 */
import { CrossoverError } from '../../errors.ts';

/** [devices][devices]; bandwidths in GB/s, latencies in us, the diagonal is the device itself. */
export type Matrix = readonly (readonly number[])[];

/** `writes` is P2P enabled (the writer is the row), `reads` is printed by `--p2p_read` only. */
export interface P2PSection {
  readonly disabled?: Matrix;
  readonly writes?: Matrix;
  readonly reads?: Matrix;
}

export interface P2PDevice {
  readonly index: number;
  readonly name: string;
}

export interface P2PLog {
  readonly devices: readonly P2PDevice[];
  /** 1 where the row's device can access the column's. */
  readonly connectivity?: Matrix;
  readonly unidirectional: P2PSection;
  readonly bidirectional: P2PSection;
  /** As timed by the GPU. */
  readonly latency: P2PSection;
  /** As timed by the host. */
  readonly hostLatency: P2PSection;
}

type Quantity = 'unidirectional' | 'bidirectional' | 'latency' | 'hostLatency';

const DEVICE = /^Device:\s*(\d+),\s*(.+?)(?:,\s*pciBusID:.*)?$/;
const CONNECTIVITY = /^P2P Connectivity Matrix/i;
const BANDWIDTH = /^(Uni|Bi)directional P2P=(Enabled|Disabled) Bandwidth (?:\(P2P (Writes|Reads)\) )?Matrix/i;
const LATENCY = /^P2P=(Enabled|Disabled) Latency (?:\(P2P (Writes|Reads)\) )?Matrix/i;
const HEADER = /^(D\\D|GPU|CPU)\s/;

/**
 * Reads a log.
 * @throws CrossoverError that starts with the line, when a matrix is incomplete or malformed, or when there is none.
 */
export function readP2P(text: string): P2PLog {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const devices: P2PDevice[] = [];
  const sections: Record<Quantity, { -readonly [K in keyof P2PSection]: Matrix }> = {
    unidirectional: {},
    bidirectional: {},
    latency: {},
    hostLatency: {},
  };
  let connectivity: Matrix | undefined;
  let found = 0;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const device = DEVICE.exec(line);
    if (device !== null) devices.push({ index: Number(device[1]), name: device[2]! });
    if (CONNECTIVITY.test(line)) {
      ({ matrix: connectivity, next: at } = readMatrix(lines, at + 1, 'connectivity'));
      continue;
    }
    const bandwidth = BANDWIDTH.exec(line);
    if (bandwidth !== null) {
      const quantity = bandwidth[1]!.toLowerCase() === 'uni' ? 'unidirectional' : 'bidirectional';
      const { matrix, next } = readMatrix(lines, at + 1, `${quantity} bandwidth`);
      sections[quantity][way(bandwidth[2]!, bandwidth[3])] = matrix;
      found++;
      at = next;
      continue;
    }
    const latency = LATENCY.exec(line);
    if (latency !== null) {
      let { matrix, next } = readMatrix(lines, at + 1, 'latency');
      sections.latency[way(latency[1]!, latency[2])] = matrix;
      found++;
      const host = nextText(lines, next + 1);
      if (lines[host]?.startsWith('CPU') === true) {
        ({ matrix, next } = readMatrix(lines, host, 'host latency'));
        sections.hostLatency[way(latency[1]!, latency[2])] = matrix;
      }
      at = next;
    }
  }
  if (found === 0) {
    throw new CrossoverError('no bandwidth or latency matrix; use the output of p2pBandwidthLatencyTest');
  }
  return { devices, ...(connectivity === undefined ? {} : { connectivity }), ...sections };
}

/**
 * The matrices that describe kernels which write to peers: bandwidth one way, both ways and latency, with P2P enabled.
 * @throws CrossoverError when the log lacks them, or says that two devices cannot access each other.
 */
export function peerMatrices(log: P2PLog): {
  unidirectional: Matrix;
  bidirectional?: Matrix;
  latency?: Matrix;
} {
  const unidirectional = log.unidirectional.writes;
  if (unidirectional === undefined) {
    throw new CrossoverError('no "Unidirectional P2P=Enabled Bandwidth" matrix in the log');
  }
  for (const [i, row] of (log.connectivity ?? []).entries()) {
    const j = row.indexOf(0);
    if (j >= 0)
      throw new CrossoverError(
        `device ${i} cannot access device ${j}: kernels cannot use each other's memory`,
      );
  }
  return {
    unidirectional,
    ...(log.bidirectional.writes === undefined ? {} : { bidirectional: log.bidirectional.writes }),
    ...(log.latency.writes === undefined ? {} : { latency: log.latency.writes }),
  };
}

function way(enabled: string, kind: string | undefined): keyof P2PSection {
  if (enabled.toLowerCase() === 'disabled') return 'disabled';
  return kind?.toLowerCase() === 'reads' ? 'reads' : 'writes';
}

/** Reads a heading with column numbers and as many rows; `next` is the index of the last line used. */
function readMatrix(lines: readonly string[], from: number, what: string): { matrix: Matrix; next: number } {
  const start = nextText(lines, from);
  const heading = lines[start] ?? '';
  if (!HEADER.test(heading)) {
    throw new CrossoverError(`line ${start + 1}: the ${what} matrix has no heading with device numbers`);
  }
  const columns = heading.split(/\s+/).length - 1;
  const matrix: number[][] = [];
  for (let row = 0; row < columns; row++) {
    const at = start + 1 + row;
    const fields = (lines[at] ?? '').split(/\s+/);
    if (fields[0] === '' || (!/^\d+$/.test(fields[0]!) && fields.length !== columns + 1)) {
      throw new CrossoverError(`line ${at + 1}: the ${what} matrix ends after ${row} of ${columns} rows`);
    }
    if (fields.length !== columns + 1) {
      throw new CrossoverError(
        `line ${at + 1}: ${fields.length - 1} numbers in the ${what} matrix; use ${columns}`,
      );
    }
    matrix.push(
      fields.slice(1).map((field) => {
        if (/^\d+(\.\d+)?$/.test(field)) return Number(field);
        throw new CrossoverError(`line ${at + 1}: "${field}" in the ${what} matrix is not a number`);
      }),
    );
  }
  return { matrix, next: start + columns };
}

function nextText(lines: readonly string[], from: number): number {
  let at = from;
  while (at < lines.length && lines[at] === '') at++;
  return at;
}
