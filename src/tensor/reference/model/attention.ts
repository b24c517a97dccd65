/**
 * @file Attention of tokens to the places of their sequences up to their own, which lie in a paged cache: softmax of scaled products with keys, times values.
 */
import { type Places, slotOf } from './places.ts';

export interface Attention extends Places {
  /** [tokens, heads, head]. */
  readonly query: Float64Array;
  /** [tokens, heads, rope]: goes with the last `rope` elements of keys; absent when rope is 0. */
  readonly queryRope?: Float64Array | undefined;
  /** [pages, pageSize, kvHeads, head + rope]. */
  readonly keyCache: Float64Array;
  /** [pages, pageSize, kvHeads, valueHead]; absent where values are the first elements of keys. */
  readonly valueCache?: Float64Array | undefined;
  readonly heads: number;
  readonly kvHeads: number;
  readonly head: number;
  readonly rope: number;
  readonly valueHead: number;
  readonly scale: number;
}

/** One head of one token: the places it looks at. */
export interface Look {
  /** Index of the token's head in [tokens, heads]. */
  readonly index: number;
  /** The whole query, [head + rope]. */
  readonly query: Float64Array;
  /** For each place from 0 on: its key and its value. */
  readonly keys: readonly Float64Array[];
  readonly values: readonly Float64Array[];
}

/** Calls back for every head of every token. */
export function forEachLook(operands: Attention, visit: (look: Look) => void): void {
  const { query, queryRope, keyCache, valueCache, heads, kvHeads, head, rope, valueHead } = operands;
  const width = head + rope;
  for (let index = 0; index < operands.positions.length * heads; index++) {
    const t = Math.floor(index / heads);
    const kvHead = Math.floor(((index % heads) * kvHeads) / heads);
    const whole = new Float64Array(width);
    whole.set(query.subarray(index * head, (index + 1) * head));
    if (queryRope) whole.set(queryRope.subarray(index * rope, (index + 1) * rope), head);
    const keys: Float64Array[] = [];
    const values: Float64Array[] = [];
    for (let place = 0; place <= operands.positions[t]!; place++) {
      const slot = slotOf(operands, operands.rows[t]!, place, keyCache.length / (kvHeads * width));
      const at = slot * kvHeads + kvHead;
      const key = keyCache.subarray(at * width, (at + 1) * width);
      keys.push(key);
      values.push(
        valueCache ? valueCache.subarray(at * valueHead, (at + 1) * valueHead) : key.subarray(0, valueHead),
      );
    }
    visit({ index, query: whole, keys, values });
  }
}

/** The weights with which a head looks at its places; their sum is 1. */
export function weightsOf({ query, keys }: Look, scale: number): Float64Array {
  const scores = Float64Array.from(keys, (key) => scale * key.reduce((sum, k, i) => sum + k * query[i]!, 0));
  const most = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exponentials = scores.map((score) => Math.exp(score - most));
  const sum = exponentials.reduce((total, one) => total + one, 0);
  return exponentials.map((one) => one / sum);
}

/** [tokens, heads, valueHead]. */
export function attention(operands: Attention): Float64Array {
  const { positions, heads, valueHead, scale } = operands;
  const out = new Float64Array(positions.length * heads * valueHead);
  forEachLook(operands, (look) => {
    const weights = weightsOf(look, scale);
    const to = look.index * valueHead;
    for (const [place, value] of look.values.entries())
      for (let i = 0; i < valueHead; i++) out[to + i]! += weights[place]! * value[i]!;
  });
  return out;
}
