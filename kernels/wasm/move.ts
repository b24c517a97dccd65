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

/**
 * All-gather of `count` elements a rank into `count * worldSize`, in rank order. In place, that is when `input` equals `output`, a
 * rank's own part lies in its place in the output already.
 */
export function allGatherStaged(c: Command): bool {
  let part = c.count * bytesOf(c.dtype);
  let own = c.input == c.output ? c.input + rank * part : c.input;
  let chunk = max<u32>(1, min(c.chunkBytes, stageBytes));
  let done: u32 = 0;
  do {
    let n = min(chunk, part - done);
    copy(ownStage(), own + done, n);
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
  let stride = c.input == c.output ? arenaStride + part : arenaStride;
  for (let i: u32 = 0; i < worldSize; i++) {
    let r = (rank + i) % worldSize;
    copy(c.output + r * part, inputs + r * stride, part);
  }
  barrier();
  return true;
}

/** Where a rank's part of a reduce-scatter goes: to `output`, or, in place, that is when it equals `input`, over its own part of that. */
// @ts-ignore: decorator
@inline
function partOutput(c: Command, partBytes: u32): usize {
  return c.output == c.input ? c.output + rank * partBytes : c.output;
}

/** Reduce-scatter of `count` elements (a multiple of the world size): rank r keeps the r-th part of the reduction. */
export function reduceScatterStaged(c: Command): bool {
  let shift = shiftOf(c.dtype);
  let part = c.count / worldSize;
  let output = partOutput(c, part << shift);
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
    reduce(c.dtype, c.reduceOp, mine, stageStride, worldSize, output + (done << shift), 0, 1, n);
    done += n;
  } while (done < part);
  return true;
}

export function reduceScatterDirect(c: Command): bool {
  if (!meet(c.signature)) return false;
  let part = c.count / worldSize;
  let partBytes = part << shiftOf(c.dtype);
  reduce(c.dtype, c.reduceOp, atRank0(c.input) + rank * partBytes, arenaStride, worldSize, partOutput(c, partBytes), 0, 1, part);
  barrier();
  return true;
}

/** Broadcast of `count` elements from the root's input to every rank's output. */
export function broadcastStaged(c: Command): bool {
  let bytes = c.count * bytesOf(c.dtype);
  let chunk = max<u32>(1, min(c.chunkBytes, stageBytes));
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
