/**
 * @file The operations of language models as functions over a GraphBuilder: the types of what they give follow from what they are given. What they
 * compute is written in engine/compute.ts, and which operands they have in ir/model-operations.ts.
 */
import { CrossoverError } from '../../errors.ts';
import { parseDim } from '../ir/dim.ts';
import { dimText } from '../ir/dim-text.ts';
import type { Value } from '../ir/graph.ts';
import { type Dim, type TensorType, tensorType, typeText } from '../ir/type.ts';
import type { GraphBuilder } from './builder.ts';

/** Where tokens stand, and where a cache has their sequences. */
export interface Places {
  /** i32 [tokens], from 0. */
  readonly positions: Value;
  /** i32 [tokens]: the sequence of each. */
  readonly rows: Value;
  /** i32 [sequences, pages of each]. */
  readonly tables: Value;
}

// ---------- rows of tables, products ----------

/** Rows of a table that has the rows from `start` on of a longer one; the others give zeros. weight [rows, hidden]. */
export function embeddingShard(g: GraphBuilder, weight: Value, indices: Value, start: number | Value): Value {
  const { dtype, shape } = typeOf(weight);
  const type = tensorType(dtype, [...typeOf(indices).shape, shape[1]!]);
  return one(g, 'embedding', { weight, indices, start }, type);
}

/** Of f8e4m3 codes: bf16 [tokens, outer]. Scales are f32 tensors [] or [1], or numbers; that of x may be [tokens, 1]. */
export function scaledLinear(
  g: GraphBuilder,
  x: Value,
  weight: Value,
  scales: { readonly x: Value | number; readonly weight: Value | number },
): Value {
  const type = tensorType('bf16', [...typeOf(x).shape.slice(0, -1), typeOf(weight).shape[0]!]);
  return one(g, 'scaled_linear', { x, weight, x_scale: scales.x, weight_scale: scales.weight }, type);
}

/** A product a head: x [tokens, heads, inner] by weight [heads, outer, inner]. */
export function headLinear(g: GraphBuilder, x: Value, weight: Value): Value {
  const { dtype, shape } = typeOf(x);
  return one(
    g,
    'head_linear',
    { x, weight },
    tensorType(dtype, [...shape.slice(0, 2), typeOf(weight).shape[1]!]),
  );
}

// ---------- experts ----------

/** The `choices` largest of softmax(logits [tokens, experts]) of each token: weights f32 and experts i32, [tokens, choices]. */
export function route(
  g: GraphBuilder,
  logits: Value,
  options: { readonly choices: number; readonly normalize?: boolean; readonly scale?: number },
): { weights: Value; experts: Value } {
  const { choices, normalize = false, scale = 1 } = options;
  const shape = [typeOf(logits).shape[0]!, choices];
  const types = [tensorType('f32', shape), tensorType('i32', shape)];
  const [weights, experts] = g.node('route', { logits, choices, normalize, scale }, types);
  return { weights: weights!, experts: experts! };
}

/** Pairs (token, choice) by expert, of the `count` experts from `start` on. experts i32 [tokens, choices]. */
export function groupExperts(
  g: GraphBuilder,
  experts: Value,
  { count, start = 0 }: { readonly count: number; readonly start?: number | Value },
): { order: Value; offsets: Value } {
  const [tokens, choices] = typeOf(experts).shape as [Dim, number];
  const types = [tensorType('i32', [times(tokens, choices)]), tensorType('i32', [count + 1])];
  const [order, offsets] = g.node('group_experts', { experts, count, start }, types);
  return { order: order!, offsets: offsets! };
}

/** Each pair's x by the weight of its expert: [tokens, choices, outer]. x is [tokens, inner], or [tokens, choices, inner]. `experts`: how many there are on all ranks. */
export function expertLinear(
  g: GraphBuilder,
  operands: {
    readonly x: Value;
    readonly weight: Value;
    readonly order: Value;
    readonly offsets: Value;
    readonly choices: number;
    readonly experts: number;
  },
): Value {
  const { dtype, shape } = typeOf(operands.x);
  const outer = typeOf(operands.weight).shape[1]!;
  return one(g, 'expert_linear', { ...operands }, tensorType(dtype, [shape[0]!, operands.choices, outer]));
}

/** The weighted sum of what the experts from `start` to below `start + count` made: x [tokens, choices, hidden], [tokens, hidden]. */
export function combineExperts(
  g: GraphBuilder,
  operands: {
    readonly x: Value;
    readonly weights: Value;
    readonly experts: Value;
    readonly start: number | Value;
    readonly count: number;
  },
): Value {
  const { dtype, shape } = typeOf(operands.x);
  return one(g, 'combine_experts', { ...operands }, tensorType(dtype, [shape[0]!, shape[2]!]));
}

// ---------- attention ----------

/** Queries rotated, [tokens, heads, head], and both caches with the keys and values of these tokens in them. */
export function rotaryAppend(
  g: GraphBuilder,
  operands: Places & {
    /** [tokens, (heads + 2 * kvHeads) * head]. */
    readonly qkv: Value;
    /** [head]; absent where queries, or keys, are not normed. */
    readonly queryNorm?: Value | undefined;
    readonly keyNorm?: Value | undefined;
    /** Of the norms; 1e-6 by default. */
    readonly epsilon?: number | undefined;
    /** f32 [places, rotary / 2, 2]: cosines and sines. */
    readonly table: Value;
    /** [pages, page size, kvHeads, head]. */
    readonly keyCache: Value;
    readonly valueCache: Value;
    readonly heads: number;
  },
): { queries: Value; keyCache: Value; valueCache: Value } {
  const { qkv, queryNorm, keyNorm, epsilon = 1e-6, table, heads } = operands;
  const caches = [typeOf(operands.keyCache), typeOf(operands.valueCache)];
  const { dtype, shape } = typeOf(qkv);
  const [queries, keyCache, valueCache] = g.node(
    'rotary_append',
    {
      qkv,
      query_norm: queryNorm ?? null,
      key_norm: keyNorm ?? null,
      epsilon,
      table,
      ...placesOf(operands),
      key_cache: operands.keyCache,
      value_cache: operands.valueCache,
      heads,
    },
    [tensorType(dtype, [shape[0]!, heads, caches[0]!.shape.at(-1)!]), ...caches],
  );
  return { queries: queries!, keyCache: keyCache!, valueCache: valueCache! };
}

/** Queries rotated, [tokens, heads, rotary], and the cache of latent attention with these tokens in it. */
export function latentAppend(
  g: GraphBuilder,
  operands: Places & {
    /** [tokens, heads, rotary]. */
    readonly x: Value;
    /** [tokens, latent + rotary]. */
    readonly kv: Value;
    /** [latent]. */
    readonly norm: Value;
    /** 1e-6 by default. */
    readonly epsilon?: number | undefined;
    /** f32 [places, rotary / 2, 2]: cosines and sines. */
    readonly table: Value;
    /** [pages, page size, latent + rotary]. */
    readonly cache: Value;
  },
): { queries: Value; cache: Value } {
  const { x, kv, norm, epsilon = 1e-6, table } = operands;
  const [queries, cache] = g.node(
    'latent_append',
    { x, kv, norm, epsilon, table, ...placesOf(operands), cache: operands.cache },
    [typeOf(x), typeOf(operands.cache)],
  );
  return { queries: queries!, cache: cache! };
}

/** Each token's query over the places of its sequence up to its own: [tokens, heads, valueHead]. */
export function cachedAttention(
  g: GraphBuilder,
  operands: Places & {
    /** [tokens, heads, head]. */
    readonly query: Value;
    /** [tokens, heads, rope]: goes with the last elements of keys. */
    readonly queryRope?: Value | undefined;
    /** [pages, page size, kvHeads, head + rope]; the cache of latent attention has no dim of heads. */
    readonly keyCache: Value;
    /** [pages, page size, kvHeads, valueHead]; absent where values are the first elements of keys. */
    readonly valueCache?: Value | undefined;
    readonly scale: number;
    readonly valueHead: number;
  },
): Value {
  const { query, queryRope, keyCache, valueCache, scale, valueHead } = operands;
  const { dtype, shape } = typeOf(query);
  return one(
    g,
    'cached_attention',
    {
      query,
      query_rope: queryRope ?? null,
      key_cache: keyCache,
      value_cache: valueCache ?? null,
      ...placesOf(operands),
      scale,
      value_head: valueHead,
    },
    tensorType(dtype, [shape[0]!, shape[1]!, valueHead]),
  );
}

// ---------- feed-forward, sampling ----------

/** silu of the first half of each row, times the second: [..., 2 * inner] gives [..., inner]. */
export function siluGate(g: GraphBuilder, x: Value): Value {
  const { dtype, shape } = typeOf(x);
  const last = shape.at(-1);
  if (typeof last !== 'number' || last % 2 !== 0)
    throw new CrossoverError(
      `silu_gate of %${x.name}: ${typeText(x.type)}; the last dim must be an even number`,
    );
  return one(g, 'silu_gate', { x }, tensorType(dtype, [...shape.slice(0, -1), last / 2]));
}

/** The `choices` largest of each row of x [tokens, vocabulary], with their numbers from `start` on: f32 [tokens, choices, 2]. */
export function topK(
  g: GraphBuilder,
  x: Value,
  { choices, start = 0 }: { readonly choices: number; readonly start?: number | Value },
): Value {
  return one(g, 'top_k', { x, choices, start }, tensorType('f32', [typeOf(x).shape[0]!, choices, 2]));
}

/** One number a token, i32 [tokens], of every rank's candidates f32 [ranks * tokens, choices, 2]. */
export function sample(
  g: GraphBuilder,
  operands: { readonly candidates: Value; readonly temperatures: Value; readonly uniforms: Value },
): Value {
  return one(g, 'sample', { ...operands }, tensorType('i32', typeOf(operands.temperatures).shape));
}

// ---------- types ----------

function one(
  g: GraphBuilder,
  op: string,
  operands: Parameters<GraphBuilder['node']>[1],
  type: TensorType,
): Value {
  return g.node(op, operands, [type])[0]!;
}

function placesOf({ positions, rows, tables }: Places): { positions: Value; rows: Value; tables: Value } {
  return { positions, rows, tables };
}

function typeOf(x: Value): TensorType {
  if (x.type.kind === 'tensor') return x.type;
  throw new CrossoverError(`%${x.name} is ${typeText(x.type)}, where a tensor is needed`);
}

function times(dim: Dim, by: number): Dim {
  return dimText({ kind: '*', args: [{ kind: 'number', value: by }, parseDim(dim)] });
}
