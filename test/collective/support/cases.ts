/**
 * @file Sizes and algorithms that the collectives are tried with.
 */
import {
  type Algorithm,
  type Choice,
  NO_TUNABLES,
  type Request,
  refusal,
} from '../../../dist/collective/algorithm.js';
import { algorithmsOf } from '../../../dist/collective/catalog.js';
import type { Communicator } from '../../../dist/collective/communicator.js';
import { choiceName } from '../../../dist/plan/plan.js';
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
 * Algorithms that give every rank the same bits in every run, and that can serve requests up to `bytes`. What an engine lacks, and what a
 * library decides by itself, is left out.
 */
export function dependable(comm: Communicator, request: Request): readonly Algorithm[] {
  return algorithmsOf(request.operation).filter(
    (algorithm) =>
      algorithm.bits !== 'unspecified' &&
      !algorithm.lossy &&
      refusal(algorithm, request, comm.engine) === undefined,
  );
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
  const able = algorithmsOf(request.operation).filter(
    // Lossy ones have a program of their own.
    (algorithm) => !algorithm.lossy && refusal(algorithm, request, comm.engine) === undefined,
  );
  return able.flatMap((algorithm): (string | Choice)[] => {
    const settings = algorithm.tunables(request, comm.engine);
    if (settings[0] === NO_TUNABLES) return [algorithm.name];
    // On GPUs the sizes of chunks go with those of blocks.
    if (!('chunk_bytes' in settings[0]!) || comm.engine.name !== 'cpu')
      return [algorithm.name, { algorithm, tunables: random.pick(settings) }];
    const few = CHUNK_BYTES.filter((bytes) => request.bytes / bytes <= mostChunks);
    return [algorithm.name, comm.choose(request, algorithm.name, { chunk_bytes: random.pick(few) })];
  });
}

export function choiceLabel(choice: string | Choice): string {
  return typeof choice === 'string'
    ? choice
    : choiceName({ algorithm: choice.algorithm.name, tunables: choice.tunables });
}
