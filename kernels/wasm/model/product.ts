/**
 * @file Matrix products: rows of x by the rows of a weight, four outputs and two rows of x at a time (see dots.ts).
 *
 * bf16 is widened where it is read, at one instruction for four elements. f8e4m3 takes a dozen, so x and four rows of the weight are widened in this rank's
 * scratch first, as far as they fit, and the products read them there.
 */
import { load1, pack8 } from '../convert';
import { rows, rowsBytes } from '../world';
import { dots1, dots2 } from './dots';
import { padded, widenGroups } from './vectors';

/** At the start of the scratch: sums of eight inner products. */
const SUMS_BYTES: u32 = 32;

/**
 * out[r] = x[floor(r / divisor)] by weight^T * scale + bias, for r = order[0] to order[count - 1], or 0 to count - 1 where there is no order (0). Strides are bytes from
 * row to row of x and out. `bias` may be 0. The scale is the factor, times scales[r] (float32) where scales are there.
 * `K` is the type of x and weight: u16 for bf16, u8 for f8e4m3. out and bias are bf16.
 */
export function product<K>(
  out: usize, outStride: u32, x: usize, xStride: u32, weight: usize, bias: usize, count: u32, order: usize, divisor: u32,
  outer: u32, inner: u32, scales: usize, factor: f32,
): void {
  let rowBytes = padded(inner) << 2;
  let panel = rows + SUMS_BYTES;
  let panelBytes = rowBytes * 4;
  let block = panel + panelBytes;
  // An even number of rows.
  let fit = panelBytes < rowsBytes / 2 ? ((rowsBytes - SUMS_BYTES - panelBytes) / max<u32>(rowBytes, 1)) & ~1 : 0;
  let wide = sizeof<K>() == 1 && fit > 0;
  let weightBytes = inner * u32(sizeof<K>());
  let step = wide ? fit : count;
  for (let from: u32 = 0; from < count; from += step) {
    let end = min(count, from + step);
    if (wide) {
      for (let i = from; i < end; i++) widenGroups<K>(x + rowOf(order, i) / divisor * xStride, block + (i - from) * rowBytes, inner);
    }
    for (let o: u32 = 0; o < outer; o += 4) {
      let outputs = min<u32>(4, outer - o);
      let w0 = weight + o * weightBytes;
      // Outputs that there are not repeat the last one, and are not stored.
      let next = usize(weightBytes);
      let w1 = w0 + (outputs > 1 ? next : 0);
      let w2 = w1 + (outputs > 2 ? next : 0);
      let w3 = w2 + (outputs > 3 ? next : 0);
      let add = bias ? load4Of(bias + (o << 1), outputs) : f32x4.splat(0);
      if (wide) {
        widenGroups<K>(w0, panel, inner);
        widenGroups<K>(w1, panel + rowBytes, inner);
        widenGroups<K>(w2, panel + 2 * rowBytes, inner);
        widenGroups<K>(w3, panel + 3 * rowBytes, inner);
        w0 = panel;
        w1 = w0 + rowBytes;
        w2 = w1 + rowBytes;
        w3 = w2 + rowBytes;
      }
      for (let i = from; i < end; i += 2) {
        let r = rowOf(order, i);
        let q = out + r * outStride + (o << 1);
        let p = wide ? block + (i - from) * rowBytes : x + r / divisor * xStride;
        if (i + 1 < end) {
          let s = rowOf(order, i + 1);
          if (wide) dots2<f32, f32>(rows, p, p + rowBytes, w0, w1, w2, w3, inner);
          else dots2<K, K>(rows, p, x + s / divisor * xStride, w0, w1, w2, w3, inner);
          finish(out + s * outStride + (o << 1), v128.load(rows, 16), scaleOf(scales, s, factor), add, outputs);
        } else if (wide) dots1<f32, f32>(rows, p, w0, w1, w2, w3, inner);
        else dots1<K, K>(rows, p, w0, w1, w2, w3, inner);
        finish(q, v128.load(rows), scaleOf(scales, r, factor), add, outputs);
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function rowOf(order: usize, i: u32): u32 {
  return order ? load<u32>(order + (i << 2)) : i;
}

// @ts-ignore: decorator
@inline
function scaleOf(scales: usize, r: u32, factor: f32): f32 {
  return scales ? load<f32>(scales + (r << 2)) * factor : factor;
}

/** The first `count` of four bf16, and zeros. */
function load4Of(p: usize, count: u32): v128 {
  let x = f32x4.replace_lane(f32x4.splat(0), 0, load1<u16>(p));
  if (count > 1) x = f32x4.replace_lane(x, 1, load1<u16>(p + 2));
  if (count > 2) x = f32x4.replace_lane(x, 2, load1<u16>(p + 4));
  if (count > 3) x = f32x4.replace_lane(x, 3, load1<u16>(p + 6));
  return x;
}

/** Rounds sums * scale + bias, and stores the first `count` of the four. */
// @ts-ignore: decorator
@inline
function finish(to: usize, sums: v128, scale: f32, bias: v128, count: u32): void {
  let y = f32x4.add(f32x4.mul(sums, f32x4.splat(scale)), bias);
  let z = pack8<u16>(y, y);
  if (count == 4) {
    v128.store64_lane(to, z, 0);
    return;
  }
  store<u16>(to, i16x8.extract_lane_u(z, 0));
  if (count > 1) store<u16>(to + 2, i16x8.extract_lane_u(z, 1));
  if (count > 2) store<u16>(to + 4, i16x8.extract_lane_u(z, 2));
}
