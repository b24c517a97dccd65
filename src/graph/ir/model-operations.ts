/**
 * @file Operations of language models that are one kernel on every engine. What they compute, and how tensors lie, is written where the kernels are listed:
 * engine/compute.ts, under the same names; `attention` is `cached_attention` here, and `combine` is `combine_experts`.
 *
 * Caches are values like any other: an operation that appends gives a new cache. An engine appends in place, so the old one must not be read
 * any more; verify.ts sees to that.
 */
import type { OperandKind, OperationInfo, Signature } from './operation-info.ts';

const of = (operands: Signature, outputs = 1): OperationInfo => ({
  operands,
  outputs: [outputs, outputs],
  rule: 'free',
});

/** Where tokens stand, and where the cache has their sequences. positions, rows i32 [tokens]; tables i32 [sequences, pages of each]. */
const PLACES: Readonly<Record<string, OperandKind>> = {
  positions: 'tensor',
  rows: 'tensor',
  tables: 'tensor',
};

export const MODEL_OPERATIONS: Readonly<Record<string, OperationInfo>> = {
  /** Codes by codes, f8e4m3; x_scale f32 [] or [tokens, 1], weight_scale f32 [] . Output bf16. */
  scaled_linear: of({ x: 'tensor', weight: 'tensor', x_scale: 'operand', weight_scale: 'operand' }),
  /** x [tokens, heads, inner], weight [heads, outer, inner]: [tokens, heads, outer]. */
  head_linear: of({ x: 'tensor', weight: 'tensor' }),
  /** experts i32 [tokens, choices]. Outputs: order i32 [tokens * choices], offsets i32 [count + 1]. */
  group_experts: of({ experts: 'tensor', count: 'int', start: 'int' }, 2),
  /** x [tokens, inner] or [tokens, choices, inner], weight [count, outer, inner]: [tokens, choices, outer]. What no expert here makes is undefined. `experts`: of all ranks. */
  expert_linear: of({
    x: 'tensor',
    weight: 'tensor',
    order: 'tensor',
    offsets: 'tensor',
    choices: 'int',
    experts: 'int',
  }),
  /** Outputs: queries [tokens, heads, head], key cache, value cache. */
  rotary_append: of(
    {
      qkv: 'tensor',
      query_norm: 'tensor?',
      key_norm: 'tensor?',
      epsilon: 'number',
      table: 'tensor',
      ...PLACES,
      key_cache: 'tensor',
      value_cache: 'tensor',
      heads: 'int',
    },
    3,
  ),
  /** x [tokens, heads, rotary], kv [tokens, latent + rotary]. Outputs: queries [tokens, heads, rotary], cache. */
  latent_append: of(
    {
      x: 'tensor',
      kv: 'tensor',
      norm: 'tensor',
      epsilon: 'number',
      table: 'tensor',
      ...PLACES,
      cache: 'tensor',
    },
    2,
  ),
  /** query [tokens, heads, head]: [tokens, heads, value_head]. Without a value cache, values are the first value_head elements of keys. */
  cached_attention: of({
    query: 'tensor',
    query_rope: 'tensor?',
    key_cache: 'tensor',
    value_cache: 'tensor?',
    ...PLACES,
    scale: 'number',
    value_head: 'int',
  }),
  /** [..., 2 * inner]: [..., inner]. */
  silu_gate: of({ x: 'tensor' }),
  /** logits [tokens, experts]. Outputs: weights f32 [tokens, choices], experts i32 [tokens, choices]. */
  route: of({ logits: 'tensor', choices: 'int', normalize: 'bool', scale: 'number' }, 2),
  /** x [tokens, choices, hidden]: [tokens, hidden]. */
  combine_experts: of({ x: 'tensor', weights: 'tensor', experts: 'tensor', start: 'int', count: 'int' }),
  /** x [tokens, vocabulary]: f32 [tokens, choices, 2], values and numbers. */
  top_k: of({ x: 'tensor', choices: 'int', start: 'int' }),
  /** candidates f32 [ranks * tokens, choices, 2], of rank after rank: i32 [tokens]. */
  sample: of({ candidates: 'tensor', temperatures: 'tensor', uniforms: 'tensor' }),
};
