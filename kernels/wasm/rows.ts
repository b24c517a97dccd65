/**
 * @file The passes over one row of [tokens, hidden] that RMSNorm is made of, fused with the reduction before and the quantization after it.
 *
 * Pass 1: sum over ranks, rounded to the dtype; plus residual, rounded; squares summed. Pass 2: times rstd and weight, rounded (before the weight, too, when asked).
 * Pass 3: quantized. The roundings are those of the unfused sequence all-reduce, add, RMSNorm, quantize, so fused and
 * unfused give the same bits and a plan may switch between them at any size.
 *
 * A row is kept in float32 between the passes. Squares are summed in segments of 128 elements: 16 float32 lanes in a segment, the
 * segments in order in float64. The order depends on the hidden size only, not on who computes which part of a row.
 */
import { F16, F32, load1, load4, round1, round4, shift, store1, storeRounded8 } from './convert';

export const SEGMENT: u32 = 128;

// @ts-ignore: decorator
@inline
function lanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

function gatherAs<K>(
  source: usize, sourceStride: usize, sources: u32, residual: usize,
  residualOut: usize, outputStride: usize, outputs: u32, keep: usize, sums: usize, from: u32, to: u32,
): void {
  for (let start = from; start < to; start += SEGMENT) {
    let end = min(start + SEGMENT, to);
    let a = f32x4.splat(0), b = a, c = a, d = a;
    let i = start;
    for (; i + 16 <= end; i += 16) {
      let at = i << shift<K>();
      let p = source + at;
      let w = load4<K>(p, 0), x = load4<K>(p, 4), y = load4<K>(p, 8), z = load4<K>(p, 12);
      for (let r: u32 = 1; r < sources; r++) {
        p += sourceStride;
        w = f32x4.add(w, load4<K>(p, 0));
        x = f32x4.add(x, load4<K>(p, 4));
        y = f32x4.add(y, load4<K>(p, 8));
        z = f32x4.add(z, load4<K>(p, 12));
      }
      // One source is rounded already, but only an operation makes a NaN canonical; the sum with the residual will.
      if (sources > 1 || !residual) {
        w = round4<K>(w);
        x = round4<K>(x);
        y = round4<K>(y);
        z = round4<K>(z);
      }
      if (residual) {
        let q = residual + at;
        w = round4<K>(f32x4.add(w, load4<K>(q, 0)));
        x = round4<K>(f32x4.add(x, load4<K>(q, 4)));
        y = round4<K>(f32x4.add(y, load4<K>(q, 8)));
        z = round4<K>(f32x4.add(z, load4<K>(q, 12)));
      }
      let k = keep + ((i - from) << 2);
      v128.store(k, w);
      v128.store(k, x, 16);
      v128.store(k, y, 32);
      v128.store(k, z, 48);
      if (residualOut) {
        let q = residualOut + at;
        for (let r: u32 = 0; r < outputs; r++) {
          storeRounded8<K>(q, 0, w, x);
          storeRounded8<K>(q, 8, y, z);
          q += outputStride;
        }
      }
      a = f32x4.add(a, f32x4.mul(w, w));
      b = f32x4.add(b, f32x4.mul(x, x));
      c = f32x4.add(c, f32x4.mul(y, y));
      d = f32x4.add(d, f32x4.mul(z, z));
    }
    let tail: f32 = 0;
    for (; i < end; i++) {
      let at = i << shift<K>();
      let p = source + at;
      let x = load1<K>(p);
      for (let r: u32 = 1; r < sources; r++) {
        p += sourceStride;
        x += load1<K>(p);
      }
      x = round1<K>(x);
      if (residual) x = round1<K>(x + load1<K>(residual + at));
      store<f32>(keep + ((i - from) << 2), x);
      if (residualOut) {
        let q = residualOut + at;
        for (let r: u32 = 0; r < outputs; r++) {
          store1<K>(q, x);
          q += outputStride;
        }
      }
      tail += x * x;
    }
    store<f32>(sums + ((start / SEGMENT) << 2), lanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d))) + tail);
  }
}

/**
 * Pass 1 over elements `from` (a multiple of SEGMENT) to `to` of a row. Addresses are those of the row's first element; `keep` gets the
 * float32 values of this stretch, `sums[segment]` the sums of squares. `residual` and `residualOut` may be 0.
 */
export function gatherRow(
  dtype: u32, source: usize, sourceStride: usize, sources: u32, residual: usize,
  residualOut: usize, outputStride: usize, outputs: u32, keep: usize, sums: usize, from: u32, to: u32,
): void {
  if (dtype == F32) gatherAs<f32>(source, sourceStride, sources, residual, residualOut, outputStride, outputs, keep, sums, from, to);
  else if (dtype == F16) gatherAs<i16>(source, sourceStride, sources, residual, residualOut, outputStride, outputs, keep, sums, from, to);
  else gatherAs<u16>(source, sourceStride, sources, residual, residualOut, outputStride, outputs, keep, sums, from, to);
}

/** 1 / sqrt(mean of squares + epsilon), in float64 and rounded once. */
export function rstd(total: f64, hidden: u32, epsilon: f32): f32 {
  return f32(1 / sqrt(total / f64(hidden) + f64(epsilon)));
}

// @ts-ignore: decorator
@inline
function weigh4<K>(weight: usize, bias: v128, i: usize, x: v128): v128 {
  return weight ? f32x4.mul(x, f32x4.add(load4<K>(weight, i), bias)) : x;
}

function normAs<K>(
  keep: usize, scale: f32, weight: usize, weightBias: f32, cast: bool,
  output: usize, outputStride: usize, outputs: u32, write: bool, from: u32, to: u32,
): void {
  let s = f32x4.splat(scale), bias = f32x4.splat(weightBias);
  let i = from;
  for (; i + 16 <= to; i += 16) {
    let k = keep + ((i - from) << 2);
    let at = i << shift<K>();
    let p = weight ? weight + at : 0;
    let a = f32x4.mul(v128.load(k), s);
    let b = f32x4.mul(v128.load(k, 16), s);
    let c = f32x4.mul(v128.load(k, 32), s);
    let d = f32x4.mul(v128.load(k, 48), s);
    if (!isFloat<K>() && cast) {
      a = round4<K>(a);
      b = round4<K>(b);
      c = round4<K>(c);
      d = round4<K>(d);
    }
    a = round4<K>(weigh4<K>(p, bias, 0, a));
    b = round4<K>(weigh4<K>(p, bias, 4, b));
    c = round4<K>(weigh4<K>(p, bias, 8, c));
    d = round4<K>(weigh4<K>(p, bias, 12, d));
    if (write) {
      v128.store(k, a);
      v128.store(k, b, 16);
      v128.store(k, c, 32);
      v128.store(k, d, 48);
    }
    if (output) {
      let q = output + at;
      for (let r: u32 = 0; r < outputs; r++) {
        storeRounded8<K>(q, 0, a, b);
        storeRounded8<K>(q, 8, c, d);
        q += outputStride;
      }
    }
  }
  for (; i < to; i++) {
    let k = keep + ((i - from) << 2);
    let at = i << shift<K>();
    let x = load<f32>(k) * scale;
    if (cast) x = round1<K>(x);
    if (weight) x *= load1<K>(weight + at) + weightBias;
    x = round1<K>(x);
    if (write) store<f32>(k, x);
    if (output) {
      let q = output + at;
      for (let r: u32 = 0; r < outputs; r++) {
        store1<K>(q, x);
        q += outputStride;
      }
    }
  }
}

/**
 * Pass 2 over the same stretch: (x * scale) * (weight + weightBias), rounded, with `cast` before the weight, too; to `output` (0: none), and
 * back to `keep` when `write`.
 */
export function normRow(
  dtype: u32, keep: usize, scale: f32, weight: usize, weightBias: f32, cast: bool,
  output: usize, outputStride: usize, outputs: u32, write: bool, from: u32, to: u32,
): void {
  if (dtype == F32) normAs<f32>(keep, scale, weight, weightBias, cast, output, outputStride, outputs, write, from, to);
  else if (dtype == F16) normAs<i16>(keep, scale, weight, weightBias, cast, output, outputStride, outputs, write, from, to);
  else normAs<u16>(keep, scale, weight, weightBias, cast, output, outputStride, outputs, write, from, to);
}
