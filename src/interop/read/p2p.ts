/**
 * @file Reads what NVIDIA's CUDA sample p2pBandwidthLatencyTest prints: devices, who can access whom, and a matrix for
 * each of unidirectional and bidirectional bandwidth and latency, with P2P disabled, enabled, and enabled by reads.
 * Other lines are passed over; a matrix that is cut short or holds a word is an error that names the line.
 */
import { CrossoverError } from '../../errors.ts';
import { type Matrix, type P2PDevice, P2PLines, type P2PTitle } from './p2p-lines.ts';

export type { Matrix, P2PDevice } from './p2p-lines.ts';

/** `writes` is P2P enabled (the writer is the row), `reads` is printed by `--p2p_read` only. */
export interface P2PSection {
  readonly disabled?: Matrix;
  readonly writes?: Matrix;
  readonly reads?: Matrix;
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

/**
 * Reads a log.
 * @throws CrossoverError that starts with the line, when a matrix is incomplete or malformed, or when there is none.
 */
export function readP2P(text: string): P2PLog {
  const devices: P2PDevice[] = [];
  const sections: Record<Exclude<P2PTitle['quantity'], 'connectivity'>, P2PSection> = {
    unidirectional: {},
    bidirectional: {},
    latency: {},
    hostLatency: {},
  };
  let connectivity: Matrix | undefined;
  let found = 0;
  const parser = new P2PLines({
    device: (device) => devices.push(device),
    matrix: ({ quantity, way }, matrix) => {
      if (quantity === 'connectivity') {
        connectivity = matrix;
      } else {
        sections[quantity] = { ...sections[quantity], [way]: matrix };
        found++;
      }
    },
    problem: (line, message) => {
      throw new CrossoverError(`line ${line}: ${message}`);
    },
  });
  const lines = text.split(/\r?\n/);
  for (const [i, line] of lines.entries()) parser.line(line.trim(), i + 1);
  parser.end(lines.length + 1);
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
