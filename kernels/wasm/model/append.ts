/**
 * @file What goes into a cache of keys and values: normed a head where asked, rotated, and written to the token's place in its page.
 * A head is float32 in scratch between the steps. Operands lie in the order of COMPUTE in src/engine/compute.ts.
 */
import { load1 } from '../convert';
import { SEGMENT, gatherRow, normRow, rstd } from '../rows';
import { copy } from '../stage';
import { rows } from '../world';
import { narrow, padded, widen } from './vectors';

/** bf16, as rows.ts has it. */
const BF16: u32 = 2;

@unmanaged
export class RotaryAppend {
  kernel: u32;
  queries: usize;
  keyCache: usize;
  valueCache: usize;
  qkv: usize;
  queryNorm: usize;
  keyNorm: usize;
  table: usize;
  positions: usize;
  rows: usize;
  tables: usize;
  tokens: u32;
  heads: u32;
  kvHeads: u32;
  head: u32;
  rotary: u32;
  pageSize: u32;
  pagesPerSequence: u32;
  epsilon: f32;
}

export function rotaryAppend(c: RotaryAppend): void {
  let bytes = c.head << 1;
  for (let t: u32 = 0; t < c.tokens; t++) {
    let position = load<u32>(c.positions + (t << 2));
    let turns = c.table + position * (c.rotary << 2);
    let from = c.qkv + t * (c.heads + 2 * c.kvHeads) * bytes;
    for (let h: u32 = 0; h < c.heads; h++, from += bytes) {
      fetch(from, c.queryNorm, c.head, c.epsilon);
      rotate(rows, turns, c.rotary);
      narrow(rows, c.queries + (t * c.heads + h) * bytes, c.head);
    }
    let slot = slotOf(c.tables, load<u32>(c.rows + (t << 2)), c.pagesPerSequence, c.pageSize, position) * c.kvHeads;
    for (let h: u32 = 0; h < c.kvHeads; h++, from += bytes) {
      fetch(from, c.keyNorm, c.head, c.epsilon);
      rotate(rows, turns, c.rotary);
      narrow(rows, c.keyCache + (slot + h) * bytes, c.head);
    }
    copy(c.valueCache + slot * bytes, from, c.kvHeads * bytes);
  }
}

@unmanaged
export class LatentAppend {
  kernel: u32;
  queries: usize;
  cache: usize;
  x: usize;
  kv: usize;
  norm: usize;
  table: usize;
  positions: usize;
  rows: usize;
  tables: usize;
  tokens: u32;
  heads: u32;
  latent: u32;
  rotary: u32;
  pageSize: u32;
  pagesPerSequence: u32;
  epsilon: f32;
}

export function latentAppend(c: LatentAppend): void {
  let bytes = c.rotary << 1, rowBytes = (c.latent + c.rotary) << 1;
  for (let t: u32 = 0; t < c.tokens; t++) {
    let position = load<u32>(c.positions + (t << 2));
    let turns = c.table + position * (c.rotary << 2);
    for (let h: u32 = 0; h < c.heads; h++) {
      let at = (t * c.heads + h) * bytes;
      fetchPairs(c.x + at, c.rotary);
      rotate(rows, turns, c.rotary);
      narrow(rows, c.queries + at, c.rotary);
    }
    let from = c.kv + t * rowBytes;
    let to = c.cache + slotOf(c.tables, load<u32>(c.rows + (t << 2)), c.pagesPerSequence, c.pageSize, position) * rowBytes;
    fetch(from, c.norm, c.latent, c.epsilon);
    narrow(rows, to, c.latent);
    fetchPairs(from + (c.latent << 1), c.rotary);
    rotate(rows, turns, c.rotary);
    narrow(rows, to + (c.latent << 1), c.rotary);
  }
}

/** Places in the cache before this one. */
function slotOf(tables: usize, row: u32, pagesPerSequence: u32, pageSize: u32, position: u32): u32 {
  return load<u32>(tables + ((row * pagesPerSequence + position / pageSize) << 2)) * pageSize + position % pageSize;
}

/** A row to scratch in float32, normed where there is a weight: the passes and the roundings of the kernel rms_norm. */
function fetch(from: usize, weight: usize, count: u32, epsilon: f32): void {
  if (!weight) {
    widen(from, rows, count);
    return;
  }
  let sums = rows + (padded(count) << 2);
  gatherRow(BF16, from, 0, 1, 0, 0, 0, 0, rows, sums, 0, count);
  let total: f64 = 0;
  for (let s: u32 = 0; s < (count + SEGMENT - 1) / SEGMENT; s++) total += f64(load<f32>(sums + (s << 2)));
  normRow(BF16, rows, rstd(total, count, epsilon), weight, 0, true, 0, 0, 0, true, 0, count);
}

/** Elements 2i and 2i + 1 of a row to i and i + count / 2 of scratch. */
function fetchPairs(from: usize, count: u32): void {
  let half = count >> 1;
  for (let i: u32 = 0; i < half; i++) {
    store<f32>(rows + (i << 2), load1<u16>(from + (i << 2)));
    store<f32>(rows + ((i + half) << 2), load1<u16>(from + (i << 2) + 2));
  }
}

/** Elements i and i + count / 2 by the i-th cosine and sine of `turns`. */
function rotate(x: usize, turns: usize, count: u32): void {
  let half = count >> 1;
  let y = x + (half << 2);
  let i: u32 = 0;
  for (let whole = half & ~3; i < whole; i += 4) {
    let p = x + (i << 2), q = y + (i << 2);
    let lo = v128.load(turns + (i << 3)), hi = v128.load(turns + (i << 3), 16);
    let cosine = v128.shuffle<i32>(lo, hi, 0, 2, 4, 6), sine = v128.shuffle<i32>(lo, hi, 1, 3, 5, 7);
    let a = v128.load(p), b = v128.load(q);
    v128.store(p, f32x4.sub(f32x4.mul(a, cosine), f32x4.mul(b, sine)));
    v128.store(q, f32x4.add(f32x4.mul(b, cosine), f32x4.mul(a, sine)));
  }
  for (; i < half; i++) {
    let cosine = load<f32>(turns + (i << 3)), sine = load<f32>(turns + (i << 3), 4);
    let a = load<f32>(x + (i << 2)), b = load<f32>(y + (i << 2));
    store<f32>(x + (i << 2), a * cosine - b * sine);
    store<f32>(y + (i << 2), b * cosine + a * sine);
  }
}
