/**
 * @file Inner products, in float32: of four rows with one, or with two. All that is a matrix product here is made of these.
 *
 * A sum has four lanes; lane i adds elements i, i + 4, i + 8... in order, whatever the types and however many rows are done together, so that
 * a token's result does not depend on how many tokens there are.
 */
import { wide4, wideLast } from './vectors';

/** The sums of the lanes of four vectors. */
// @ts-ignore: decorator
@inline
function across(a: v128, b: v128, c: v128, d: v128): v128 {
  let ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  let cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

/** x by each of the four rows w: four float32 to `sums`. X and W are f32, u16 for bf16 or u8 for f8e4m3. */
export function dots1<X, W>(sums: usize, x: usize, w0: usize, w1: usize, w2: usize, w3: usize, count: u32): void {
  let a = f32x4.splat(0), b = a, c = a, d = a;
  let k: u32 = 0;
  for (let whole = count & ~7; k < whole; k += 8) {
    let u = wide4<X>(x, 0), v = wide4<X>(x, 4);
    a = f32x4.add(a, f32x4.mul(wide4<W>(w0, 0), u));
    b = f32x4.add(b, f32x4.mul(wide4<W>(w1, 0), u));
    c = f32x4.add(c, f32x4.mul(wide4<W>(w2, 0), u));
    d = f32x4.add(d, f32x4.mul(wide4<W>(w3, 0), u));
    a = f32x4.add(a, f32x4.mul(wide4<W>(w0, 4), v));
    b = f32x4.add(b, f32x4.mul(wide4<W>(w1, 4), v));
    c = f32x4.add(c, f32x4.mul(wide4<W>(w2, 4), v));
    d = f32x4.add(d, f32x4.mul(wide4<W>(w3, 4), v));
    x += 8 * sizeof<X>();
    w0 += 8 * sizeof<W>();
    w1 += 8 * sizeof<W>();
    w2 += 8 * sizeof<W>();
    w3 += 8 * sizeof<W>();
  }
  if (k + 4 <= count) {
    let u = wide4<X>(x, 0);
    a = f32x4.add(a, f32x4.mul(wide4<W>(w0, 0), u));
    b = f32x4.add(b, f32x4.mul(wide4<W>(w1, 0), u));
    c = f32x4.add(c, f32x4.mul(wide4<W>(w2, 0), u));
    d = f32x4.add(d, f32x4.mul(wide4<W>(w3, 0), u));
    k += 4;
    x += 4 * sizeof<X>();
    w0 += 4 * sizeof<W>();
    w1 += 4 * sizeof<W>();
    w2 += 4 * sizeof<W>();
    w3 += 4 * sizeof<W>();
  }
  let last = count - k;
  if (last) {
    let u = wideLast<X>(x, last);
    a = f32x4.add(a, f32x4.mul(wideLast<W>(w0, last), u));
    b = f32x4.add(b, f32x4.mul(wideLast<W>(w1, last), u));
    c = f32x4.add(c, f32x4.mul(wideLast<W>(w2, last), u));
    d = f32x4.add(d, f32x4.mul(wideLast<W>(w3, last), u));
  }
  v128.store(sums, across(a, b, c, d));
}

/** The same for two rows x and y: eight float32, those of x first. */
export function dots2<X, W>(sums: usize, x: usize, y: usize, w0: usize, w1: usize, w2: usize, w3: usize, count: u32): void {
  let a = f32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  let k: u32 = 0;
  for (let whole = count & ~3; k < whole; k += 4) {
    let w = wide4<W>(w0, 0), u = wide4<X>(x, 0), v = wide4<X>(y, 0);
    a = f32x4.add(a, f32x4.mul(w, u));
    e = f32x4.add(e, f32x4.mul(w, v));
    w = wide4<W>(w1, 0);
    b = f32x4.add(b, f32x4.mul(w, u));
    f = f32x4.add(f, f32x4.mul(w, v));
    w = wide4<W>(w2, 0);
    c = f32x4.add(c, f32x4.mul(w, u));
    g = f32x4.add(g, f32x4.mul(w, v));
    w = wide4<W>(w3, 0);
    d = f32x4.add(d, f32x4.mul(w, u));
    h = f32x4.add(h, f32x4.mul(w, v));
    x += 4 * sizeof<X>();
    y += 4 * sizeof<X>();
    w0 += 4 * sizeof<W>();
    w1 += 4 * sizeof<W>();
    w2 += 4 * sizeof<W>();
    w3 += 4 * sizeof<W>();
  }
  let last = count - k;
  if (last) {
    let u = wideLast<X>(x, last), v = wideLast<X>(y, last), w = wideLast<W>(w0, last);
    a = f32x4.add(a, f32x4.mul(w, u));
    e = f32x4.add(e, f32x4.mul(w, v));
    w = wideLast<W>(w1, last);
    b = f32x4.add(b, f32x4.mul(w, u));
    f = f32x4.add(f, f32x4.mul(w, v));
    w = wideLast<W>(w2, last);
    c = f32x4.add(c, f32x4.mul(w, u));
    g = f32x4.add(g, f32x4.mul(w, v));
    w = wideLast<W>(w3, last);
    d = f32x4.add(d, f32x4.mul(w, u));
    h = f32x4.add(h, f32x4.mul(w, v));
  }
  v128.store(sums, across(a, b, c, d));
  v128.store(sums, across(e, f, g, h), 16);
}
