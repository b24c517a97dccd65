/**
 * @file From logits to the next token, and on to the next step. Operands lie in the order of COMPUTE in src/engine/compute.ts.
 */
import { rows } from '../world';
import { exp1 } from './exp';
import { CHOICES, keyOf, selectLargest } from './select';

@unmanaged
export class TopK {
  kernel: u32;
  out: usize;
  x: usize;
  scratch: usize;
  tokens: u32;
  vocabulary: u32;
  choices: u32;
  start: u32;
}

export function topK(c: TopK): void {
  let values = rows, numbers = values + (CHOICES << 2);
  for (let t: u32 = 0; t < c.tokens; t++) {
    let found = selectLargest(c.x + ((t * c.vocabulary) << 1), c.vocabulary, c.choices, values, numbers);
    for (let j: u32 = 0; j < c.choices; j++) {
      let to = c.out + ((t * c.choices + j) << 3);
      store<f32>(to, j < found ? load<f32>(values + (j << 2)) : -Infinity);
      store<f32>(to, j < found ? f32(load<u32>(numbers + (j << 2)) + c.start) : -1, 4);
    }
  }
}

@unmanaged
export class Sample {
  kernel: u32;
  out: usize;
  candidates: usize;
  temperatures: usize;
  uniforms: usize;
  tokens: u32;
  ranks: u32;
  choices: u32;
}

export function sample(c: Sample): void {
  let values = rows, numbers = values + (CHOICES << 2);
  for (let t: u32 = 0; t < c.tokens; t++) {
    let found: u32 = 0;
    for (let r: u32 = 0; r < c.ranks; r++) {
      let from = c.candidates + (((r * c.tokens + t) * c.choices) << 3);
      for (let j: u32 = 0; j < c.choices; j++, from += 8) {
        let number = load<f32>(from, 4);
        // What fills up where a rank has fewer than choices.
        if (number < 0) continue;
        found = insertByNumber(load<f32>(from), u32(number), values, numbers, found, c.choices);
      }
    }
    let temperature = load<f32>(c.temperatures + (t << 2));
    let at = found && temperature > 0 ? draw(values, found, temperature, load<f32>(c.uniforms + (t << 2))) : 0;
    store<i32>(c.out + (t << 2), found ? load<i32>(numbers + (at << 2)) : -1);
  }
}

/** `insert` for numbers that do not come in order: among equals the lower one goes first. */
function insertByNumber(value: f32, number: u32, values: usize, numbers: usize, found: u32, most: u32): u32 {
  let key = keyOf(value);
  let at = found;
  for (; at > 0; at--) {
    let before = keyOf(load<f32>(values + (at << 2) - 4));
    if (before > key || (before == key && load<u32>(numbers + (at << 2) - 4) < number)) break;
    if (at == most) continue;
    store<f32>(values + (at << 2), load<f32>(values + (at << 2) - 4));
    store<u32>(numbers + (at << 2), load<u32>(numbers + (at << 2) - 4));
  }
  if (at == most) return found;
  store<f32>(values + (at << 2), value);
  store<u32>(numbers + (at << 2), number);
  return min(found + 1, most);
}

/** The first of a sorted list at which the sum of the weights is more than `uniform` of all of it. */
function draw(values: usize, found: u32, temperature: f32, uniform: f32): u32 {
  let first = load<f32>(values);
  let sum: f64 = 0;
  for (let j: u32 = 0; j < found; j++) sum += weightOf(load<f32>(values + (j << 2)), first, temperature);
  let below = f64(uniform) * sum;
  let passed: f64 = 0;
  let last: u32 = 0;
  for (let j: u32 = 0; j < found; j++) {
    let weight = weightOf(load<f32>(values + (j << 2)), first, temperature);
    if (weight > 0) last = j;
    passed += weight;
    if (passed > below) return j;
  }
  return last;
}

/** e^((value - first) / temperature): the largest has 1, an infinite one too; NaN has none. */
function weightOf(value: f32, first: f32, temperature: f32): f64 {
  if (value == first) return 1;
  return value == value ? f64(exp1((value - first) / temperature)) : 0;
}

@unmanaged
export class Advance {
  kernel: u32;
  ids: usize;
  positions: usize;
  history: usize;
  steps: usize;
  sampled: usize;
  tokens: u32;
  limit: u32;
}

export function advance(c: Advance): void {
  if (!c.steps) return;
  let step = load<u32>(c.steps);
  for (let t: u32 = 0; t < c.tokens; t++) {
    let at = t << 2;
    let id = load<u32>(c.sampled + at);
    store<u32>(c.ids + at, id);
    store<u32>(c.positions + at, load<u32>(c.positions + at) + 1);
    if (step < c.limit) store<u32>(c.history + ((step * c.tokens) << 2) + at, id);
  }
  store<u32>(c.steps, step + 1);
}
