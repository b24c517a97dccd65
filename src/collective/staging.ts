/**
 * @file The tunable of algorithms that stage: how many bytes are copied before each barrier. Small chunks stay in the nearest cache,
 * large ones need fewer barriers; which wins depends on the caches and on how fast ranks meet, so it is measured.
 */
import type { Request, Tunables } from './algorithm.ts';

const CHUNKS: readonly Tunables[] = [{ chunk_bytes: 262144 }, { chunk_bytes: 65536 }, { chunk_bytes: 16384 }];

/** Chunk sizes worth measuring for messages of which a rank stages `staged` bytes; one when everything fits the smallest. */
export function chunkTunables(staged: number): readonly Tunables[] {
  const needed = CHUNKS.findIndex((tunables) => staged > tunables.chunk_bytes!);
  if (needed < 0) return CHUNKS.slice(0, 1);
  // Chunks larger than the message are all the same; keep one of them.
  return CHUNKS.slice(Math.max(0, needed - 1));
}

/** Bytes that one rank stages for a request: everything it contributes. */
export function stagedBytes(request: Request): number {
  return request.operation === 'all_gather' ? request.bytes / request.worldSize : request.bytes;
}
