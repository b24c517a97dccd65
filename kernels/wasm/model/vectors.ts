/**
 * @file Rows of bf16 to float32 and back, of any length, and f8e4m3 to float32.
 */
import { load1, load4, store1, store8 } from '../convert';

/** float32 in memory as a stretch of scratch holds them: rows begin at multiples of 16 bytes. */
// @ts-ignore: decorator
@inline
export function padded(count: u32): u32 {
  return (count + 3) & ~3;
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

/** Elements `i` to `i + 3` at `p` as float32, as load4 of convert.ts; `K` may be u8 for f8e4m3, too. `i` is a constant. */
// @ts-ignore: decorator
@inline
export function wide4<K>(p: usize, i: usize): v128 {
  if (sizeof<K>() > 1) return load4<K>(p, i);
  return widenF8(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load_zero<u32>(p + i))));
}

/** One element as float32. */
// @ts-ignore: decorator
@inline
export function wide1<K>(p: usize): f32 {
  if (sizeof<K>() > 1) return load1<K>(p);
  return f32x4.extract_lane(widenF8(i32x4.splat(load<u8>(p))), 0);
}

/** The last `count` elements of a row, 1 to 3, with zeros behind them. */
// @ts-ignore: decorator
@inline
export function wideLast<K>(p: usize, count: u32): v128 {
  let x = f32x4.replace_lane(f32x4.splat(0), 0, wide1<K>(p));
  if (count > 1) x = f32x4.replace_lane(x, 1, wide1<K>(p + sizeof<K>()));
  if (count > 2) x = f32x4.replace_lane(x, 2, wide1<K>(p + 2 * sizeof<K>()));
  return x;
}

/** `count` elements -> float32, with zeros up to a multiple of 4. `to` has room for them. */
export function widen<K>(from: usize, to: usize, count: u32): void {
  let i: u32 = 0;
  for (let whole = count & ~7; i < whole; i += 8) {
    let p = from + i * sizeof<K>(), q = to + (i << 2);
    v128.store(q, wide4<K>(p, 0));
    v128.store(q, wide4<K>(p, 4), 16);
  }
  for (let whole = count & ~3; i < whole; i += 4) v128.store(to + (i << 2), wide4<K>(from + i * sizeof<K>(), 0));
  if (i < count) v128.store(to + (i << 2), wideLast<K>(from + i * sizeof<K>(), count - i));
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
