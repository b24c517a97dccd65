/**
 * @file Reduces the same stretch of N sources into M destinations, element by element, in float32, in rank order 0..N-1, rounded once.
 *
 * Sources lie `sourceStride` bytes apart and destinations `outputStride` bytes apart (ranks' arenas, or stages), so no pointer
 * table is needed. 16 elements at a time stay in four registers while the ranks are walked.
 */
import { BF16, F16, F32, load1, load4, shiftOf, store1, store8 } from './convert';

export const SUM: u32 = 0;
export const MAX: u32 = 1;
export const MIN: u32 = 2;
export const AVG: u32 = 3;

// @ts-ignore: decorator
@inline
export function combine(op: u32, a: v128, b: v128): v128 {
  if (op == MAX) return f32x4.max(a, b);
  if (op == MIN) return f32x4.min(a, b);
  return f32x4.add(a, b);
}

// @ts-ignore: decorator
@inline
export function combine1(op: u32, a: f32, b: f32): f32 {
  if (op == MAX) return max<f32>(a, b);
  if (op == MIN) return min<f32>(a, b);
  return a + b;
}

// @ts-ignore: decorator
@inline
function reduceAs(
  kind: u32, op: u32, divisor: f32,
  source: usize, sourceStride: usize, sources: u32,
  output: usize, outputStride: usize, outputs: u32, count: u32,
): void {
  let i: u32 = 0;
  let whole = count & ~15;
  let d = f32x4.splat(divisor);
  for (; i < whole; i += 16) {
    let p = source + (i << shiftOf(kind));
    let a = load4(kind, p, 0), b = load4(kind, p, 4), c = load4(kind, p, 8), e = load4(kind, p, 12);
    for (let r: u32 = 1; r < sources; r++) {
      p += sourceStride;
      a = combine(op, a, load4(kind, p, 0));
      b = combine(op, b, load4(kind, p, 4));
      c = combine(op, c, load4(kind, p, 8));
      e = combine(op, e, load4(kind, p, 12));
    }
    if (op == AVG) {
      a = f32x4.div(a, d);
      b = f32x4.div(b, d);
      c = f32x4.div(c, d);
      e = f32x4.div(e, d);
    }
    let q = output + (i << shiftOf(kind));
    for (let r: u32 = 0; r < outputs; r++) {
      store8(kind, q, 0, a, b);
      store8(kind, q, 8, c, e);
      q += outputStride;
    }
  }
  for (; i < count; i++) {
    let p = source + (i << shiftOf(kind));
    let x = load1(kind, p);
    for (let r: u32 = 1; r < sources; r++) {
      p += sourceStride;
      x = combine1(op, x, load1(kind, p));
    }
    if (op == AVG) x /= divisor;
    let q = output + (i << shiftOf(kind));
    for (let r: u32 = 0; r < outputs; r++) {
      store1(kind, q, x);
      q += outputStride;
    }
  }
}

/** `count` elements of each of `sources` sources -> the same values in `outputs` destinations. `op` AVG divides the sum by `sources`. */
export function reduce(
  kind: u32, op: u32,
  source: usize, sourceStride: usize, sources: u32,
  output: usize, outputStride: usize, outputs: u32, count: u32,
): void {
  let n = f32(sources);
  if (kind == F32) {
    if (op == SUM) reduceAs(F32, SUM, n, source, sourceStride, sources, output, outputStride, outputs, count);
    else if (op == MAX) reduceAs(F32, MAX, n, source, sourceStride, sources, output, outputStride, outputs, count);
    else if (op == MIN) reduceAs(F32, MIN, n, source, sourceStride, sources, output, outputStride, outputs, count);
    else reduceAs(F32, AVG, n, source, sourceStride, sources, output, outputStride, outputs, count);
  } else if (kind == F16) {
    if (op == SUM) reduceAs(F16, SUM, n, source, sourceStride, sources, output, outputStride, outputs, count);
    else if (op == MAX) reduceAs(F16, MAX, n, source, sourceStride, sources, output, outputStride, outputs, count);
    else if (op == MIN) reduceAs(F16, MIN, n, source, sourceStride, sources, output, outputStride, outputs, count);
    else reduceAs(F16, AVG, n, source, sourceStride, sources, output, outputStride, outputs, count);
  } else {
    if (op == SUM) reduceAs(BF16, SUM, n, source, sourceStride, sources, output, outputStride, outputs, count);
    else if (op == MAX) reduceAs(BF16, MAX, n, source, sourceStride, sources, output, outputStride, outputs, count);
    else if (op == MIN) reduceAs(BF16, MIN, n, source, sourceStride, sources, output, outputStride, outputs, count);
    else reduceAs(BF16, AVG, n, source, sourceStride, sources, output, outputStride, outputs, count);
  }
}
