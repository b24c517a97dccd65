/**
 * @file Attention over a paged cache: a head of a token at a time, 64 places at a time, with a running maximum and sum (online softmax), so that there is
 * no limit to places. Scores and weights stay in float32; the sum over values is rounded once, behind the division.
 * Operands lie in the order of COMPUTE in src/engine/compute.ts.
 */
import { load4, load1 } from '../convert';
import { copy } from '../stage';
import { rows } from '../world';
import { dots1 } from './dots';
import { exp1, exp4 } from './exp';
import { narrow, padded, widenGroups } from './vectors';

/** Places that are done together; a multiple of 4. */
const TILE: u32 = 64;

@unmanaged
export class Attention {
  kernel: u32;
  out: usize;
  query: usize;
  queryRope: usize;
  keyCache: usize;
  valueCache: usize;
  positions: usize;
  rows: usize;
  tables: usize;
  scratch: usize;
  tokens: u32;
  heads: u32;
  kvHeads: u32;
  head: u32;
  rope: u32;
  valueHead: u32;
  pageSize: u32;
  pagesPerSequence: u32;
  places: u32;
  scale: f32;
}

export function attention(c: Attention): void {
  let keyHead = c.head + c.rope;
  let slots = rows;
  let weights = slots + (TILE << 2);
  // Inner products have room for eight where they put four.
  let sums = weights + ((TILE + 4) << 2);
  let query = sums + (padded(c.valueHead) << 2);
  let whole = query + (padded(keyHead) << 2);
  // Latent attention reads its values where the keys are.
  let values = c.valueCache ? c.valueCache : c.keyCache;
  let valueStride = c.valueCache ? c.valueHead : keyHead;
  for (let t: u32 = 0; t < c.tokens; t++) {
    let count = load<u32>(c.positions + (t << 2)) + 1;
    let table = c.tables + ((load<u32>(c.rows + (t << 2)) * c.pagesPerSequence) << 2);
    for (let h: u32 = 0; h < c.heads; h++) {
      let row = t * c.heads + h;
      copy(whole, c.query + ((row * c.head) << 1), c.head << 1);
      // The part for the last elements of keys.
      copy(whole + (c.head << 1), c.queryRope + ((row * c.rope) << 1), c.rope << 1);
      widenGroups<u16>(whole, query, keyHead);
      let kv = h * c.kvHeads / c.heads;
      let keys = c.keyCache + ((kv * keyHead) << 1);
      attend(
        table, c.pageSize, count, keys, (c.kvHeads * keyHead) << 1, values + ((kv * valueStride) << 1), (c.kvHeads * valueStride) << 1,
        query, keyHead, c.valueHead, c.scale, slots, weights, sums,
      );
      narrow(sums, c.out + ((row * c.valueHead) << 1), c.valueHead);
    }
  }
}

/** Places are done four at a time. */
// @ts-ignore: decorator
@inline
function quads(count: u32): u32 {
  return (count + 3) & ~3;
}

/** softmax(query by keys * scale) by values of places 0 to count - 1, to `sums`. Strides are bytes from place to place of a page. */
function attend(
  table: usize, pageSize: u32, count: u32, keys: usize, keyBytes: u32, values: usize, valueBytes: u32,
  query: usize, keyHead: u32, valueHead: u32, scale: f32, slots: usize, weights: usize, sums: usize,
): void {
  for (let i: u32 = 0; i < valueHead; i += 4) v128.store(sums + (i << 2), f32x4.splat(0));
  let most: f32 = -Infinity;
  let total: f32 = 0;
  let page = table, place: u32 = 0;
  for (let done: u32 = 0; done < count; done += TILE) {
    let n = min(TILE, count - done);
    for (let i: u32 = 0; i < n; i++) {
      store<u32>(slots + (i << 2), load<u32>(page) * pageSize + place);
      if (++place == pageSize) {
        place = 0;
        page += 4;
      }
    }
    let last = load<u32>(slots + ((n - 1) << 2));
    for (let i = n; i < quads(n); i++) store<u32>(slots + (i << 2), last);
    for (let i: u32 = 0; i < n; i += 4) {
      let s = slots + (i << 2);
      dots1<f32, u16>(
        weights + (i << 2), query, keys + load<u32>(s) * keyBytes, keys + load<u32>(s, 4) * keyBytes,
        keys + load<u32>(s, 8) * keyBytes, keys + load<u32>(s, 12) * keyBytes, keyHead,
      );
    }
    for (let i = n; i < quads(n); i++) store<f32>(weights + (i << 2), -Infinity);
    let larger = most;
    for (let i: u32 = 0; i < n; i++) {
      let score = load<f32>(weights + (i << 2)) * scale;
      store<f32>(weights + (i << 2), score);
      larger = max(larger, score);
    }
    // Where all are -Infinity so far, they count for nothing.
    let by = f32x4.splat(larger == -Infinity ? 0 : larger);
    let parts = f32x4.splat(0);
    for (let i: u32 = 0; i < n; i += 4) {
      let w = exp4(f32x4.sub(v128.load(weights + (i << 2)), by));
      v128.store(weights + (i << 2), w);
      parts = f32x4.add(parts, w);
    }
    let keep = most == larger ? f32(1) : exp1(most - larger);
    total = total * keep + (f32x4.extract_lane(parts, 0) + f32x4.extract_lane(parts, 1) + (f32x4.extract_lane(parts, 2) + f32x4.extract_lane(parts, 3)));
    addValues(sums, keep, weights, slots, n, values, valueBytes, valueHead);
    most = larger;
  }
  let d = f32x4.splat(total);
  for (let i: u32 = 0; i < valueHead; i += 4) v128.store(sums + (i << 2), f32x4.div(v128.load(sums + (i << 2)), d));
}

/** sums = sums * keep + the sum of weight * value over `count` places; 16, then 4 elements stay in registers over them. */
function addValues(
  sums: usize, keep: f32, weights: usize, slots: usize, count: u32, values: usize, valueBytes: u32, valueHead: u32,
): void {
  let k = f32x4.splat(keep);
  let i: u32 = 0;
  for (let whole = valueHead & ~15; i < whole; i += 16) {
    let p = sums + (i << 2), from = values + (i << 1);
    let a = f32x4.mul(v128.load(p), k);
    let b = f32x4.mul(v128.load(p, 16), k);
    let c = f32x4.mul(v128.load(p, 32), k);
    let d = f32x4.mul(v128.load(p, 48), k);
    for (let j: u32 = 0; j < count; j++) {
      let w = v128.load32_splat(weights + (j << 2));
      let q = from + load<u32>(slots + (j << 2)) * valueBytes;
      a = f32x4.add(a, f32x4.mul(load4<u16>(q, 0), w));
      b = f32x4.add(b, f32x4.mul(load4<u16>(q, 4), w));
      c = f32x4.add(c, f32x4.mul(load4<u16>(q, 8), w));
      d = f32x4.add(d, f32x4.mul(load4<u16>(q, 12), w));
    }
    v128.store(p, a);
    v128.store(p, b, 16);
    v128.store(p, c, 32);
    v128.store(p, d, 48);
  }
  for (; i < valueHead; i++) {
    let a = load<f32>(sums + (i << 2)) * keep;
    for (let j: u32 = 0; j < count; j++) {
      a += load1<u16>(values + (i << 1) + load<u32>(slots + (j << 2)) * valueBytes) * load<f32>(weights + (j << 2));
    }
    store<f32>(sums + (i << 2), a);
  }
}
