/**
 * @file Sizes and algorithms that the collectives are tried with.
 */
import { NO_TUNABLES, type Request } from '../../../dist/collective/algorithm.js';
import { algorithmsOf } from '../../../dist/collective/catalog.js';
import type { Communicator } from '../../../dist/collective/communicator.js';
import type { Choice } from '../../../dist/collective/dispatch.js';
import type { Random } from './random.ts';

export const SMALL_COUNTS = [0, 1, 2, 3, 7, 15, 16, 17, 31, 97, 257, 1021];

const CHUNK_BYTES = [1, 2, 7, 64, 100, 1000, 4096, 16384, 65536, 262144, 1_000_000];

/** Element counts just below, at and above each size at which a stage is full, and some over 1 MiB. */
export function largeCounts(elementBytes: number): number[] {
  const edges = [16384, 65536, 262144].flatMap((bytes) =>
    [-1, 0, 1].map((step) => bytes / elementBytes + step),
  );
  return [...edges, 2 ** 20 / elementBytes + 17];
}

/**
 * Every algorithm of the request's operation: by its name (default tunables), and once more with chunks of a random size where it has
 * chunks. Chunks are kept few: one costs a barrier.
 */
export function choices(
  comm: Communicator,
  random: Random,
  request: Request,
  mostChunks = 40,
): (string | Choice)[] {
  return algorithmsOf(request.operation).flatMap((algorithm): (string | Choice)[] => {
    if (algorithm.tunables(request)[0] === NO_TUNABLES) return [algorithm.name];
    const few = CHUNK_BYTES.filter((bytes) => request.bytes / bytes <= mostChunks);
    return [algorithm.name, comm.choose(request, algorithm.name, { chunk_bytes: random.pick(few) })];
  });
}

export function choiceLabel(choice: string | Choice): string {
  return typeof choice === 'string'
    ? choice
    : `${choice.algorithm.name} chunk_bytes=${choice.tunables.chunk_bytes}`;
}
