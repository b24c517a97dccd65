/**
 * @file All-reduce: every rank ends with the reduction of all ranks' inputs.
 */
import { Command } from './command';
import { reduce } from './reduce';
import { ringReduce } from './ring';
import { shiftOf } from './convert';
import { copy, ownStage, stagesAtRank0 } from './stage';
import { barrier, meet } from './sync';
import { arenaStride, atRank0, rank, sliceOf, stageBytes, stageStride, worldSize } from './world';

/**
 * One-shot: every rank stages its input, and after one barrier every rank reduces everything by itself. N times the reading and
 * N times the arithmetic, but a single synchronization. Messages longer than a chunk go chunk by chunk.
 */
export function allReduceOneShot(c: Command): bool {
  let shift = shiftOf(c.dtype);
  let chunk = max<u32>(1, min(c.chunkBytes, stageBytes) >> shift);
  let done: u32 = 0;
  do {
    let n = min(chunk, c.count - done);
    let at = done << shift;
    copy(ownStage(), c.input + at, n << shift);
    if (!meet(c.signature)) return false;
    reduce(c.dtype, c.reduceOp, stagesAtRank0(), stageStride, worldSize, c.output + at, 0, 1, n);
    done += n;
  } while (done < c.count);
  return true;
}

/**
 * Two-shot: a rank owns one slice, reduces it from all inputs where they lie, and writes the result into all outputs.
 * No copy and no staging; in place is safe, because a slice is read and written by its owner only. Two barriers.
 */
export function allReduceTwoShot(c: Command): bool {
  if (!meet(c.signature)) return false;
  let slice = sliceOf(c.count);
  let from = min(rank * slice, c.count);
  let n = min(slice, c.count - from);
  let at = from << shiftOf(c.dtype);
  reduce(c.dtype, c.reduceOp, atRank0(c.input) + at, arenaStride, worldSize, atRank0(c.output) + at, arenaStride, worldSize, n);
  barrier();
  return true;
}

/**
 * Two-shot that reads in both halves: the owner keeps its reduced slice in its own output, and the others fetch it from there. One barrier
 * more than writing it into all outputs, but no cache line that a peer has just read has to be taken away from it. In place is safe:
 * what others fetch is a slice that only its owner writes, after everybody's part of it was reduced.
 */
export function allReduceTwoShotPull(c: Command): bool {
  if (!meet(c.signature)) return false;
  let shift = shiftOf(c.dtype);
  let slice = sliceOf(c.count);
  let from = min(rank * slice, c.count);
  let at = from << shift;
  reduce(c.dtype, c.reduceOp, atRank0(c.input) + at, arenaStride, worldSize, c.output + at, 0, 1, min(slice, c.count - from));
  barrier();
  for (let i: u32 = 1; i < worldSize; i++) {
    let r = (rank + i) % worldSize;
    from = min(r * slice, c.count);
    at = from << shift;
    copy(c.output + at, atRank0(c.output) + r * arenaStride + at, min(slice, c.count - from) << shift);
  }
  barrier();
  return true;
}

/** Ring: see ring.ts. Long messages go in pieces, so that the partial sums of a piece fit the stage. */
export function allReduceRing(c: Command): bool {
  if (!meet(c.signature)) return false;
  let shift = shiftOf(c.dtype);
  let piece = max<u32>(16, (min(c.chunkBytes, stageBytes) >> 2) & ~15) * worldSize;
  for (let done: u32 = 0; done < c.count; ) {
    let n = min(piece, c.count - done);
    ringReduce(c.dtype, c.reduceOp, c.input + (done << shift), c.output + (done << shift), n);
    done += n;
  }
  return true;
}
