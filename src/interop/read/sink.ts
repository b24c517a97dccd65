/**
 * @file Collects what the readers find in several files, and refuses numbers that cannot be: the last check, the same for every format.
 */
import { CrossoverError } from '../../errors.ts';
import type { Complaint, Measurement, MeasurementSet, PeerMatrix } from '../measurement.ts';
import type { Defaults, Found } from './format.ts';
import type { SetSink } from './own-json.ts';
import type { ResultCommand } from './results.ts';

/** Most measurements of one set: about 100 MB of memory. More is a log of something else than a sweep. */
const MOST_MEASUREMENTS = 500_000;

/** Most complaints that are kept of a file; the others are counted. */
const MOST_COMPLAINTS = 1000;

/** us; an operation that takes a day is none. */
const LONGEST = 86_400e6;
const MOST_RANKS = 1024;
const MOST_HIDDEN = 1 << 24;

export class Collector {
  readonly defaults: Defaults;
  readonly measurements: Measurement[] = [];
  readonly matrices: PeerMatrix[] = [];
  readonly complaints: Complaint[] = [];
  readonly host: Map<string, string> = new Map();
  readonly #files: { file: string; formats: string[] }[] = [];
  readonly #texts: Map<string, string> = new Map();

  constructor(defaults: Defaults) {
    this.defaults = defaults;
  }

  /** A file that turned out to be of no format: what was complained about on the way is part of the error. */
  forget(file: string): void {
    const others = this.complaints.filter(({ source }) => source.file !== file);
    this.complaints.splice(0, this.complaints.length, ...others);
  }

  file(name: string): FileSink {
    return new FileSink(this, name);
  }

  /** A file has been read to its end. */
  done(file: string, formats: readonly string[]): void {
    this.#files.push({ file, formats: [...formats] });
  }

  /**
   * The same text, of its own: V8 keeps a part of a string by keeping the whole, which would be the piece of the file it came from.
   */
  own(text: string): string {
    let known = this.#texts.get(text);
    if (known === undefined) {
      known = Buffer.from(text).toString();
      this.#texts.set(known, known);
    }
    return known;
  }

  set(): MeasurementSet {
    return {
      schema: 1,
      host: Object.fromEntries(this.host),
      measurements: this.measurements,
      matrices: this.matrices,
      complaints: this.complaints,
      files: this.#files,
    };
  }

  keep(measurement: Measurement): void {
    if (this.measurements.length >= MOST_MEASUREMENTS) {
      throw new CrossoverError(
        `${measurement.source.file} line ${measurement.source.line}: more than ${MOST_MEASUREMENTS} measurements; import fewer files at once, or parts of this one`,
      );
    }
    this.measurements.push(measurement);
  }
}

export class FileSink implements SetSink {
  readonly defaults: Defaults;
  readonly formats: Set<string> = new Set();
  /** The first complaint. */
  first: string | undefined;
  /** Of which command there is a result in the file. */
  command: ResultCommand | undefined;
  readonly #collector: Collector;
  readonly #file: string;
  /** Facts that contradict earlier ones: every device of a host says the same. */
  readonly #others: Set<string> = new Set();
  #complaints = 0;
  #last = 1;

  constructor(collector: Collector, file: string) {
    this.#collector = collector;
    this.#file = file;
    this.defaults = collector.defaults;
  }

  recognised(format: string): void {
    this.formats.add(format);
  }

  measured(found: Found, line: number): boolean {
    const problem = problemOf(found);
    if (problem !== undefined) {
      this.complain(line, problem);
      return false;
    }
    this.#collector.keep(this.#own(found, line));
    return true;
  }

  /** A clean copy: no member that is undefined, no text that is a part of the file. Hundreds of thousands are made. */
  #own(found: Found, line: number): Measurement {
    const { dtype, hidden, quantization, residual, inPlace, mode, lossy, spread } = found;
    const own: { -readonly [K in keyof Measurement]: Measurement[K] } = {
      operation: found.operation,
      algorithm: this.#collector.own(found.algorithm),
      bytes: found.bytes,
      worldSize: found.worldSize,
      us: found.us,
      source: found.source ?? { file: this.#file, line },
    };
    if (dtype !== undefined) own.dtype = this.#collector.own(dtype);
    if (mode !== undefined) own.mode = mode;
    if (lossy) own.lossy = true;
    if (inPlace !== undefined) own.inPlace = inPlace;
    if (hidden !== undefined) own.hidden = hidden;
    if (quantization !== undefined) own.quantization = quantization;
    if (residual !== undefined) own.residual = residual;
    if (spread !== undefined) own.spread = spread;
    return own;
  }

  matrix(found: Omit<PeerMatrix, 'source'>, line: number): void {
    this.#collector.matrices.push({ ...found, source: { file: this.#file, line } });
  }

  complain(line: number, message: string): void {
    this.#last = line;
    this.first ??= `line ${line}: ${ownCopy(message)}`;
    if (this.#complaints++ >= MOST_COMPLAINTS) return;
    this.#collector.complaints.push({ source: { file: this.#file, line }, message: ownCopy(message) });
  }

  /** A complaint of a set that is read again: about another file. */
  pass(complaint: Complaint): void {
    this.#collector.complaints.push(complaint);
  }

  result(command: ResultCommand): void {
    this.command ??= command;
  }

  fact(name: string, value: string, line: number): void {
    const { host } = this.#collector;
    const before = host.get(name);
    if (before === value) return;
    if (before === undefined) host.set(ownCopy(name), ownCopy(value));
    else if (!this.#others.has(`${name} ${value}`)) {
      this.#others.add(ownCopy(`${name} ${value}`));
      this.complain(line, `${name} is ${value} here, and ${before} before: these are of two hosts`);
    }
  }

  end(): void {
    const more = this.#complaints - MOST_COMPLAINTS;
    if (more <= 0) return;
    this.#collector.complaints.push({
      source: { file: this.#file, line: this.#last },
      message: `${more} more complaints about this file, the last about this line`,
    });
  }
}

function ownCopy(text: string): string {
  return Buffer.from(text).toString();
}

function problemOf(found: Found): string | undefined {
  const { algorithm, bytes, worldSize, hidden, us, spread } = found;
  if (algorithm === '') return 'the algorithm has no name';
  if (!Number.isSafeInteger(bytes) || bytes < 0) return `${bytes} bytes are no size`;
  if (!Number.isInteger(worldSize) || worldSize < 1 || worldSize > MOST_RANKS) {
    return `the world size is ${worldSize}; use 1 to ${MOST_RANKS}`;
  }
  if (!(us > 0 && us <= LONGEST)) return `a time of ${us} us is none`;
  if (hidden !== undefined && !(Number.isInteger(hidden) && hidden >= 1 && hidden <= MOST_HIDDEN)) {
    return `the hidden size is ${hidden}; use 1 to ${MOST_HIDDEN}`;
  }
  if (spread !== undefined && !(spread >= 0 && spread <= LONGEST)) return `a spread of ${spread} us is none`;
  return undefined;
}
