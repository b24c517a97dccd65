/**
 * @file Attention of a layer on the heads that a rank has: grouped (several heads of queries share one of keys and values), and latent (all share one latent
 * row a token). Each appends to the cache and reads all places from it.
 */
import type { Value } from '../../graph/ir/graph.ts';
import { type Dim, tensorType } from '../../graph/ir/type.ts';
import { ROTARY_TABLE } from '../weights/plan.ts';
import type { MlaConfig } from './config.ts';
import { attentionScale } from './rope.ts';
import { Activation, type StepBuilder } from './step.ts';

/** Where in the model, and what it reads. */
interface Place {
  readonly layer: number;
  /** `model.layers.0.self_attn` */
  readonly at: string;
  readonly x: Activation;
}

/** What o_proj gives: this rank's part of a sum, or the whole where a rank has all heads. */
export function attention(step: StepBuilder, layer: number, x: Activation): Value {
  const { mla } = step.config;
  const at = `model.layers.${layer}.self_attn`;
  const out = mla ? latent(step, { layer, at, x }, mla) : grouped(step, { layer, at, x });
  return step.project(new Activation(step, out), `${at}.o_proj.weight`);
}

/** [tokens, heads * head] */
function grouped(step: StepBuilder, { layer, at, x }: Place): Value {
  const { head, epsilon, headNorms } = step.config;
  const { heads, kvHeads } = step.split;
  const { tokens, places } = step.parts;
  const keyCache = step.cache(`key_cache.${layer}`, [kvHeads, head]);
  const valueCache = step.cache(`value_cache.${layer}`, [kvHeads, head]);
  const [queries, keys, values] = step.many(
    'rotary_append',
    {
      qkv: step.project(x, `${at}.qkv_proj.weight`),
      query_norm: headNorms ? step.weight(`${at}.q_norm.weight`) : null,
      key_norm: headNorms ? step.weight(`${at}.k_norm.weight`) : null,
      epsilon,
      table: step.weight(ROTARY_TABLE),
      ...places,
      key_cache: keyCache,
      value_cache: valueCache,
      heads,
    },
    [tensorType('bf16', [tokens, heads, head]), keyCache.type, valueCache.type],
  ) as [Value, Value, Value];
  step.appended.push(keys, values);
  const out = attend(step, { query: queries, query_rope: null, key_cache: keys, value_cache: values }, head);
  return step.rows(out, [heads * head]);
}

/** [tokens, heads * value], with the up-projections of keys and values absorbed. */
function latent(step: StepBuilder, { layer, at, x }: Place, { latent, rope, nope, value }: MlaConfig): Value {
  const { epsilon } = step.config;
  const { heads } = step.split;
  const { tokens, places } = step.parts;
  const byHead = (rows: Value, weight: string, outer: number): Value =>
    step.one('head_linear', { x: rows, weight: step.weight(weight) }, 'bf16', [tokens, heads, outer]);
  const cache = step.cache(`latent_cache.${layer}`, [latent + rope]);
  const query = step.rows(step.project(x, `${at}.q_proj.nope.weight`), [heads, nope]);
  const [queryRope, appended] = step.many(
    'latent_append',
    {
      x: step.rows(step.project(x, `${at}.q_proj.rope.weight`), [heads, rope]),
      kv: step.project(x, `${at}.kv_a_proj_with_mqa.weight`),
      norm: step.weight(`${at}.kv_a_layernorm.weight`),
      epsilon,
      table: step.weight(ROTARY_TABLE),
      ...places,
      cache,
    },
    [tensorType('bf16', [tokens, heads, rope]), cache.type],
  ) as [Value, Value];
  step.appended.push(appended);
  const absorbed = byHead(query, `${at}.kv_b_proj.key`, latent);
  const out = attend(
    step,
    { query: absorbed, query_rope: queryRope, key_cache: appended, value_cache: null },
    latent,
  );
  return step.rows(byHead(out, `${at}.kv_b_proj.value`, value), [heads * value]);
}

function attend(
  step: StepBuilder,
  operands: Record<'query' | 'key_cache', Value> & Record<'query_rope' | 'value_cache', Value | null>,
  valueHead: number,
): Value {
  const { tokens, places } = step.parts;
  const shape: Dim[] = [tokens, step.split.heads, valueHead];
  const scale = attentionScale(step.config);
  return step.one(
    'cached_attention',
    { ...operands, ...places, scale, value_head: valueHead },
    'bf16',
    shape,
  );
}
