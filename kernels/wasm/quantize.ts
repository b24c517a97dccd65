/**
 * @file float32 -> f8e4m3, i8 and e2m1 (FP4), with the roundings of the hardware conversions: to nearest even, saturating, NaN kept.
 * Rows are float32, 16 elements are handled at a time, and each result goes to all of `outputs` destinations.
 *
 * Magnitudes are compared as integers: for floats without a sign the order is the same, NaN is the largest, and it is one instruction
 * where WebAssembly's float maximum is seven.
 */
import { F8_TOKEN, I8_TOKEN, NVFP4 } from './command';

/** Four float32 -> e4m3 bits in four lanes. Saturates at 448 (infinities too); subnormals are rounded by the adder: 2^14 has their unit last. */
// @ts-ignore: decorator
@inline
function narrowF8(x: v128): v128 {
  let sign = v128.and(x, i32x4.splat(0x80000000));
  let a = i32x4.min_s(v128.xor(x, sign), i32x4.splat(0x43e00000));
  let odd = v128.and(i32x4.shr_u(a, 20), i32x4.splat(1));
  let normal = i32x4.shr_u(i32x4.add(i32x4.sub(i32x4.add(a, i32x4.splat(0x7ffff)), i32x4.splat(0x3c000000)), odd), 20);
  let small = i32x4.sub(f32x4.add(a, f32x4.splat(16384)), i32x4.splat(0x46800000));
  let r = v128.bitselect(small, normal, f32x4.lt(a, f32x4.splat(0.015625)));
  r = v128.or(r, i32x4.shr_u(sign, 24));
  return v128.bitselect(r, i32x4.splat(0x7f), f32x4.eq(x, x));
}

/** Four float32 -> i8 bits in four lanes: to nearest even, saturating at -128 and 127, NaN to 0. */
// @ts-ignore: decorator
@inline
function narrowI8(x: v128): v128 {
  let r = i32x4.trunc_sat_f32x4_s(f32x4.nearest(x));
  return v128.and(i32x4.min_s(i32x4.max_s(r, i32x4.splat(-128)), i32x4.splat(127)), i32x4.splat(0xff));
}

/** Four float32 -> e2m1 bits in four lanes: 0, 0.5, 1, 1.5, 2, 3, 4, 6; ties go to the even code; NaN to +6. */
// @ts-ignore: decorator
@inline
function narrowE2M1(x: v128): v128 {
  let a = f32x4.abs(x);
  let r = i32x4.splat(0);
  r = i32x4.sub(r, f32x4.gt(a, f32x4.splat(0.25)));
  r = i32x4.sub(r, f32x4.ge(a, f32x4.splat(0.75)));
  r = i32x4.sub(r, f32x4.gt(a, f32x4.splat(1.25)));
  r = i32x4.sub(r, f32x4.ge(a, f32x4.splat(1.75)));
  r = i32x4.sub(r, f32x4.gt(a, f32x4.splat(2.5)));
  r = i32x4.sub(r, f32x4.ge(a, f32x4.splat(3.5)));
  r = i32x4.sub(r, f32x4.gt(a, f32x4.splat(5)));
  r = v128.or(r, i32x4.shr_u(v128.and(x, i32x4.splat(0x80000000)), 28));
  return v128.bitselect(r, i32x4.splat(7), f32x4.eq(x, x));
}

// @ts-ignore: decorator
@inline
function pack16(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(a, b), i16x8.narrow_i32x4_u(c, d));
}

/** `Q` is i8 for i8 and u8 for f8e4m3; a type for the reason that convert.ts gives for dtypes. */
// @ts-ignore: decorator
@inline
function narrow<Q>(x: v128): v128 {
  if (isSigned<Q>()) return narrowI8(x);
  return narrowF8(x);
}

/** Value * (1 / scale) -> one byte each. The reciprocal and the product are rounded in float32, then the conversion rounds. */
function bytesAs<Q>(row: usize, scale: f32, output: usize, outputStride: usize, outputs: u32, count: u32): void {
  let by = f32x4.splat(1 / scale);
  let i: u32 = 0;
  for (let whole = count & ~15; i < whole; i += 16) {
    let p = row + (i << 2);
    let bytes = pack16(
      narrow<Q>(f32x4.mul(v128.load(p), by)),
      narrow<Q>(f32x4.mul(v128.load(p, 16), by)),
      narrow<Q>(f32x4.mul(v128.load(p, 32), by)),
      narrow<Q>(f32x4.mul(v128.load(p, 48), by)),
    );
    let q = output + i;
    for (let r: u32 = 0; r < outputs; r++) {
      v128.store(q, bytes);
      q += outputStride;
    }
  }
  for (; i < count; i++) {
    let byte = u8(i32x4.extract_lane(narrow<Q>(f32x4.mul(f32x4.splat(load<f32>(row + (i << 2))), by)), 0));
    let q = output + i;
    for (let r: u32 = 0; r < outputs; r++) {
      store<u8>(q, byte);
      q += outputStride;
    }
  }
}

// @ts-ignore: decorator
@inline
function magnitude(x: v128): v128 {
  return v128.and(x, i32x4.splat(0x7fffffff));
}

/** Largest magnitude of four vectors; NaN wins. */
// @ts-ignore: decorator
@inline
function amax16(a: v128, b: v128, c: v128, d: v128): f32 {
  return largest(i32x4.max_s(i32x4.max_s(magnitude(a), magnitude(b)), i32x4.max_s(magnitude(c), magnitude(d))));
}

/** Largest of four magnitudes. */
// @ts-ignore: decorator
@inline
function largest(m: v128): f32 {
  let pairs = i32x4.max_s(m, v128.shuffle<i32>(m, m, 2, 3, 0, 1));
  return f32x4.extract_lane(i32x4.max_s(pairs, v128.shuffle<i32>(pairs, pairs, 1, 0, 3, 2)), 0);
}

/** The value of e4m3 bits. */
// @ts-ignore: decorator
@inline
function widenF8(bits: u32): f32 {
  if ((bits & 0x7f) == 0x7f) return NaN;
  let mantissa = f32(bits & 7);
  let exponent = (bits >> 3) & 15;
  return exponent == 0 ? mantissa * 0.001953125 : (8 + mantissa) * reinterpret<f32>((exponent + 117) << 23);
}

/**
 * NVFP4: for each 16 elements a scale e4m3(amax / 6 * globalScale), and elements e2m1(x * globalScale / scale).
 * A block whose scale rounds to zero is all zeros.
 */
function nvfp4(
  row: usize, globalScale: f32, output: usize, scaleOut: usize, outputStride: usize, outputs: u32, count: u32,
): void {
  for (let i: u32 = 0; i < count; i += 16) {
    let p = row + (i << 2);
    let a = v128.load(p), b = v128.load(p, 16), c = v128.load(p, 32), d = v128.load(p, 48);
    let scaleBits = u32(i32x4.extract_lane(narrowF8(f32x4.splat((amax16(a, b, c, d) / 6) * globalScale)), 0));
    let scale = widenF8(scaleBits);
    let by = f32x4.splat(scale == 0 ? 0 : globalScale / scale);
    let bytes = pack16(
      narrowE2M1(f32x4.mul(a, by)), narrowE2M1(f32x4.mul(b, by)), narrowE2M1(f32x4.mul(c, by)), narrowE2M1(f32x4.mul(d, by)),
    );
    // Two nibbles a byte, the lower index in the low one: byte 2k | byte 2k+1 << 4.
    let pairs = v128.or(v128.and(bytes, i16x8.splat(0xff)), i16x8.shr_u(bytes, 4));
    let packed = i8x16.narrow_i16x8_u(v128.and(pairs, i16x8.splat(0xff)), i16x8.splat(0));
    let q = output + (i >> 1), s = scaleOut + (i >> 4);
    for (let r: u32 = 0; r < outputs; r++) {
      store<u64>(q, i64x2.extract_lane(packed, 0));
      store<u8>(s, u8(scaleBits));
      q += outputStride;
      s += outputStride;
    }
  }
}

/** Largest magnitude in a row of float32; NaN wins. */
export function amaxOf(row: usize, count: u32): f32 {
  let a = i32x4.splat(0), b = a, c = a, d = a;
  let i: u32 = 0;
  for (let whole = count & ~15; i < whole; i += 16) {
    let p = row + (i << 2);
    a = i32x4.max_s(a, magnitude(v128.load(p)));
    b = i32x4.max_s(b, magnitude(v128.load(p, 16)));
    c = i32x4.max_s(c, magnitude(v128.load(p, 32)));
    d = i32x4.max_s(d, magnitude(v128.load(p, 48)));
  }
  let r = amax16(a, b, c, d);
  for (; i < count; i++) r = max(r, abs(load<f32>(row + (i << 2))));
  return r;
}

/** The scale of a token whose largest magnitude is `amax`: 1 for zeros, and never less than 2^-126, so that its reciprocal is finite. */
export function tokenScale(mode: u32, amax: f32): f32 {
  if (amax == 0) return 1;
  return max(amax / (mode == I8_TOKEN ? 127 : 448), f32.MIN_NORMAL_VALUE);
}

/**
 * Quantizes `count` float32 of a row, which start at element `at` of it (a multiple of 128).
 * `scale` is the token's or the caller's scale, or NVFP4's global scale; `quantOut` and `scaleOut` belong to the whole row.
 */
export function quantizeRow(
  mode: u32, row: usize, at: u32, scale: f32, quantOut: usize, scaleOut: usize, outputStride: usize, outputs: u32, count: u32,
): void {
  if (mode == NVFP4) nvfp4(row, scale, quantOut + (at >> 1), scaleOut + (at >> 4), outputStride, outputs, count);
  else if (mode == I8_TOKEN) bytesAs<i8>(row, scale, quantOut + at, outputStride, outputs, count);
  else bytesAs<u8>(row, scale, quantOut + at, outputStride, outputs, count);
  if (at == 0 && (mode == F8_TOKEN || mode == I8_TOKEN)) {
    let s = scaleOut;
    for (let r: u32 = 0; r < outputs; r++) {
      store<f32>(s, scale);
      s += outputStride;
    }
  }
}
