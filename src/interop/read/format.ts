/**
 * @file What a reader of a text format is, and where it puts what it finds. The formats are state machines over lines, so that a file of any
 * length is read in little memory, and so that one file may hold several runs, of several programs, one after another.
 */
import type { MeasuredOperation, Measurement, PeerMatrix } from '../measurement.ts';

/** For sources that do not say. */
export interface Defaults {
  /** `all_reduce` unless said otherwise. */
  readonly operation: MeasuredOperation;
  readonly worldSize: number | undefined;
}

/** A measurement before it is known in which file it stands. */
export type Found = Omit<Measurement, 'source'> & Partial<Pick<Measurement, 'source'>>;

/** Where a reader puts what it finds in one file. */
export interface Sink {
  readonly defaults: Defaults;
  /** The file has this format in it. Called when that is sure, before anything is read by it. */
  recognised(format: string): void;
  /** Keeps a measurement whose time stands in this line, or complains about a number that cannot be. */
  measured(found: Found, line: number): boolean;
  matrix(found: Omit<PeerMatrix, 'source'>, line: number): void;
  complain(line: number, message: string): void;
  /** Something about the host or its software, such as `gpu` or `nccl`. */
  fact(name: string, value: string, line: number): void;
}

export interface LineFormat {
  readonly name: string;
  /** Whether the line belongs to this format. Lines count from 1, and come without their ends. */
  line(text: string, number: number): boolean;
  /** Whatever is open is over: the file ended, or a line belongs to another format. May be called at any time, and again. */
  end(): void;
}

/** A value as it is shown in a complaint. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return String(value);
  return value === undefined ? 'missing' : quoted(JSON.stringify(value));
}

/** A line as it is quoted in a complaint. */
export function quoted(text: string): string {
  const flat = text
    .trim()
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .slice(0, 81);
  return `"${flat.length > 80 ? `${flat.slice(0, 77)}...` : flat}"`;
}
