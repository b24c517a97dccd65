/**
 * @file Elements to float32 and back, four at a time and one at a time; the two give the same bits.
 *
 * `K` stands for the dtype: f32 for f32, i16 for f16, u16 for bf16. A type and not a value, because the compiler decides on types
 * while it compiles; with values it folds the code of all dtypes back into one and tests the dtype in the innermost loop.
 * Rounding is to nearest even, once, here. NaN becomes the canonical quiet NaN in f16 (0x7e00) and bf16 (0x7fc0);
 * f32 is left as it is.
 */

/** Codes of the dtypes in commands. */
export const F32: u32 = 0;
export const F16: u32 = 1;

/** log2 of the bytes of an element, by code. */
// @ts-ignore: decorator
@inline
export function shiftOf(dtype: u32): u32 {
  return dtype == F32 ? 2 : 1;
}

/** log2 of the bytes of an element. */
// @ts-ignore: decorator
@inline
export function shift<K>(): u32 {
  return isFloat<K>() ? 2 : 1;
}

/** Four f16 in the low halves of four lanes -> float32. Times 2^112 moves the exponent and normalizes subnormals exactly. */
// @ts-ignore: decorator
@inline
function widenF16(x: v128): v128 {
  let magnitude = v128.and(x, i32x4.splat(0x7fff));
  let sign = i32x4.shl(v128.and(x, i32x4.splat(0x8000)), 16);
  let scaled = f32x4.mul(i32x4.shl(magnitude, 13), i32x4.splat(0x77800000));
  let special = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x7bff)), i32x4.splat(0x7f800000));
  return v128.or(v128.or(scaled, special), sign);
}

/** float32 -> f16 bits in the low halves of four lanes. Subnormals are rounded by the adder: 0.5 has their unit in its last place. */
// @ts-ignore: decorator
@inline
function narrowF16(x: v128): v128 {
  let sign = v128.and(x, i32x4.splat(0x80000000));
  let a = v128.xor(x, sign);
  let odd = v128.and(i32x4.shr_u(a, 13), i32x4.splat(1));
  let normal = i32x4.shr_u(i32x4.add(i32x4.add(a, i32x4.splat(0xc8000fff)), odd), 13);
  let small = i32x4.sub(f32x4.add(a, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  let r = v128.bitselect(small, normal, i32x4.lt_s(a, i32x4.splat(0x38800000)));
  r = v128.bitselect(i32x4.splat(0x7c00), r, i32x4.gt_s(a, i32x4.splat(0x477fffff)));
  r = v128.or(r, i32x4.shr_u(sign, 16));
  return v128.bitselect(i32x4.splat(0x7e00), r, i32x4.gt_s(a, i32x4.splat(0x7f800000)));
}

/** float32 rounded to f16 and still float32: what widening the narrowed value gives, in half the instructions. */
// @ts-ignore: decorator
@inline
function roundF16(x: v128): v128 {
  let sign = v128.and(x, i32x4.splat(0x80000000));
  let a = v128.xor(x, sign);
  let odd = v128.and(i32x4.shr_u(a, 13), i32x4.splat(1));
  let normal = v128.and(i32x4.add(i32x4.add(a, i32x4.splat(0xfff)), odd), i32x4.splat(0xffffe000));
  let small = f32x4.sub(f32x4.add(a, f32x4.splat(0.5)), f32x4.splat(0.5));
  let r = v128.bitselect(small, normal, i32x4.lt_s(a, i32x4.splat(0x38800000)));
  r = v128.bitselect(i32x4.splat(0x7f800000), r, i32x4.gt_s(normal, i32x4.splat(0x477fffff)));
  return v128.bitselect(i32x4.splat(0x7fc00000), v128.or(r, sign), i32x4.gt_s(a, i32x4.splat(0x7f800000)));
}

/** float32 rounded to bf16, still in the upper halves of four lanes. */
// @ts-ignore: decorator
@inline
function roundBF16(x: v128): v128 {
  let odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  let r = i32x4.add(i32x4.add(x, i32x4.splat(0x7fff)), odd);
  return v128.bitselect(r, i32x4.splat(0x7fc00000), f32x4.eq(x, x));
}

// Offsets as immediates of the instruction: V8 folds those into the address, and adds computed ones separately. They must be
// literals, hence the lists.

// @ts-ignore: decorator
@inline
function load16(p: usize, offset: usize): v128 {
  if (offset == 0) return v128.load(p);
  if (offset == 16) return v128.load(p, 16);
  if (offset == 32) return v128.load(p, 32);
  if (offset == 48) return v128.load(p, 48);
  return v128.load(p + offset);
}

// @ts-ignore: decorator
@inline
function extend8(p: usize, offset: usize): v128 {
  if (offset == 0) return v128.load_ext<u16>(p);
  if (offset == 8) return v128.load_ext<u16>(p, 8);
  if (offset == 16) return v128.load_ext<u16>(p, 16);
  if (offset == 24) return v128.load_ext<u16>(p, 24);
  return v128.load_ext<u16>(p + offset);
}

// @ts-ignore: decorator
@inline
function store16(p: usize, offset: usize, x: v128): void {
  if (offset == 0) v128.store(p, x);
  else if (offset == 16) v128.store(p, x, 16);
  else if (offset == 32) v128.store(p, x, 32);
  else if (offset == 48) v128.store(p, x, 48);
  else v128.store(p + offset, x);
}

/** Elements `i` to `i + 3` at `p` as float32; `i` is a constant. */
// @ts-ignore: decorator
@inline
export function load4<K>(p: usize, i: usize): v128 {
  if (isFloat<K>()) return load16(p, i << 2);
  let x = extend8(p, i << 1);
  if (!isSigned<K>()) return i32x4.shl(x, 16);
  return widenF16(x);
}

/** Rounds eight float32 to the dtype and stores them as elements `i` to `i + 7` at `p`. */
// @ts-ignore: decorator
@inline
export function store8<K>(p: usize, i: usize, lo: v128, hi: v128): void {
  if (isFloat<K>()) {
    store16(p, i << 2, lo);
    store16(p, (i << 2) + 16, hi);
  } else store16(p, i << 1, pack8<K>(lo, hi));
}

/** Eight float32 as eight 16-bit elements. */
// @ts-ignore: decorator
@inline
export function pack8<K>(lo: v128, hi: v128): v128 {
  if (!isSigned<K>()) {
    return i16x8.narrow_i32x4_u(i32x4.shr_u(roundBF16(lo), 16), i32x4.shr_u(roundBF16(hi), 16));
  }
  return i16x8.narrow_i32x4_u(narrowF16(lo), narrowF16(hi));
}

/** The value of four float32 after rounding to the dtype, as float32. */
// @ts-ignore: decorator
@inline
export function round4<K>(x: v128): v128 {
  if (isFloat<K>()) return x;
  if (!isSigned<K>()) return v128.and(roundBF16(x), i32x4.splat(0xffff0000));
  return roundF16(x);
}

/** Stores eight float32 that `round4` has rounded already: nothing is left to round. */
// @ts-ignore: decorator
@inline
export function storeRounded8<K>(p: usize, i: usize, lo: v128, hi: v128): void {
  // Neither float nor signed: bf16.
  if (!isFloat<K>() && !isSigned<K>()) {
    store16(p, i << 1, i16x8.narrow_i32x4_u(i32x4.shr_u(lo, 16), i32x4.shr_u(hi, 16)));
  } else store8<K>(p, i, lo, hi);
}

/** One element as float32. */
// @ts-ignore: decorator
@inline
export function load1<K>(p: usize): f32 {
  if (isFloat<K>()) return load<f32>(p);
  let x = i32x4.splat(load<u16>(p));
  if (!isSigned<K>()) return f32x4.extract_lane(i32x4.shl(x, 16), 0);
  return f32x4.extract_lane(widenF16(x), 0);
}

/** Rounds one float32 to the dtype and stores it. */
// @ts-ignore: decorator
@inline
export function store1<K>(p: usize, value: f32): void {
  if (isFloat<K>()) store<f32>(p, value);
  else if (!isSigned<K>()) store<u16>(p, u16(i32x4.extract_lane(i32x4.shr_u(roundBF16(f32x4.splat(value)), 16), 0)));
  else store<u16>(p, u16(i32x4.extract_lane(narrowF16(f32x4.splat(value)), 0)));
}

/** The value of one float32 after rounding to the dtype. */
// @ts-ignore: decorator
@inline
export function round1<K>(value: f32): f32 {
  if (isFloat<K>()) return value;
  return f32x4.extract_lane(round4<K>(f32x4.splat(value)), 0);
}
