/**
 * @file Attention of a layer on the heads that a rank has: grouped (several heads of queries share one of keys and values), and latent (all share one latent
 * row a token). Each appends to the cache and reads all places from it.
 */
import { cachedAttention, headLinear, latentAppend, rotaryAppend } from '../../graph/build/model.ts';
import type { Value } from '../../graph/ir/graph.ts';
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
  const { g, config, parts } = step;
  const { head, epsilon, headNorms } = config;
  const { heads, kvHeads } = step.split;
  const { queries, keyCache, valueCache } = rotaryAppend(g, {
    qkv: step.project(x, `${at}.qkv_proj.weight`),
    ...(headNorms && {
      queryNorm: step.weight(`${at}.q_norm.weight`),
      keyNorm: step.weight(`${at}.k_norm.weight`),
    }),
    epsilon,
    table: step.weight(ROTARY_TABLE),
    ...parts.places,
    keyCache: step.cache(`key_cache.${layer}`, [kvHeads, head]),
    valueCache: step.cache(`value_cache.${layer}`, [kvHeads, head]),
    heads,
  });
  step.appended.push(keyCache, valueCache);
  const scale = attentionScale(config);
  const operands = { query: queries, keyCache, valueCache, ...parts.places, scale, valueHead: head };
  return step.rows(cachedAttention(g, operands), [heads * head]);
}

/** [tokens, heads * value], with the up-projections of keys and values absorbed. */
function latent(step: StepBuilder, { layer, at, x }: Place, { latent, rope, nope, value }: MlaConfig): Value {
  const { g, config, parts } = step;
  const { heads } = step.split;
  const query = step.rows(step.project(x, `${at}.q_proj.nope.weight`), [heads, nope]);
  const { queries: queryRope, cache } = latentAppend(g, {
    x: step.rows(step.project(x, `${at}.q_proj.rope.weight`), [heads, rope]),
    kv: step.project(x, `${at}.kv_a_proj_with_mqa.weight`),
    norm: step.weight(`${at}.kv_a_layernorm.weight`),
    epsilon: config.epsilon,
    table: step.weight(ROTARY_TABLE),
    ...parts.places,
    cache: step.cache(`latent_cache.${layer}`, [latent + rope]),
  });
  step.appended.push(cache);
  const out = cachedAttention(g, {
    query: headLinear(g, query, step.weight(`${at}.kv_b_proj.key`)),
    queryRope,
    keyCache: cache,
    ...parts.places,
    scale: attentionScale(config),
    valueHead: latent,
  });
  return step.rows(headLinear(g, out, step.weight(`${at}.kv_b_proj.value`)), [heads * value]);
}
