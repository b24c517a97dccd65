/**
 * @file Staging: a rank copies what peers are to read into a stage of its own, so that its input may be overwritten as soon as it
 * returns and one barrier is enough.
 *
 * There are two generations, chosen by the parity of the epoch of the barrier that follows the copy. A generation is
 * written again two epochs later at the earliest, and between the two lies a full barrier that every reader reached only
 * after it had finished reading. Operations of any other kind may run in between.
 */
import { generation, epoch } from './sync';
import { rank, stageBytes, stageStride, stages } from './world';

/** Where this rank may write now. */
// @ts-ignore: decorator
@inline
export function ownStage(): usize {
  return stages + rank * stageStride + generation() * stageBytes;
}

/** After the barrier: where rank 0's copy of the same generation lies; rank r's is r * stageStride further. */
// @ts-ignore: decorator
@inline
export function stagesAtRank0(): usize {
  return stages + (epoch & 1) * stageBytes;
}

/** Copies `bytes` bytes; the two regions are equal or apart. */
export function copy(to: usize, from: usize, bytes: u32): void {
  if (to == from) return;
  let i: u32 = 0;
  for (let whole = bytes & ~63; i < whole; i += 64) {
    let p = from + i, q = to + i;
    let a = v128.load(p), b = v128.load(p, 16), c = v128.load(p, 32), d = v128.load(p, 48);
    v128.store(q, a);
    v128.store(q, b, 16);
    v128.store(q, c, 32);
    v128.store(q, d, 48);
  }
  for (; i + 16 <= bytes; i += 16) v128.store(to + i, v128.load(from + i));
  for (; i < bytes; i++) store<u8>(to + i, load<u8>(from + i));
}
