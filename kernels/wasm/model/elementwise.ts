/**
 * @file Rows of the embedding, the gate of the feed-forward layer, and random weights. Operands lie in the order of COMPUTE in src/engine/compute.ts.
 */
import { load1, load4, store1, store8 } from '../convert';
import { copy } from '../stage';
import { exp4 } from './exp';

@unmanaged
export class Embedding {
  kernel: u32;
  out: usize;
  table: usize;
  ids: usize;
  tokens: u32;
  hidden: u32;
  rows: u32;
  start: u32;
}

export function embedding(c: Embedding): void {
  let bytes = c.hidden << 1;
  for (let t: u32 = 0; t < c.tokens; t++) {
    let row = load<u32>(c.ids + (t << 2)) - c.start;
    if (row < c.rows) copy(c.out + t * bytes, c.table + row * bytes, bytes);
    else memory.fill(c.out + t * bytes, 0, bytes);
  }
}

/** x / (1 + e^-x), by e^-|x|: a large negative x then has a small result and not 0. */
// @ts-ignore: decorator
@inline
function silu4(x: v128): v128 {
  let e = exp4(v128.or(x, i32x4.splat(0x80000000)));
  let above = v128.bitselect(e, f32x4.splat(1), i32x4.shr_s(x, 31));
  return f32x4.mul(x, f32x4.div(above, f32x4.add(f32x4.splat(1), e)));
}

@unmanaged
export class SiluGate {
  kernel: u32;
  out: usize;
  x: usize;
  tokens: u32;
  inner: u32;
}

export function siluGate(c: SiluGate): void {
  let bytes = c.inner << 1;
  for (let t: u32 = 0; t < c.tokens; t++) {
    let x = c.x + 2 * t * bytes, out = c.out + t * bytes;
    let y = x + bytes;
    let i: u32 = 0;
    for (let whole = c.inner & ~7; i < whole; i += 8) {
      let at = i << 1;
      let lo = f32x4.mul(silu4(load4<u16>(x + at, 0)), load4<u16>(y + at, 0));
      store8<u16>(out + at, 0, lo, f32x4.mul(silu4(load4<u16>(x + at, 4)), load4<u16>(y + at, 4)));
    }
    for (; i < c.inner; i++) {
      let at = i << 1;
      store1<u16>(out + at, f32x4.extract_lane(silu4(f32x4.splat(load1<u16>(x + at))), 0) * load1<u16>(y + at));
    }
  }
}

@unmanaged
export class Fill {
  kernel: u32;
  out: usize;
  rows: u32;
  columns: u32;
  wholeColumns: u32;
  row: u32;
  column: u32;
  seed: u32;
  scale: f32;
}

// @ts-ignore: decorator
@inline
function mix(x: u32): u32 {
  let h = (x ^ (x >>> 16)) * 0x85ebca6b;
  h = (h ^ (h >>> 13)) * 0xc2b2ae35;
  return h ^ (h >>> 16);
}

// @ts-ignore: decorator
@inline
function mix4(x: v128): v128 {
  let h = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 16)), i32x4.splat(0x85ebca6b));
  h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 13)), i32x4.splat(0xc2b2ae35));
  return v128.xor(h, i32x4.shr_u(h, 16));
}

/** Elements by the lower and the upper halves of their numbers: randomWeight of src/engine/compute-random.ts. */
// @ts-ignore: decorator
@inline
function random4(low: v128, high: v128, seed: v128, scale: v128): v128 {
  let bits = mix4(v128.xor(mix4(v128.xor(seed, low)), high));
  // 24 bits, less 2^23: exact, and so is the product with a power of two.
  let whole = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(bits, 8), i32x4.splat(1 << 23)));
  return f32x4.mul(f32x4.mul(whole, f32x4.splat(1.1920928955078125e-7)), scale);
}

/** Numbers of elements are 64 bits; four neighbours may lie on both sides of a multiple of 2^32. */
export function fill(c: Fill): void {
  let seed = i32x4.splat(mix(c.seed)), scale = f32x4.splat(c.scale);
  for (let r: u32 = 0; r < c.rows; r++) {
    let out = c.out + ((r * c.columns) << 1);
    let first = (u64(c.row) + u64(r)) * u64(c.wholeColumns) + u64(c.column);
    for (let i: u32 = 0; i < c.columns; i += 8) {
      let a = first + u64(i), b = a + 4;
      let x = random4(lowOf(a), highOf(a), seed, scale), y = random4(lowOf(b), highOf(b), seed, scale);
      if (i + 8 <= c.columns) store8<u16>(out + (i << 1), 0, x, y);
      else storeFirst(out + (i << 1), x, y, c.columns - i);
    }
  }
}

// @ts-ignore: decorator
@inline
function lowOf(index: u64): v128 {
  return i32x4.add(i32x4.splat(i32(index)), i32x4(0, 1, 2, 3));
}

// @ts-ignore: decorator
@inline
function highOf(index: u64): v128 {
  // A lane whose lower half is less than the first one's has carried over: -1.
  let low = i32x4.splat(i32(index));
  return i32x4.sub(i32x4.splat(i32(index >> 32)), i32x4.lt_u(lowOf(index), low));
}

/** The first `count` of eight elements. */
function storeFirst(to: usize, x: v128, y: v128, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store1<u16>(to + (i << 1), f32x4.extract_lane(x, 0));
    // The next one to the front.
    x = i == 3 ? y : v128.shuffle<i32>(x, x, 1, 2, 3, 0);
  }
}
