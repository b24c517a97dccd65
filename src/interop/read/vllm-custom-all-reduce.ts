/**
 * @file Reads what vLLM's csrc/custom_all_reduce_test.cu prints: for each size the time of vLLM's own kernel ("my
 * time") and of NCCL ("nccl time"). Between the rows are lines about numerical differences, which are passed over.
 */
import { CrossoverError } from '../../errors.ts';
import { type LineFormat, quoted, type Sink } from './format.ts';

export interface VllmCustomAllReduceRow {
  readonly rank: number;
  readonly ranks: number;
  readonly bytes: number;
  /** Threads a block and blocks of vLLM's kernel. */
  readonly threads: number;
  readonly blocks: number;
  /** us. */
  readonly vllm: number;
  /** us. */
  readonly nccl: number;
}

const ROW =
  /^Rank (\d+) done, nGPUs:\s*(\d+), (?:data size|sz)\s*\(KB\):?\s*(\d+), (\d+), (\d+), my time:\s*(\d+(?:\.\d+)?)us, nccl time:\s*(\d+(?:\.\d+)?)us$/i;

/** A line that was meant to be a row, well-formed or not. */
const MEANT = /^Rank \d+ done\b|my time:|nccl time:/i;

const MISMATCH = /^Rank (\d+): Verification mismatch at /;
const PASSED = /^(?:average abs diffs: nccl:|Test passed: nGPUs:)/;

/** A row; what is wrong with it, in words; or undefined when the line was not meant to be one. */
function parseRow(text: string): VllmCustomAllReduceRow | string | undefined {
  const match = ROW.exec(text);
  if (match === null) {
    if (!MEANT.test(text)) return undefined;
    return `${quoted(text)} is no row; use "Rank 0 done, nGPUs:4, data size(KB) 1, 512, 36, my time:10.29us, nccl time:9.14us"`;
  }
  const [rank, ranks, kilobytes, threads, blocks, vllm, nccl] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (kilobytes === 0 || vllm === 0 || nccl === 0 || ranks < 2) {
    return 'sizes and times have to be above 0 and nGPUs 2 or more';
  }
  return { rank, ranks, bytes: kilobytes * 1024, threads, blocks, vllm, nccl };
}

/**
 * Reads a log, in the order printed.
 * @throws CrossoverError that starts with the line when a row is malformed, or when there is no row.
 */
export function readVllmCustomAllReduce(text: string): VllmCustomAllReduceRow[] {
  const rows: VllmCustomAllReduceRow[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const row = parseRow(line.trim());
    if (typeof row === 'string') throw new CrossoverError(`line ${i + 1}: ${row}`);
    if (row !== undefined) rows.push(row);
  }
  if (rows.length === 0) {
    throw new CrossoverError(
      'no row with "my time" and "nccl time"; use the output of custom_all_reduce_test',
    );
  }
  return rows;
}

/** The same as measurements: bad rows are complaints. */
export class VllmCustomAllReduce implements LineFormat {
  readonly name = 'vLLM custom_all_reduce_test';
  readonly #sink: Sink;
  /** Mismatches since the last row: there may be one an element. */
  #mismatches: { readonly line: number; readonly rank: number; count: number } | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  line(raw: string, number: number): boolean {
    if (!raw.includes(':')) return false;
    const text = raw.trim();
    const mismatch = MISMATCH.exec(text);
    if (mismatch !== null) {
      this.#sink.recognised(this.name);
      this.#mismatches ??= { line: number, rank: Number(mismatch[1]), count: 0 };
      this.#mismatches.count++;
      return true;
    }
    if (PASSED.test(text)) return true;
    const row = parseRow(text);
    if (row === undefined) return false;
    this.end();
    this.#sink.recognised(this.name);
    if (typeof row === 'string') {
      this.#sink.complain(number, row);
      return true;
    }
    this.#keep(row, 'vllm_custom', false, row.vllm, number);
    this.#keep(row, 'nccl', true, row.nccl, number);
    return true;
  }

  /** Halves; 25 calls one after the other between two events; NCCL's in place, vLLM's from one buffer to another. */
  #keep(
    { bytes, ranks: worldSize }: VllmCustomAllReduceRow,
    algorithm: string,
    inPlace: boolean,
    us: number,
    number: number,
  ): void {
    this.#sink.measured(
      { operation: 'all_reduce', algorithm, bytes, dtype: 'f16', worldSize, inPlace, mode: 'eager', us },
      number,
    );
  }

  end(): void {
    if (this.#mismatches === undefined) return;
    const { line, rank, count } = this.#mismatches;
    this.#mismatches = undefined;
    const lines = count === 1 ? '1 result' : `${count} results`;
    this.#sink.complain(
      line,
      `${lines} of rank ${rank} or others did not match the reference; the times beside were read all the same`,
    );
  }
}
