/**
 * @file Ring all-reduce (reduce-scatter, then all-gather) between neighbours only: 2(N-1) steps of a slice each.
 *
 * Slice j starts at rank j + 1 and walks the ring to rank j, its owner, which rounds it; then the finished slices walk the
 * same way. Partial sums travel in float32, so the result is rounded once, but slice j is summed in the order j+1, j+2, ..., j: all ranks get
 * the same bits, though not those of the rank-order algorithms.
 * Bandwidth-optimal over links that only join neighbours: Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for
 * clusters of workstations", JPDC 2009.
 */
import { F16, F32, load1, load4, shift, shiftOf, store1, store8 } from './convert';
import { AVG, MAX, MIN, Max, Min, Sum, combine, combine1, reduce } from './reduce';
import { copy } from './stage';
import { meetNeighbours } from './sync';
import { arenaStride, rank, sliceOf, stageBytes, stageStride, stages, worldSize } from './world';

/** to[i] = op(partial[i], own[i]) for one step: `From` and `To` are the dtype at the ends of the walk and f32 within it. */
function stepAs<K, From, To, O>(divisor: f32, partial: usize, own: usize, to: usize, count: u32): void {
  let i: u32 = 0;
  let whole = count & ~7;
  let d = f32x4.splat(divisor);
  for (; i < whole; i += 8) {
    let p = partial + (i << shift<From>());
    let q = own + (i << shift<K>());
    let lo = combine<O>(load4<From>(p, 0), load4<K>(q, 0));
    let hi = combine<O>(load4<From>(p, 4), load4<K>(q, 4));
    if (divisor != 1) {
      lo = f32x4.div(lo, d);
      hi = f32x4.div(hi, d);
    }
    store8<To>(to + (i << shift<To>()), 0, lo, hi);
  }
  for (; i < count; i++) {
    let x = combine1<O>(load1<From>(partial + (i << shift<From>())), load1<K>(own + (i << shift<K>())));
    store1<To>(to + (i << shift<To>()), divisor != 1 ? x / divisor : x);
  }
}

function stepOp<K, From, To>(op: u32, divisor: f32, partial: usize, own: usize, to: usize, count: u32): void {
  if (op == MAX) stepAs<K, From, To, Max>(1, partial, own, to, count);
  else if (op == MIN) stepAs<K, From, To, Min>(1, partial, own, to, count);
  else stepAs<K, From, To, Sum>(divisor, partial, own, to, count);
}

function step<K>(first: bool, last: bool, op: u32, divisor: f32, partial: usize, own: usize, to: usize, count: u32): void {
  if (first && last) stepOp<K, K, K>(op, divisor, partial, own, to, count);
  else if (first) stepOp<K, K, f32>(op, 1, partial, own, to, count);
  else if (last) stepOp<K, f32, K>(op, divisor, partial, own, to, count);
  else stepOp<K, f32, f32>(op, 1, partial, own, to, count);
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
    if (kind == F32) step<f32>(s == 1, last, op, divisor, partial, own, to, length);
    else if (kind == F16) step<i16>(s == 1, last, op, divisor, partial, own, to, length);
    else step<u16>(s == 1, last, op, divisor, partial, own, to, length);
    meetNeighbours();
  }
  for (let t: u32 = 1; t < n; t++) {
    let from = min(((rank + n - t) % n) * slice, count);
    let at = output + (from << shift);
    copy(at, at + toLeft, min(slice, count - from) << shift);
    meetNeighbours();
  }
}
