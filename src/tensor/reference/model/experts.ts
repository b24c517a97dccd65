/**
 * @file Mixture of experts: which experts a token goes to, its pairs (token, choice) by expert, their products, and the sum of those.
 */
import { linear } from './products.ts';

/**
 * The `choices` largest of softmax(logits) a token, the lower number first among equals.
 * @param logits [tokens, count]
 * @param normalize whether weights are divided by their sum
 * @returns weights and experts, [tokens, choices]
 */
export function route(
  logits: Float64Array,
  count: number,
  choices: number,
  normalize: boolean,
  scale: number,
): { weights: Float64Array; experts: Float64Array } {
  const tokens = logits.length / count;
  const weights = new Float64Array(tokens * choices);
  const experts = new Float64Array(tokens * choices);
  for (let t = 0; t < tokens; t++) {
    const row = logits.subarray(t * count, (t + 1) * count);
    const most = Math.max(...row);
    const exponentials = row.map((logit) => Math.exp(logit - most));
    const chosen = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b).slice(0, choices);
    const of = normalize ? Float64Array.from(chosen, (expert) => exponentials[expert]!) : exponentials;
    const sum = of.reduce((total, one) => total + one, 0);
    for (const [j, expert] of chosen.entries()) {
      weights[t * choices + j] = (exponentials[expert]! / sum) * scale;
      experts[t * choices + j] = expert;
    }
  }
  return { weights, experts };
}

/**
 * Numbers t * choices + j of the pairs whose expert is one of `count` from `start` on, by expert and then by number.
 * @param experts [tokens, choices]
 * @returns order [pairs that are here]; offsets [count + 1], where each expert's begin
 */
export function groupExperts(
  experts: ArrayLike<number>,
  count: number,
  start: number,
): { order: Float64Array; offsets: Float64Array } {
  const order: number[] = [];
  const offsets = new Float64Array(count + 1);
  for (let expert = 0; expert < count; expert++) {
    for (let pair = 0; pair < experts.length; pair++) if (experts[pair] === start + expert) order.push(pair);
    offsets[expert + 1] = order.length;
  }
  return { order: Float64Array.from(order), offsets };
}

export interface ExpertProduct {
  /** [tokens, inner], or with `pairs` [tokens * choices, inner]. */
  readonly x: Float64Array;
  /** [count, outer, inner]. */
  readonly weight: Float64Array;
  /** What groupExperts gives; `order` may be longer. */
  readonly order: ArrayLike<number>;
  readonly offsets: ArrayLike<number>;
  readonly choices: number;
  readonly outer: number;
  readonly inner: number;
  readonly pairs: boolean;
  /** Number of pairs, tokens * choices. */
  readonly total: number;
}

/** [total, outer], each pair by the weight of its expert. Rows of pairs that are not in `order` are zeros here. */
export function expertLinear(operands: ExpertProduct): Float64Array {
  const { x, weight, order, offsets, choices, outer, inner, pairs, total } = operands;
  const out = new Float64Array(total * outer);
  for (let expert = 0; expert + 1 < offsets.length; expert++) {
    const own = weight.subarray(expert * outer * inner, (expert + 1) * outer * inner);
    for (let at = offsets[expert]!; at < offsets[expert + 1]!; at++) {
      const pair = order[at]!;
      const row = pairs ? pair : Math.floor(pair / choices);
      out.set(linear(x.subarray(row * inner, (row + 1) * inner), own, inner), pair * outer);
    }
  }
  return out;
}

/**
 * Sum over choices of weights[t][j] * x[t * choices + j], of experts from `start` to below `start + count`.
 * @param x [tokens * choices, hidden]; what other experts would have made is not looked at
 * @returns [tokens, hidden]
 */
export function combine(
  x: Float64Array,
  weights: ArrayLike<number>,
  experts: ArrayLike<number>,
  shape: {
    readonly choices: number;
    readonly hidden: number;
    readonly start: number;
    readonly count: number;
  },
): Float64Array {
  const { choices, hidden, start, count } = shape;
  const out = new Float64Array((experts.length / choices) * hidden);
  for (let pair = 0; pair < experts.length; pair++) {
    const expert = experts[pair]! - start;
    if (expert < 0 || expert >= count) continue;
    const to = Math.floor(pair / choices) * hidden;
    for (let i = 0; i < hidden; i++) out[to + i]! += weights[pair]! * x[pair * hidden + i]!;
  }
  return out;
}
