/**
 * @file e^x of four float32, to about one unit in the last place: x = n ln 2 + r, a polynomial in r (Cephes' expf), times 2^n.
 * The standard library's has a table in static data, which this module has none of.
 */

/** NaN stays NaN; from -104 down the result is 0, from 89 up Infinity. */
// @ts-ignore: decorator
@inline
export function exp4(value: v128): v128 {
  // pmin and pmax give their first operand when it is NaN.
  let x = f32x4.pmax(f32x4.pmin(value, f32x4.splat(89)), f32x4.splat(-104));
  let n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)));
  // ln 2 in two pieces; the first has 9 bits, so that its product with n is exact.
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(n, f32x4.splat(2.12194440e-4)));
  let y = f32x4.add(f32x4.mul(r, f32x4.splat(1.9875691500e-4)), f32x4.splat(1.3981999507e-3));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(8.3334519073e-3));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(4.1665795894e-2));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.6666665459e-1));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(5.0000001201e-1));
  y = f32x4.add(f32x4.add(f32x4.mul(y, f32x4.mul(r, r)), r), f32x4.splat(1));
  // In two steps, since 2^n may be no normal float32 where the result is one.
  let whole = i32x4.trunc_sat_f32x4_s(n);
  let half = i32x4.shr_s(whole, 1);
  y = f32x4.mul(y, power(half));
  return f32x4.mul(y, power(i32x4.sub(whole, half)));
}

/** 2^n, from -126 to 127. */
// @ts-ignore: decorator
@inline
function power(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}
