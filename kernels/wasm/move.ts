/**
 * @file All-gather, reduce-scatter and broadcast: staged (one barrier, for short messages) and direct (no copy, two barriers).
 * All-gather and broadcast move bytes of any dtype; reduce-scatter reduces in rank order as all-reduce does.
 */
import { Command } from './command';
import { shiftOf } from './convert';
import { reduce } from './reduce';
import { copy, ownStage, stagesAtRank0 } from './stage';
import { barrier, meet } from './sync';
import { arenaStride, atRank0, rank, stageBytes, stageStride, worldSize } from './world';

/** Bytes of one element, for kernels that only move: dtypes in the order of DTYPES. */
// @ts-ignore: decorator
@inline
function bytesOf(dtype: u32): u32 {
  return dtype == 0 ? 4 : dtype <= 2 ? 2 : 1;
}

/** All-gather of `count` elements a rank into `count * worldSize`, in rank order. */
export function allGatherStaged(c: Command): bool {
  let part = c.count * bytesOf(c.dtype);
  let chunk = min(c.chunkBytes, stageBytes);
  let done: u32 = 0;
  do {
    let n = min(chunk, part - done);
    copy(ownStage(), c.input + done, n);
    if (!meet(c.signature)) return false;
    for (let r: u32 = 0; r < worldSize; r++) copy(c.output + r * part + done, stagesAtRank0() + r * stageStride, n);
    done += n;
  } while (done < part);
  return true;
}

export function allGatherDirect(c: Command): bool {
  if (!meet(c.signature)) return false;
  let part = c.count * bytesOf(c.dtype);
  let inputs = atRank0(c.input);
  for (let i: u32 = 0; i < worldSize; i++) {
    let r = (rank + i) % worldSize;
    copy(c.output + r * part, inputs + r * arenaStride, part);
  }
  barrier();
  return true;
}

/** Reduce-scatter of `count` elements (a multiple of the world size): rank r keeps the r-th part of the reduction. */
export function reduceScatterStaged(c: Command): bool {
  let shift = shiftOf(c.dtype);
  let part = c.count / worldSize;
  let chunk = max<u32>(1, (min(c.chunkBytes, stageBytes) >> shift) / worldSize);
  let done: u32 = 0;
  do {
    let n = min(chunk, part - done);
    let stage = ownStage();
    for (let r: u32 = 0; r < worldSize; r++) {
      copy(stage + ((r * n) << shift), c.input + ((r * part + done) << shift), n << shift);
    }
    if (!meet(c.signature)) return false;
    let mine = stagesAtRank0() + ((rank * n) << shift);
    reduce(c.dtype, c.reduceOp, mine, stageStride, worldSize, c.output + (done << shift), 0, 1, n);
    done += n;
  } while (done < part);
  return true;
}

export function reduceScatterDirect(c: Command): bool {
  if (!meet(c.signature)) return false;
  let part = c.count / worldSize;
  let mine = atRank0(c.input) + ((rank * part) << shiftOf(c.dtype));
  reduce(c.dtype, c.reduceOp, mine, arenaStride, worldSize, c.output, 0, 1, part);
  barrier();
  return true;
}

/** Broadcast of `count` elements from the root's input to every rank's output. */
export function broadcastStaged(c: Command): bool {
  let bytes = c.count * bytesOf(c.dtype);
  let chunk = min(c.chunkBytes, stageBytes);
  let done: u32 = 0;
  do {
    let n = min(chunk, bytes - done);
    if (rank == c.root) copy(ownStage(), c.input + done, n);
    if (!meet(c.signature)) return false;
    let from = rank == c.root ? c.input + done : stagesAtRank0() + c.root * stageStride;
    copy(c.output + done, from, n);
    done += n;
  } while (done < bytes);
  return true;
}

export function broadcastDirect(c: Command): bool {
  if (!meet(c.signature)) return false;
  copy(c.output, atRank0(c.input) + c.root * arenaStride, c.count * bytesOf(c.dtype));
  barrier();
  return true;
}
