/**
 * @file Inner products, in float32: of four rows with one, or with two. All that is a matrix product here is made of these.
 *
 * A sum has four lanes; lane i adds elements 2i, 2i + 1, 2i + 8, 2i + 9... in order, whatever the types and however many rows are done together, so that
 * a token's result does not depend on how many tokens there are.
 */
import { even4, lastGroup, odd4 } from './vectors';

/** The sums of the lanes of four vectors. */
// @ts-ignore: decorator
@inline
function across(a: v128, b: v128, c: v128, d: v128): v128 {
  let ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  let cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

/** a + the products of eight elements of a row, `u` and `v` being the even and the odd ones of the other. */
// @ts-ignore: decorator
@inline
function dot8<W>(a: v128, w: usize, u: v128, v: v128): v128 {
  return f32x4.add(f32x4.add(a, f32x4.mul(even4<W>(w), u)), f32x4.mul(odd4<W>(w), v));
}

/**
 * x by each of the four rows w: four float32 to `sums`, which has room for 8. X and W are f32 for groups in scratch, padded with zeros; u16 for bf16 or u8
 * for f8e4m3.
 */
export function dots1<X, W>(sums: usize, x: usize, w0: usize, w1: usize, w2: usize, w3: usize, count: u32): void {
  let a = f32x4.splat(0), b = a, c = a, d = a;
  let whole = isFloat<X>() && isFloat<W>() ? count + 7 : count;
  for (let end = x + (whole >> 3) * (8 * sizeof<X>()); x < end; x += 8 * sizeof<X>()) {
    let u = even4<X>(x), v = odd4<X>(x);
    a = dot8<W>(a, w0, u, v);
    b = dot8<W>(b, w1, u, v);
    c = dot8<W>(c, w2, u, v);
    d = dot8<W>(d, w3, u, v);
    w0 += 8 * sizeof<W>();
    w1 += 8 * sizeof<W>();
    w2 += 8 * sizeof<W>();
    w3 += 8 * sizeof<W>();
  }
  let last = count & 7;
  if (!(isFloat<X>() && isFloat<W>()) && last) {
    let u = lastEven<X>(sums, x, last), v = lastOdd<X>(sums, x);
    a = dot8<f32>(a, lastOf<W>(sums, w0, last), u, v);
    b = dot8<f32>(b, lastOf<W>(sums, w1, last), u, v);
    c = dot8<f32>(c, lastOf<W>(sums, w2, last), u, v);
    d = dot8<f32>(d, lastOf<W>(sums, w3, last), u, v);
  }
  v128.store(sums, across(a, b, c, d));
}

/** The same for two rows x and y: eight float32, those of x first. */
export function dots2<X, W>(sums: usize, x: usize, y: usize, w0: usize, w1: usize, w2: usize, w3: usize, count: u32): void {
  let a = f32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  let whole = isFloat<X>() && isFloat<W>() ? count + 7 : count;
  for (let end = x + (whole >> 3) * (8 * sizeof<X>()); x < end; x += 8 * sizeof<X>()) {
    let u = even4<X>(x), v = even4<X>(y);
    let w = even4<W>(w0);
    a = f32x4.add(a, f32x4.mul(w, u));
    e = f32x4.add(e, f32x4.mul(w, v));
    w = even4<W>(w1);
    b = f32x4.add(b, f32x4.mul(w, u));
    f = f32x4.add(f, f32x4.mul(w, v));
    w = even4<W>(w2);
    c = f32x4.add(c, f32x4.mul(w, u));
    g = f32x4.add(g, f32x4.mul(w, v));
    w = even4<W>(w3);
    d = f32x4.add(d, f32x4.mul(w, u));
    h = f32x4.add(h, f32x4.mul(w, v));
    u = odd4<X>(x);
    v = odd4<X>(y);
    w = odd4<W>(w0);
    a = f32x4.add(a, f32x4.mul(w, u));
    e = f32x4.add(e, f32x4.mul(w, v));
    w = odd4<W>(w1);
    b = f32x4.add(b, f32x4.mul(w, u));
    f = f32x4.add(f, f32x4.mul(w, v));
    w = odd4<W>(w2);
    c = f32x4.add(c, f32x4.mul(w, u));
    g = f32x4.add(g, f32x4.mul(w, v));
    w = odd4<W>(w3);
    d = f32x4.add(d, f32x4.mul(w, u));
    h = f32x4.add(h, f32x4.mul(w, v));
    y += 8 * sizeof<X>();
    w0 += 8 * sizeof<W>();
    w1 += 8 * sizeof<W>();
    w2 += 8 * sizeof<W>();
    w3 += 8 * sizeof<W>();
  }
  let last = count & 7;
  if (!(isFloat<X>() && isFloat<W>()) && last) {
    let u = lastEven<X>(sums, x, last), v = lastOdd<X>(sums, x);
    let p = lastEven<X>(sums, y, last), q = lastOdd<X>(sums, y);
    let w = lastOf<W>(sums, w0, last);
    a = dot8<f32>(a, w, u, v);
    e = dot8<f32>(e, w, p, q);
    w = lastOf<W>(sums, w1, last);
    b = dot8<f32>(b, w, u, v);
    f = dot8<f32>(f, w, p, q);
    w = lastOf<W>(sums, w2, last);
    c = dot8<f32>(c, w, u, v);
    g = dot8<f32>(g, w, p, q);
    w = lastOf<W>(sums, w3, last);
    d = dot8<f32>(d, w, u, v);
    h = dot8<f32>(h, w, p, q);
  }
  v128.store(sums, across(a, b, c, d));
  v128.store(sums, across(e, f, g, h), 16);
}

/** The last elements of a row, 1 to 7, as a group at `to`; a row in scratch has it already. */
// @ts-ignore: decorator
@inline
function lastOf<K>(to: usize, p: usize, count: u32): usize {
  if (isFloat<K>()) return p;
  lastGroup<K>(p, to, count);
  return to;
}

// @ts-ignore: decorator
@inline
function lastEven<K>(to: usize, p: usize, count: u32): v128 {
  return even4<f32>(lastOf<K>(to, p, count));
}

/** Of the group that lastEven has made. */
// @ts-ignore: decorator
@inline
function lastOdd<K>(to: usize, p: usize): v128 {
  return odd4<f32>(isFloat<K>() ? p : to);
}
