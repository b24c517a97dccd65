/**
 * @file Reads what vLLM's csrc/custom_all_reduce_test.cu prints: for each size the time of vLLM's own kernel ("my
 * time") and of NCCL ("nccl time"). Between the rows are lines about numerical differences, which are passed over.
 */
import { CrossoverError } from '../../errors.ts';

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

/**
 * Reads a log, in the order printed.
 * @throws CrossoverError that starts with the line when a row is malformed, or when there is no row.
 */
export function readVllmCustomAllReduce(text: string): VllmCustomAllReduceRow[] {
  const rows: VllmCustomAllReduceRow[] = [];
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    const match = ROW.exec(line);
    if (match === null) {
      if (!MEANT.test(line)) continue;
      throw new CrossoverError(
        `line ${i + 1}: "${line.slice(0, 80)}" is no row; use "Rank 0 done, nGPUs:4, data size(KB) 1, 512, 36, my time:10.29us, nccl time:9.14us"`,
      );
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
      throw new CrossoverError(`line ${i + 1}: sizes and times have to be above 0 and nGPUs 2 or more`);
    }
    rows.push({ rank, ranks, bytes: kilobytes * 1024, threads, blocks, vllm, nccl });
  }
  if (rows.length === 0) {
    throw new CrossoverError(
      'no row with "my time" and "nccl time"; use the output of custom_all_reduce_test',
    );
  }
  return rows;
}
