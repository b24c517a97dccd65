/**
 * @file The tunable of algorithms that stage: how many bytes are copied before each barrier. Small chunks stay in the nearest cache,
 * large ones need fewer barriers; which wins depends on the caches and on how fast ranks meet, so it is measured.
 */
import type { Request, Tunables } from './algorithm.ts';

/** Bytes that fit a stage at once. */
export const STAGE_BYTES = 262144;

const CHUNKS: readonly Tunables[] = [
  { chunk_bytes: STAGE_BYTES },
  { chunk_bytes: 65536 },
  { chunk_bytes: 16384 },
];

/** Chunk sizes worth measuring for messages of which a rank stages `staged` bytes: chunks that hold the whole message are all the same. */
export function chunkTunables(staged: number): readonly Tunables[] {
  return CHUNKS.filter(({ chunk_bytes = 0 }, i) => i === 0 || chunk_bytes < staged);
}

/** Bytes that one rank stages for a request: everything it contributes. */
export function stagedBytes(request: Request): number {
  return request.operation === 'all_gather' ? request.bytes / request.worldSize : request.bytes;
}
