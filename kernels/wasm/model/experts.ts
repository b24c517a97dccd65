/**
 * @file Mixtures of experts around their products: which experts a token goes to, pairs by expert, and the weighted sum.
 * Operands lie in the order of COMPUTE in src/engine/compute.ts.
 */
import { load1, load4, store1, store8 } from '../convert';
import { rows } from '../world';
import { exp1, exp4 } from './exp';
import { selectLargest } from './select';
import { widen } from './vectors';

@unmanaged
export class Route {
  kernel: u32;
  weights: usize;
  experts: usize;
  logits: usize;
  tokens: u32;
  count: u32;
  choices: u32;
  normalize: u32;
  scale: f32;
}

export function route(c: Route): void {
  let values = rows, numbers = values + (c.choices << 2), logits = rows + (((2 * c.choices + 3) & ~3) << 2);
  for (let t: u32 = 0; t < c.tokens; t++) {
    let from = c.logits + ((t * c.count) << 1);
    // Logits have the order of their softmax.
    let found = selectLargest(from, c.count, c.choices, values, numbers);
    let most = load<f32>(values);
    widen(from, logits, c.count);
    let sum: f64 = 0;
    let i: u32 = 0;
    for (let whole = c.count & ~3; i < whole; i += 4) {
      let e = exp4(f32x4.sub(v128.load(logits + (i << 2)), f32x4.splat(most)));
      sum += f64(f32x4.extract_lane(e, 0)) + f64(f32x4.extract_lane(e, 1)) + f64(f32x4.extract_lane(e, 2)) + f64(f32x4.extract_lane(e, 3));
    }
    for (; i < c.count; i++) sum += f64(exp1(load<f32>(logits + (i << 2)) - most));
    let chosen: f64 = 0;
    for (let j: u32 = 0; j < found; j++) chosen += f64(exp1(load<f32>(values + (j << 2)) - most));
    // Divided by their sum, weights have no trace of the others but NaN.
    let by = c.normalize && sum == sum ? chosen : sum;
    let weights = c.weights + ((t * c.choices) << 2), experts = c.experts + ((t * c.choices) << 2);
    for (let j: u32 = 0; j < found; j++) {
      store<f32>(weights + (j << 2), f32(f64(exp1(load<f32>(values + (j << 2)) - most)) / by) * c.scale);
      store<u32>(experts + (j << 2), load<u32>(numbers + (j << 2)));
    }
  }
}

@unmanaged
export class GroupExperts {
  kernel: u32;
  order: usize;
  offsets: usize;
  experts: usize;
  tokens: u32;
  choices: u32;
  count: u32;
  start: u32;
}

/** A counting sort. While pairs are placed, offsets[e] is where the next pair of e goes, and in the end where e + 1 begins. */
export function groupExperts(c: GroupExperts): void {
  // Addresses may be absent where there are no tokens.
  if (!c.offsets) return;
  let pairs = c.tokens * c.choices;
  for (let e: u32 = 0; e <= c.count; e++) store<u32>(c.offsets + (e << 2), 0);
  for (let p: u32 = 0; p < pairs; p++) {
    let e = load<u32>(c.experts + (p << 2)) - c.start;
    if (e + 1 < c.count && e < c.count) store<u32>(c.offsets + (e << 2) + 4, load<u32>(c.offsets + (e << 2) + 4) + 1);
  }
  for (let e: u32 = 1; e < c.count; e++) {
    store<u32>(c.offsets + (e << 2), load<u32>(c.offsets + (e << 2)) + load<u32>(c.offsets + (e << 2) - 4));
  }
  for (let p: u32 = 0; p < pairs; p++) {
    let e = load<u32>(c.experts + (p << 2)) - c.start;
    if (e >= c.count) continue;
    let at = load<u32>(c.offsets + (e << 2));
    store<u32>(c.order + (at << 2), p);
    store<u32>(c.offsets + (e << 2), at + 1);
  }
  for (let e = c.count; e > 0; e--) store<u32>(c.offsets + (e << 2), load<u32>(c.offsets + (e << 2) - 4));
  store<u32>(c.offsets, 0);
}

@unmanaged
export class Combine {
  kernel: u32;
  out: usize;
  x: usize;
  weights: usize;
  experts: usize;
  tokens: u32;
  choices: u32;
  hidden: u32;
  start: u32;
  count: u32;
}

/** A token's row is summed eight columns at a time, so that sums stay in registers. */
export function combine(c: Combine): void {
  let bytes = c.hidden << 1;
  for (let t: u32 = 0; t < c.tokens; t++) {
    let x = c.x + t * c.choices * bytes, out = c.out + t * bytes;
    let weights = c.weights + ((t * c.choices) << 2), experts = c.experts + ((t * c.choices) << 2);
    let i: u32 = 0;
    for (let whole = c.hidden & ~7; i < whole; i += 8) {
      let a = f32x4.splat(0), b = a;
      for (let j: u32 = 0; j < c.choices; j++) {
        if (load<u32>(experts + (j << 2)) - c.start >= c.count) continue;
        let w = v128.load32_splat(weights + (j << 2));
        let p = x + j * bytes + (i << 1);
        a = f32x4.add(a, f32x4.mul(load4<u16>(p, 0), w));
        b = f32x4.add(b, f32x4.mul(load4<u16>(p, 4), w));
      }
      store8<u16>(out + (i << 1), 0, a, b);
    }
    for (; i < c.hidden; i++) {
      let a: f32 = 0;
      for (let j: u32 = 0; j < c.choices; j++) {
        if (load<u32>(experts + (j << 2)) - c.start >= c.count) continue;
        a += load1<u16>(x + j * bytes + (i << 1)) * load<f32>(weights + (j << 2));
      }
      store1<u16>(out + (i << 1), a);
    }
  }
}
