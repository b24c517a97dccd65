/**
 * @file Elements to float32, eight at a time, as even and odd ones: of eight bf16 in a vector those are a shift and a mask, and inner products do not
 * care for the order. Float32 in scratch lies in groups of eight, too, the even ones first. And rows to float32 and back in their own order.
 */
import { load1, load4, store1, store8 } from '../convert';

/** Float32 elements that a stretch of scratch has for `count`: whole groups. */
// @ts-ignore: decorator
@inline
export function padded(count: u32): u32 {
  return (count + 7) & ~7;
}

/** Four f8e4m3 -> float32. Subnormals are made with an implicit bit and lose it by a subtraction; 0x7f is NaN. */
// @ts-ignore: decorator
@inline
function widenF8(codes: v128): v128 {
  let m = v128.and(codes, i32x4.splat(0x7f));
  let sign = i32x4.shl(v128.and(codes, i32x4.splat(0x80)), 24);
  let small = i32x4.lt_s(m, i32x4.splat(8));
  // An exponent of 0 stands for the same power of two as 1 does; `small` is -1 there.
  let bits = i32x4.add(i32x4.shl(m, 20), i32x4.splat(120 << 23));
  bits = i32x4.sub(bits, i32x4.shl(small, 23));
  let value = f32x4.sub(bits, v128.and(small, f32x4.splat(0.015625)));
  value = v128.or(value, v128.and(i32x4.eq(m, i32x4.splat(0x7f)), i32x4.splat(0x7fc00000)));
  return v128.or(value, sign);
}

/** Eight f8e4m3, zero-extended to 16 bits. */
// @ts-ignore: decorator
@inline
function codes8(p: usize): v128 {
  return v128.load_ext<u8>(p);
}

/** Of the eight elements at `p`, or the group there, the even ones. K is f32 for a group in scratch, u16 for bf16, u8 for f8e4m3. */
// @ts-ignore: decorator
@inline
export function even4<K>(p: usize): v128 {
  if (isFloat<K>()) return v128.load(p);
  if (sizeof<K>() == 2) return i32x4.shl(v128.load(p), 16);
  return widenF8(v128.and(codes8(p), i32x4.splat(0xffff)));
}

/** And the odd ones. */
// @ts-ignore: decorator
@inline
export function odd4<K>(p: usize): v128 {
  if (isFloat<K>()) return v128.load(p, 16);
  if (sizeof<K>() == 2) return v128.and(v128.load(p), i32x4.splat(0xffff0000));
  return widenF8(i32x4.shr_u(codes8(p), 16));
}

// @ts-ignore: decorator
@inline
function value<K>(p: usize): f32 {
  if (sizeof<K>() == 2) return load1<u16>(p);
  return f32x4.extract_lane(widenF8(i32x4.splat(load<u8>(p))), 0);
}

/** The last `count` elements of a row, 1 to 7, as a group with zeros behind them. */
export function lastGroup<K>(p: usize, to: usize, count: u32): void {
  v128.store(to, f32x4.splat(0));
  v128.store(to, f32x4.splat(0), 16);
  for (let i: u32 = 0; i < count; i++) store<f32>(to + ((i >> 1) << 2) + ((i & 1) << 4), value<K>(p + i * sizeof<K>()));
}

/** `count` elements -> groups of float32. */
export function widenGroups<K>(from: usize, to: usize, count: u32): void {
  let i: u32 = 0;
  for (let whole = count & ~7; i < whole; i += 8) {
    let p = from + i * sizeof<K>(), q = to + (i << 2);
    v128.store(q, even4<K>(p));
    v128.store(q, odd4<K>(p), 16);
  }
  if (i < count) lastGroup<K>(from + i * sizeof<K>(), to + (i << 2), count - i);
}

/** `count` bf16 -> float32, in their order. */
export function widen(from: usize, to: usize, count: u32): void {
  let i: u32 = 0;
  for (let whole = count & ~7; i < whole; i += 8) {
    let p = from + (i << 1), q = to + (i << 2);
    v128.store(q, load4<u16>(p, 0));
    v128.store(q, load4<u16>(p, 4), 16);
  }
  for (; i < count; i++) store<f32>(to + (i << 2), load1<u16>(from + (i << 1)));
}

/** `count` float32 -> bf16. */
export function narrow(from: usize, to: usize, count: u32): void {
  let i: u32 = 0;
  for (let whole = count & ~7; i < whole; i += 8) {
    let p = from + (i << 2);
    store8<u16>(to + (i << 1), 0, v128.load(p), v128.load(p, 16));
  }
  for (; i < count; i++) store1<u16>(to + (i << 1), load<f32>(from + (i << 2)));
}
