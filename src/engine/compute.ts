/**
 * @file What a model computes on a rank alone: the kernels that an engine may offer besides those of collectives, with their operands by name.
 *
 * Tensors are dense, row-major and bf16 where nothing else is said; i32 and f32 are named. Operands whose names are in `addresses` are addresses, 0 for
 * an absent one where that is allowed; `integers` are whole numbers from 0 to 2^31 - 1, `floats` float32. Sums are in float32 and rounded once.
 * Memory that two operands share is refused nowhere and undefined everywhere, except where a row says that one may be the other.
 *
 * Sequences: token t belongs to sequence `rows[t]` at place `positions[t]` (0-based). Keys and values of place p lie in page
 * `tables[row][floor(p / pageSize)]`, at p mod pageSize: a paged cache; with one page a sequence, it is a contiguous one. Caches are
 * [pages, pageSize, kvHeads, head].
 */

export const COMPUTE = {
  // ---------- rows of tables ----------
  /** out[t] = table[ids[t] - start] where that is one of the table's `rows`, zeros elsewhere. table [rows, hidden], ids i32 [tokens]. */
  embedding: {
    addresses: ['out', 'table', 'ids'],
    integers: ['tokens', 'hidden', 'rows', 'start'],
    floats: [],
  },

  // ---------- products ----------
  /** out [tokens, outer] = x [tokens, inner] @ weight [outer, inner]^T + bias [outer] (may be absent). */
  linear: { addresses: ['out', 'x', 'weight', 'bias'], integers: ['tokens', 'outer', 'inner'], floats: [] },
  /**
   * The same of f8e4m3 codes x and weight, times xScale and weightScale: out bf16. weightScale f32 [1]; xScale f32 [1], or [tokens] when
   * `scalePerToken` is 1. `inner` and `outer` are multiples of 16.
   */
  scaled_linear: {
    addresses: ['out', 'x', 'weight', 'xScale', 'weightScale'],
    integers: ['tokens', 'outer', 'inner', 'scalePerToken'],
    floats: [],
  },
  /** A product a head: out [tokens, heads, outer] = x [tokens, heads, inner] by weight [heads, outer, inner]. */
  head_linear: {
    addresses: ['out', 'x', 'weight'],
    integers: ['tokens', 'heads', 'outer', 'inner'],
    floats: [],
  },
  /**
   * Pairs (token, choice) by expert, of the experts from `start` to below `start + count`: offsets i32 [count + 1] into order i32 [tokens * choices], which
   * has numbers t * choices + j of pairs whose expert is here, by expert and then by number. experts i32 [tokens, choices].
   */
  group_experts: {
    addresses: ['order', 'offsets', 'experts'],
    integers: ['tokens', 'choices', 'count', 'start'],
    floats: [],
  },
  /**
   * out [tokens * choices, outer]: of pair p, x[p] (`pairs` 1: x is [tokens * choices, inner]) or x[floor(p / choices)] (`pairs` 0: [tokens, inner]) by weight
   * [count, outer, inner] of its expert. Rows of pairs that are not in `order` are left as they were. order, offsets: of group_experts. `experts`: how many
   * there are on all ranks together, over which the pairs spread; `count` of them are here.
   */
  expert_linear: {
    addresses: ['out', 'x', 'weight', 'order', 'offsets'],
    integers: ['tokens', 'choices', 'count', 'outer', 'inner', 'pairs', 'experts'],
    floats: [],
  },

  // ---------- attention ----------
  /**
   * From qkv [tokens, (heads + 2 * kvHeads) * head]: queries [tokens, heads, head] rotated, keys rotated into keyCache, values into valueCache. Before they are rotated,
   * queries and keys are normed a head (RMSNorm with weights queryNorm and keyNorm [head], rounded to bf16 before and after the weight), where those are there.
   * The first `rotary` elements of a head are rotated, element i with i + rotary / 2 (Hugging Face's rotate_half), by
   * table f32 [places, rotary / 2, 2]: cosine and sine. positions, rows i32 [tokens]; tables i32 [sequences, pagesPerSequence].
   */
  rotary_append: {
    addresses: [
      'queries',
      'keyCache',
      'valueCache',
      'qkv',
      'queryNorm',
      'keyNorm',
      'table',
      'positions',
      'rows',
      'tables',
    ],
    integers: ['tokens', 'heads', 'kvHeads', 'head', 'rotary', 'pageSize', 'pagesPerSequence'],
    floats: ['epsilon'],
  },
  /**
   * Multi-head latent attention's cache [pages, pageSize, latent + rotary]: of kv [tokens, latent + rotary], the latent part normed by norm [latent] (as above), the rest
   * rotated; and queries [tokens, heads, rotary] rotated from x. Elements 2i and 2i + 1 of x and kv are rotated together and
   * written as elements i and i + rotary / 2 (DeepSeek-V2).
   */
  latent_append: {
    addresses: ['queries', 'cache', 'x', 'kv', 'norm', 'table', 'positions', 'rows', 'tables'],
    integers: ['tokens', 'heads', 'latent', 'rotary', 'pageSize', 'pagesPerSequence'],
    floats: ['epsilon'],
  },
  /**
   * out [tokens, heads, valueHead]: token t's query [heads, head] attends to places 0 to positions[t] of its sequence. Head h reads head floor(h * kvHeads / heads)
   * of the cache. keyCache [pages, pageSize, kvHeads, head + rope], valueCache [pages, pageSize, kvHeads, valueHead]. Latent attention: valueCache is
   * absent, and values are the first valueHead elements of the keys; queryRope [tokens, heads, rope] goes with the last `rope` elements of keys, and is
   * absent when rope is 0. `places` is the most that any sequence may have, known when it is recorded.
   * scratch: of `scratchBytes`.
   */
  attention: {
    addresses: [
      'out',
      'query',
      'queryRope',
      'keyCache',
      'valueCache',
      'positions',
      'rows',
      'tables',
      'scratch',
    ],
    integers: [
      'tokens',
      'heads',
      'kvHeads',
      'head',
      'rope',
      'valueHead',
      'pageSize',
      'pagesPerSequence',
      'places',
    ],
    floats: ['scale'],
  },
  /** The same for tokens of which many neighbours are of one sequence, at rising places: a prompt, or several. Any order is allowed. */
  prefill_attention: {
    addresses: [
      'out',
      'query',
      'queryRope',
      'keyCache',
      'valueCache',
      'positions',
      'rows',
      'tables',
      'scratch',
    ],
    integers: [
      'tokens',
      'heads',
      'kvHeads',
      'head',
      'rope',
      'valueHead',
      'pageSize',
      'pagesPerSequence',
      'places',
    ],
    floats: ['scale'],
  },

  // ---------- feed-forward ----------
  /** out [tokens, inner] = silu(x[:, :inner]) * x[:, inner:] of x [tokens, 2 * inner]. */
  silu_gate: { addresses: ['out', 'x'], integers: ['tokens', 'inner'], floats: [] },
  /**
   * The `choices` largest of softmax(logits [tokens, count]) a token, the lower number first among equals: experts i32 [tokens, choices] and weights f32, which
   * are divided by their sum when `normalize` is 1, and multiplied by `scale`.
   */
  route: {
    addresses: ['weights', 'experts', 'logits'],
    integers: ['tokens', 'count', 'choices', 'normalize'],
    floats: ['scale'],
  },
  /** out [tokens, hidden] = sum over choices j, in order, of weights[t][j] * x[t * choices + j], of experts from `start` to below `start + count` only. */
  combine: {
    addresses: ['out', 'x', 'weights', 'experts'],
    integers: ['tokens', 'choices', 'hidden', 'start', 'count'],
    floats: [],
  },

  // ---------- sampling ----------
  /**
   * out f32 [tokens, choices, 2]: the `choices` (1 to 64) largest of x [tokens, vocabulary] with their numbers + start, largest first, the lower number first among equals.
   * NaN counts as less than all; where fewer are there than choices, -Infinity and number -1. scratch: of `scratchBytes`.
   */
  top_k: {
    addresses: ['out', 'x', 'scratch'],
    integers: ['tokens', 'vocabulary', 'choices', 'start'],
    floats: [],
  },
  /**
   * out i32 [tokens]: of candidates f32 [ranks, tokens, choices, 2] (top_k of every rank), the `choices` largest of all ranks; temperature (f32 [tokens]) 0 takes the first, otherwise
   * one is drawn by uniform (f32 [tokens], from 0 to below 1) from softmax(value / temperature).
   */
  sample: {
    addresses: ['out', 'candidates', 'temperatures', 'uniforms'],
    integers: ['tokens', 'ranks', 'choices'],
    floats: [],
  },
  /**
   * From one decode step to the next: ids[t] = sampled[t], positions[t] += 1, history[steps[0]][t] = sampled[t] while steps[0] is below `limit`, and steps[0] += 1. All i32.
   */
  advance: {
    addresses: ['ids', 'positions', 'history', 'steps', 'sampled'],
    integers: ['tokens', 'limit'],
    floats: [],
  },

  // ---------- weights ----------
  /**
   * Random weights that do not depend on how they are split: out [rows, columns] are the columns from `column` on of rows from `row` on, of a matrix with
   * `wholeColumns` columns. Element i of it is uniform from -scale to scale: see randomWeight in compute-random.ts.
   */
  fill: {
    addresses: ['out'],
    integers: ['rows', 'columns', 'wholeColumns', 'row', 'column', 'seed'],
    floats: ['scale'],
  },
} as const;

export type ComputeName = keyof typeof COMPUTE;

type NamesOf<N extends ComputeName> =
  | (typeof COMPUTE)[N]['addresses'][number]
  | (typeof COMPUTE)[N]['integers'][number]
  | (typeof COMPUTE)[N]['floats'][number];

/** The operands of a kernel, all of them, by name. */
export type ComputeOperands<N extends ComputeName> = Readonly<Record<NamesOf<N>, number>>;

/** A matrix product that an engine may want to know of beforehand. */
export interface Product {
  readonly kernel: 'linear' | 'scaled_linear' | 'head_linear';
  readonly tokens: number;
  /** 1 unless it is a head_linear. */
  readonly heads: number;
  readonly outer: number;
  readonly inner: number;
  /** Of scaled_linear, 1 where x has a scale a token; 0 by default. Libraries have other kernels for that. */
  readonly scalePerToken?: number | undefined;
}
