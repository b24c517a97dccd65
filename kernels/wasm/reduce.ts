/**
 * @file Reduces the same stretch of N sources into M destinations, element by element, in float32, in rank order 0..N-1, rounded once.
 *
 * Sources lie `sourceStride` bytes apart and destinations `outputStride` bytes apart (ranks' arenas, or stages), so no pointer
 * table is needed. 16 elements at a time stay in four registers while the ranks are walked.
 */
import { F16, F32, load1, load4, shift, store1, store8 } from './convert';

/** Codes of the reductions in commands, in the order of REDUCE_OPS. */
export const SUM: u32 = 0;
export const MAX: u32 = 1;
export const MIN: u32 = 2;
export const AVG: u32 = 3;

/** The same as types, for the reason that convert.ts gives for dtypes. They differ in size, and by that they are told apart. */
export type Sum = u8;
export type Max = u16;
export type Min = u32;
export type Avg = u64;

// @ts-ignore: decorator
@inline
export function combine<O>(a: v128, b: v128): v128 {
  if (sizeof<O>() == sizeof<Max>()) return f32x4.max(a, b);
  if (sizeof<O>() == sizeof<Min>()) return f32x4.min(a, b);
  return f32x4.add(a, b);
}

// @ts-ignore: decorator
@inline
export function combine1<O>(a: f32, b: f32): f32 {
  if (sizeof<O>() == sizeof<Max>()) return max<f32>(a, b);
  if (sizeof<O>() == sizeof<Min>()) return min<f32>(a, b);
  return a + b;
}

function reduceAs<K, O>(
  source: usize, sourceStride: usize, sources: u32,
  output: usize, outputStride: usize, outputs: u32, count: u32,
): void {
  let i: u32 = 0;
  let whole = count & ~15;
  let d = f32x4.splat(f32(sources));
  for (; i < whole; i += 16) {
    let p = source + (i << shift<K>());
    let a = load4<K>(p, 0), b = load4<K>(p, 4), c = load4<K>(p, 8), e = load4<K>(p, 12);
    for (let r: u32 = 1; r < sources; r++) {
      p += sourceStride;
      a = combine<O>(a, load4<K>(p, 0));
      b = combine<O>(b, load4<K>(p, 4));
      c = combine<O>(c, load4<K>(p, 8));
      e = combine<O>(e, load4<K>(p, 12));
    }
    if (sizeof<O>() == sizeof<Avg>()) {
      a = f32x4.div(a, d);
      b = f32x4.div(b, d);
      c = f32x4.div(c, d);
      e = f32x4.div(e, d);
    }
    let q = output + (i << shift<K>());
    for (let r: u32 = 0; r < outputs; r++) {
      store8<K>(q, 0, a, b);
      store8<K>(q, 8, c, e);
      q += outputStride;
    }
  }
  for (; i < count; i++) {
    let p = source + (i << shift<K>());
    let x = load1<K>(p);
    for (let r: u32 = 1; r < sources; r++) {
      p += sourceStride;
      x = combine1<O>(x, load1<K>(p));
    }
    if (sizeof<O>() == sizeof<Avg>()) x /= f32(sources);
    let q = output + (i << shift<K>());
    for (let r: u32 = 0; r < outputs; r++) {
      store1<K>(q, x);
      q += outputStride;
    }
  }
}

function reduceDType<K>(
  op: u32, source: usize, sourceStride: usize, sources: u32, output: usize, outputStride: usize, outputs: u32, count: u32,
): void {
  if (op == SUM) reduceAs<K, Sum>(source, sourceStride, sources, output, outputStride, outputs, count);
  else if (op == MAX) reduceAs<K, Max>(source, sourceStride, sources, output, outputStride, outputs, count);
  else if (op == MIN) reduceAs<K, Min>(source, sourceStride, sources, output, outputStride, outputs, count);
  else reduceAs<K, Avg>(source, sourceStride, sources, output, outputStride, outputs, count);
}

/** `count` elements of each of `sources` sources -> the same values in `outputs` destinations. `op` AVG divides the sum by `sources`. */
export function reduce(
  dtype: u32, op: u32,
  source: usize, sourceStride: usize, sources: u32,
  output: usize, outputStride: usize, outputs: u32, count: u32,
): void {
  if (dtype == F32) reduceDType<f32>(op, source, sourceStride, sources, output, outputStride, outputs, count);
  else if (dtype == F16) reduceDType<i16>(op, source, sourceStride, sources, output, outputStride, outputs, count);
  else reduceDType<u16>(op, source, sourceStride, sources, output, outputStride, outputs, count);
}
