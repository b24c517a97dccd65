/**
 * @file Ring all-reduce (reduce-scatter, then all-gather) between neighbours only: 2(N-1) steps of a slice each.
 *
 * Slice j starts at rank j + 1 and walks the ring to rank j, its owner, which rounds it; then the finished slices walk the
 * same way. Partial sums travel in float32, so the result is rounded once, but slice j is summed in the order j+1, j+2, ..., j: all ranks get
 * the same bits, though not those of the rank-order algorithms.
 * Bandwidth-optimal over links that only join neighbours: Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for
 * clusters of workstations", JPDC 2009.
 */
import { sliceOf } from './all-reduce';
import { BF16, F16, F32, load1, load4, shiftOf, store1, store8 } from './convert';
import { AVG, MAX, MIN, SUM, combine, combine1, reduce } from './reduce';
import { copy } from './stage';
import { meetNeighbours } from './sync';
import { arenaStride, rank, stageBytes, stageStride, stages, worldSize } from './world';

/** to[i] = op(partial[i], own[i]) for one step: `fromKind` and `toKind` are the dtype at the ends of the walk and F32 within it. */
// @ts-ignore: decorator
@inline
function stepAs(kind: u32, fromKind: u32, toKind: u32, op: u32, divisor: f32, partial: usize, own: usize, to: usize, count: u32): void {
  let i: u32 = 0;
  let whole = count & ~7;
  let d = f32x4.splat(divisor);
  for (; i < whole; i += 8) {
    let p = partial + (i << shiftOf(fromKind));
    let q = own + (i << shiftOf(kind));
    let lo = combine(op, load4(fromKind, p, 0), load4(kind, q, 0));
    let hi = combine(op, load4(fromKind, p, 4), load4(kind, q, 4));
    if (divisor != 1) {
      lo = f32x4.div(lo, d);
      hi = f32x4.div(hi, d);
    }
    store8(toKind, to + (i << shiftOf(toKind)), 0, lo, hi);
  }
  for (; i < count; i++) {
    let x = combine1(op, load1(fromKind, partial + (i << shiftOf(fromKind))), load1(kind, own + (i << shiftOf(kind))));
    store1(toKind, to + (i << shiftOf(toKind)), divisor != 1 ? x / divisor : x);
  }
}

// @ts-ignore: decorator
@inline
function stepOp(kind: u32, fromKind: u32, toKind: u32, op: u32, divisor: f32, partial: usize, own: usize, to: usize, count: u32): void {
  if (op == MAX) stepAs(kind, fromKind, toKind, MAX, 1, partial, own, to, count);
  else if (op == MIN) stepAs(kind, fromKind, toKind, MIN, 1, partial, own, to, count);
  else stepAs(kind, fromKind, toKind, SUM, divisor, partial, own, to, count);
}

// @ts-ignore: decorator
@inline
function step(kind: u32, first: bool, last: bool, op: u32, divisor: f32, partial: usize, own: usize, to: usize, count: u32): void {
  if (first && last) stepOp(kind, kind, kind, op, divisor, partial, own, to, count);
  else if (first) stepOp(kind, kind, F32, op, 1, partial, own, to, count);
  else if (last) stepOp(kind, F32, kind, op, divisor, partial, own, to, count);
  else stepOp(kind, F32, F32, op, 1, partial, own, to, count);
}

/** One piece of a message: input and output addresses of this rank, `count` elements of which each rank owns a slice. */
export function ringReduce(kind: u32, op: u32, input: usize, output: usize, count: u32): void {
  let n = worldSize;
  let shift = shiftOf(kind);
  if (n == 1) {
    // Not a copy: a NaN becomes the canonical one, as with more ranks.
    reduce(kind, op, input, 0, 1, output, 0, 1, count);
    return;
  }
  let slice = sliceOf(count);
  let left = (rank + n - 1) % n;
  let toLeft = left * arenaStride - rank * arenaStride;
  let divisor: f32 = op == AVG ? f32(n) : 1;
  for (let s: u32 = 1; s < n; s++) {
    let j = (rank + 2 * n - 1 - s) % n;
    let from = min(j * slice, count);
    let length = min(slice, count - from);
    let own = input + (from << shift);
    let last = s == n - 1;
    let partial = s == 1 ? own + toLeft : stages + left * stageStride + ((s - 1) & 1) * stageBytes;
    let to = last ? output + (from << shift) : stages + rank * stageStride + (s & 1) * stageBytes;
    if (kind == F32) step(F32, s == 1, last, op, divisor, partial, own, to, length);
    else if (kind == F16) step(F16, s == 1, last, op, divisor, partial, own, to, length);
    else step(BF16, s == 1, last, op, divisor, partial, own, to, length);
    meetNeighbours();
  }
  for (let t: u32 = 1; t < n; t++) {
    let from = min(((rank + n - t) % n) * slice, count);
    let at = output + (from << shift);
    copy(at, at + toLeft, min(slice, count - from) << shift);
    meetNeighbours();
  }
}
