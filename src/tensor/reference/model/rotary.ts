/**
 * @file Rotary position embedding, and what is appended to caches with it. Norms of queries and keys are rounded before and after the weight, as models
 * have it: `round` does that, and is the rounding to bf16 but where a graph is computed without any.
 */
import { CrossoverError } from '../../../errors.ts';
import { rmsNorm } from '../rms-norm.ts';
import { type Places, slotOf } from './places.ts';

export type Round = (value: number) => number;

/**
 * The first angles.length elements rotated, element i with i + half: Hugging Face's rotate_half.
 * @param angles of the place: half pairs of cosine and sine
 */
export function rotateHalves(x: Float64Array, angles: Float64Array): Float64Array {
  const half = angles.length / 2;
  const out = x.slice();
  for (let i = 0; i < half; i++) {
    const [cosine, sine] = [angles[2 * i]!, angles[2 * i + 1]!];
    out[i] = x[i]! * cosine - x[i + half]! * sine;
    out[i + half] = x[i + half]! * cosine + x[i]! * sine;
  }
  return out;
}

/** Elements 2i and 2i + 1 rotated together, and written as i and i + half: DeepSeek-V2. */
export function rotatePairs(x: Float64Array, angles: Float64Array): Float64Array {
  const half = angles.length / 2;
  const apart = x.map((_, i) => x[i < half ? 2 * i : 2 * (i - half) + 1]!);
  return rotateHalves(apart, angles);
}

/** RMSNorm of one row, rounded before and after the weight. */
export function normed(x: Float64Array, weight: Float64Array, epsilon: number, round: Round): Float64Array {
  const ones = new Float64Array(weight.length).fill(1);
  return rmsNorm(x, ones, epsilon).map((value, i) => round(round(value) * weight[i]!));
}

/** Cosines and sines of a place. */
function anglesAt(table: Float64Array, rotary: number, place: number): Float64Array {
  const angles = table.subarray(place * rotary, (place + 1) * rotary);
  if (place >= 0 && angles.length === rotary) return angles;
  throw new CrossoverError(`positions hold ${place}; table has ${table.length / rotary} places`);
}

export interface RotaryAppend extends Places {
  /** [tokens, (heads + 2 * kvHeads) * head]. */
  readonly qkv: Float64Array;
  /** [head]; absent where queries, or keys, are not normed. */
  readonly queryNorm?: Float64Array | undefined;
  readonly keyNorm?: Float64Array | undefined;
  readonly epsilon: number;
  /** [places, rotary / 2, 2]. */
  readonly table: Float64Array;
  /** [pages, pageSize, kvHeads, head]. */
  readonly keyCache: Float64Array;
  readonly valueCache: Float64Array;
  readonly heads: number;
  readonly kvHeads: number;
  readonly head: number;
  readonly rotary: number;
}

/** Queries [tokens, heads, head], and both caches with the keys and values in them; nothing that is given is changed. */
export function rotaryAppend(
  operands: RotaryAppend,
  round: Round,
): { queries: Float64Array; keyCache: Float64Array; valueCache: Float64Array } {
  const { qkv, queryNorm, keyNorm, epsilon, table, heads, kvHeads, head, rotary } = operands;
  const tokens = operands.positions.length;
  const [keyCache, valueCache] = [operands.keyCache.slice(), operands.valueCache.slice()];
  const queries = new Float64Array(tokens * heads * head);
  for (let t = 0; t < tokens; t++) {
    const place = operands.positions[t]!;
    const angles = anglesAt(table, rotary, place);
    const slot = slotOf(operands, operands.rows[t]!, place, keyCache.length / (kvHeads * head));
    const part = (index: number): Float64Array => {
      const at = (t * (heads + 2 * kvHeads) + index) * head;
      return qkv.subarray(at, at + head);
    };
    const rotated = (x: Float64Array, norm: Float64Array | undefined): Float64Array =>
      rotateHalves(norm ? normed(x, norm, epsilon, round) : x, angles);
    for (let h = 0; h < heads; h++) queries.set(rotated(part(h), queryNorm), (t * heads + h) * head);
    for (let h = 0; h < kvHeads; h++) {
      keyCache.set(rotated(part(heads + h), keyNorm), (slot * kvHeads + h) * head);
      valueCache.set(part(heads + kvHeads + h), (slot * kvHeads + h) * head);
    }
  }
  return { queries, keyCache, valueCache };
}

export interface LatentAppend extends Places {
  /** [tokens, heads, rotary]. */
  readonly x: Float64Array;
  /** [tokens, latent + rotary]. */
  readonly kv: Float64Array;
  /** [latent]. */
  readonly norm: Float64Array;
  readonly epsilon: number;
  /** [places, rotary / 2, 2]. */
  readonly table: Float64Array;
  /** [pages, pageSize, latent + rotary]. */
  readonly cache: Float64Array;
  readonly heads: number;
  readonly latent: number;
  readonly rotary: number;
}

/** Queries [tokens, heads, rotary] rotated, and the cache with the latent parts, normed, and the rotated parts in it. */
export function latentAppend(
  operands: LatentAppend,
  round: Round,
): { queries: Float64Array; cache: Float64Array } {
  const { x, kv, norm, epsilon, table, heads, latent, rotary } = operands;
  const width = latent + rotary;
  const queries = new Float64Array(x.length);
  const cache = operands.cache.slice();
  for (let t = 0; t < operands.positions.length; t++) {
    const place = operands.positions[t]!;
    const angles = anglesAt(table, rotary, place);
    const slot = slotOf(operands, operands.rows[t]!, place, cache.length / width);
    const row = kv.subarray(t * width, (t + 1) * width);
    cache.set(normed(row.subarray(0, latent), norm, epsilon, round), slot * width);
    cache.set(rotatePairs(row.subarray(latent), angles), slot * width + latent);
    for (let h = 0; h < heads; h++) {
      const at = (t * heads + h) * rotary;
      queries.set(rotatePairs(x.subarray(at, at + rotary), angles), at);
    }
  }
  return { queries, cache };
}
