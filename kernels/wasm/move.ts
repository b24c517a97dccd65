/**
 * @file All-gather, reduce-scatter and broadcast: staged (one barrier, for short messages) and direct (no copy, two barriers).
 * All-gather and broadcast move bytes of any dtype; reduce-scatter reduces in rank order as all-reduce does.
 */
import { Command, partBegin, partCount } from './command';
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

/** What of a chunk of `n` elements from `done` on there is of a part of `count`. */
// @ts-ignore: decorator
@inline
function rest(count: u32, done: u32, n: u32): u32 {
  return count > done ? min(n, count - done) : 0;
}

/**
 * All-gather of `count` elements a rank (of the longest part, when parts are unequal) into all of them, in rank order. In place, that is when
 * `input` equals `output`, a rank's own part lies in its place in the output already.
 */
export function allGatherStaged(c: Command): bool {
  let size = bytesOf(c.dtype);
  let own = c.input == c.output ? c.input + partBegin(c, rank, c.count) * size : c.input;
  let mine = partCount(c, rank, c.count) * size;
  let longest = c.count * size;
  let chunk = max<u32>(1, min(c.chunkBytes, stageBytes));
  let done: u32 = 0;
  do {
    let n = min(chunk, longest - done);
    copy(ownStage(), own + done, rest(mine, done, n));
    if (!meet(c.signature)) return false;
    for (let r: u32 = 0; r < worldSize; r++) {
      let to = c.output + partBegin(c, r, c.count) * size + done;
      copy(to, stagesAtRank0() + r * stageStride, rest(partCount(c, r, c.count) * size, done, n));
    }
    done += n;
  } while (done < longest);
  return true;
}

export function allGatherDirect(c: Command): bool {
  if (!meet(c.signature)) return false;
  let size = bytesOf(c.dtype);
  let inputs = atRank0(c.input);
  for (let i: u32 = 0; i < worldSize; i++) {
    let r = (rank + i) % worldSize;
    let begin = partBegin(c, r, c.count) * size;
    let from = inputs + r * arenaStride;
    if (c.input == c.output) from += begin;
    copy(c.output + begin, from, partCount(c, r, c.count) * size);
  }
  barrier();
  return true;
}

/** Where a rank's part of a reduce-scatter goes: to `output`, or, in place, that is when it equals `input`, over its own part of that. */
// @ts-ignore: decorator
@inline
function partOutput(c: Command, beginBytes: u32): usize {
  return c.output == c.input ? c.output + beginBytes : c.output;
}

/** Reduce-scatter of `count` elements (a multiple of the world size, or parts that add up to it): rank r keeps the r-th part of the reduction. */
export function reduceScatterStaged(c: Command): bool {
  let shift = shiftOf(c.dtype);
  let equal = c.count / worldSize;
  let longest: u32 = 0;
  for (let r: u32 = 0; r < worldSize; r++) longest = max(longest, partCount(c, r, equal));
  let own = partCount(c, rank, equal);
  let output = partOutput(c, partBegin(c, rank, equal) << shift);
  let chunk = max<u32>(1, (min(c.chunkBytes, stageBytes) >> shift) / worldSize);
  let done: u32 = 0;
  do {
    let n = min(chunk, longest - done);
    let stage = ownStage();
    for (let r: u32 = 0; r < worldSize; r++) {
      let from = c.input + ((partBegin(c, r, equal) + done) << shift);
      copy(stage + ((r * n) << shift), from, rest(partCount(c, r, equal), done, n) << shift);
    }
    if (!meet(c.signature)) return false;
    let mine = stagesAtRank0() + ((rank * n) << shift);
    reduce(c.dtype, c.reduceOp, mine, stageStride, worldSize, output + (done << shift), 0, 1, rest(own, done, n));
    done += n;
  } while (done < longest);
  return true;
}

export function reduceScatterDirect(c: Command): bool {
  if (!meet(c.signature)) return false;
  let equal = c.count / worldSize;
  let begin = partBegin(c, rank, equal) << shiftOf(c.dtype);
  let own = partCount(c, rank, equal);
  reduce(c.dtype, c.reduceOp, atRank0(c.input) + begin, arenaStride, worldSize, partOutput(c, begin), 0, 1, own);
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
