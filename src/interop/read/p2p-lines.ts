/**
 * @file p2pBandwidthLatencyTest line by line: what `crossover simulate` builds topologies of, and `crossover import` matrices. Titles are
 * followed by a heading with device numbers and as many rows.
 */
import { type LineFormat, quoted, type Sink } from './format.ts';

/** [devices][devices]; bandwidths in GB/s, latencies in us, the diagonal is the device itself. */
export type Matrix = readonly (readonly number[])[];

export interface P2PDevice {
  readonly index: number;
  readonly name: string;
}

/** What a matrix is of. */
export interface P2PTitle {
  readonly quantity: 'unidirectional' | 'bidirectional' | 'latency' | 'hostLatency' | 'connectivity';
  readonly way: 'disabled' | 'writes' | 'reads';
}

interface Found {
  device(device: P2PDevice, line: number): void;
  /** A whole matrix, and the line of its title. */
  matrix(title: P2PTitle, matrix: Matrix, line: number): void;
  /** A matrix ends here, because it is incomplete or malformed. */
  problem(line: number, message: string): void;
}

const DEVICE = /^Device:\s*(\d+),\s*(.+?)(?:,\s*pciBusID:.*)?$/;
const CONNECTIVITY = /^P2P Connectivity Matrix/i;
const BANDWIDTH = /^(Uni|Bi)directional P2P=(Enabled|Disabled) Bandwidth (?:\(P2P (Writes|Reads)\) )?Matrix/i;
const LATENCY = /^P2P=(Enabled|Disabled) Latency (?:\(P2P (Writes|Reads)\) )?Matrix/i;
const HEADING = /^(D\\D|GPU|CPU)\s/;

const NAMES = {
  unidirectional: 'unidirectional bandwidth',
  bidirectional: 'bidirectional bandwidth',
  latency: 'latency',
  hostLatency: 'host latency',
  connectivity: 'connectivity',
} as const satisfies Record<P2PTitle['quantity'], string>;

interface Open {
  readonly title: P2PTitle;
  readonly line: number;
  /** Absent until the heading has been read. */
  columns?: number;
  readonly rows: number[][];
}

export class P2PLines {
  readonly #found: Found;
  #open: Open | undefined;
  /** Of the latency matrix that was just read: the host's may follow, without a title of its own. */
  #host: P2PTitle | undefined;

  constructor(found: Found) {
    this.#found = found;
  }

  /** Whether a trimmed line is part of such a log. */
  line(text: string, number: number): boolean {
    const open = this.#open;
    if (open !== undefined) {
      const problem = this.#within(open, text);
      if (problem === undefined) return true;
      this.#open = undefined;
      this.#found.problem(number, problem);
    }
    if (text === '') return false;
    if (this.#host !== undefined && /^CPU\s/.test(text)) {
      this.#open = { title: this.#host, line: number, columns: columnsOf(text), rows: [] };
      this.#host = undefined;
      return true;
    }
    this.#host = undefined;
    const title = titleOf(text);
    if (title !== undefined) {
      this.#open = { title, line: number, rows: [] };
      return true;
    }
    const device = DEVICE.exec(text);
    if (device === null) return false;
    this.#found.device({ index: Number(device[1]), name: device[2]! }, number);
    return true;
  }

  /** The log is over, before this line. */
  end(number: number): void {
    const open = this.#open;
    this.#open = undefined;
    this.#host = undefined;
    if (open !== undefined) this.#found.problem(number, missing(open));
  }

  /** Takes a line of an open matrix, or says why it is none. */
  #within(open: Open, text: string): string | undefined {
    const name = NAMES[open.title.quantity];
    if (open.columns === undefined) {
      if (text === '') return undefined;
      if (!HEADING.test(text)) return missing(open);
      open.columns = columnsOf(text);
      return undefined;
    }
    const fields = text.split(/\s+/);
    if (fields[0] === '' || (!/^\d+$/.test(fields[0]!) && fields.length !== open.columns + 1)) {
      return missing(open);
    }
    if (fields.length !== open.columns + 1) {
      return `${fields.length - 1} numbers in the ${name} matrix; use ${open.columns}`;
    }
    const wrong = fields.slice(1).find((field) => !/^\d+(\.\d+)?$/.test(field));
    if (wrong !== undefined) return `${quoted(wrong)} in the ${name} matrix is not a number`;
    open.rows.push(fields.slice(1).map(Number));
    if (open.rows.length < open.columns) return undefined;
    this.#open = undefined;
    if (open.title.quantity === 'latency') this.#host = { ...open.title, quantity: 'hostLatency' };
    this.#found.matrix(open.title, open.rows, open.line);
    return undefined;
  }
}

function titleOf(text: string): P2PTitle | undefined {
  if (CONNECTIVITY.test(text)) return { quantity: 'connectivity', way: 'writes' };
  const bandwidth = BANDWIDTH.exec(text);
  if (bandwidth !== null) {
    const quantity = bandwidth[1]!.toLowerCase() === 'uni' ? 'unidirectional' : 'bidirectional';
    return { quantity, way: wayOf(bandwidth[2]!, bandwidth[3]) };
  }
  const latency = LATENCY.exec(text);
  return latency === null ? undefined : { quantity: 'latency', way: wayOf(latency[1]!, latency[2]) };
}

function wayOf(enabled: string, kind: string | undefined): P2PTitle['way'] {
  if (enabled.toLowerCase() === 'disabled') return 'disabled';
  return kind?.toLowerCase() === 'reads' ? 'reads' : 'writes';
}

function columnsOf(heading: string): number {
  return heading.split(/\s+/).length - 1;
}

function missing({ title, columns, rows }: Open): string {
  const name = NAMES[title.quantity];
  return columns === undefined
    ? `the ${name} matrix has no heading with device numbers`
    : `the ${name} matrix ends after ${rows.length} of ${columns} rows`;
}

const UNITS = {
  unidirectional: 'unidirectional GB/s',
  bidirectional: 'bidirectional GB/s',
  latency: 'latency us',
  hostLatency: 'host latency us',
  connectivity: 'connectivity',
} as const satisfies Record<P2PTitle['quantity'], string>;

/** The same as matrices of a set: bad ones are complaints. */
export class P2PBandwidthLatencyTest implements LineFormat {
  readonly name = 'p2pBandwidthLatencyTest';
  readonly #parser: P2PLines;
  #next = 1;

  constructor(sink: Sink) {
    this.#parser = new P2PLines({
      device: ({ name }, line) => sink.fact('gpu', name, line),
      matrix: ({ quantity, way }, rows, line) => {
        sink.recognised(this.name);
        const name = way === 'reads' ? `${UNITS[quantity]}, by reads` : UNITS[quantity];
        sink.matrix({ name, p2p: way !== 'disabled', rows }, line);
      },
      problem: (line, message) => {
        sink.recognised(this.name);
        sink.complain(line, message);
      },
    });
  }

  line(raw: string, number: number): boolean {
    this.#next = number + 1;
    return this.#parser.line(raw.trim(), number);
  }

  end(): void {
    this.#parser.end(this.#next);
  }
}
