/**
 * @file Weights of attention on a rank. Latent attention runs with the up-projections of keys and values absorbed: a head's part of kv_b_proj multiplies
 * the query (`kv_b_proj.key`, transposed) and what attention gives (`kv_b_proj.value`), so that the cache holds latent rows only.
 */
import type { MlaConfig } from '../models/config.ts';
import { type LayerWeights, normWeight, projection } from './layer.ts';
import { type Block, columnsOf, type PlannedWeight, rowsOf, tensorWeight } from './planned.ts';

export function attentionWeights(layer: LayerWeights): PlannedWeight[] {
  const { mla } = layer.config;
  return mla ? latentWeights(layer, mla) : groupedWeights(layer);
}

/** The first head of queries, and of keys and values, that a rank has. */
function firstHeads({ config, split, rank }: LayerWeights): { query: number; kv: number } {
  const query = split.heads === config.heads ? 0 : rank * split.heads;
  return { query, kv: Math.floor((query * config.kvHeads) / config.heads) };
}

function groupedWeights(layer: LayerWeights): PlannedWeight[] {
  const { config, split, prefix } = layer;
  const { hidden, head, heads, kvHeads } = config;
  const at = `${prefix}.self_attn`;
  const first = firstHeads(layer);
  const rows = (name: string, all: number, from: number, count: number): Block =>
    rowsOf(`${at}.${name}.weight`, [all * head, hidden], from * head, count * head);
  const blocks = [
    rows('q_proj', heads, first.query, split.heads),
    rows('k_proj', kvHeads, first.kv, split.kvHeads),
    rows('v_proj', kvHeads, first.kv, split.kvHeads),
  ];
  const own = split.heads * head;
  const output = `${at}.o_proj.weight`;
  const fused: [number, number] = [own + 2 * split.kvHeads * head, hidden];
  const whole: [number, number] = [hidden, heads * head];
  return [
    ...projection(split, `${at}.qkv_proj.weight`, fused, blocks, hidden),
    ...(config.headNorms
      ? [normWeight(`${at}.q_norm.weight`, head), normWeight(`${at}.k_norm.weight`, head)]
      : []),
    ...projection(
      split,
      output,
      [hidden, own],
      [columnsOf(output, whole, first.query * head, own)],
      heads * head,
    ),
  ];
}

function latentWeights(layer: LayerWeights, { latent, rope, nope, value }: MlaConfig): PlannedWeight[] {
  const { config, split, prefix } = layer;
  const { hidden, heads } = config;
  const at = `${prefix}.self_attn`;
  const first = firstHeads(layer).query;
  const own = Array.from({ length: split.heads }, (_, i) => first + i);

  // A head's rows of q_proj are those that are not rotated, then those that are; of kv_b_proj, the key's, then the value's.
  const query: [number, number] = [heads * (nope + rope), hidden];
  const queryRows = (from: number, count: number): Block[] =>
    own.map((head) => rowsOf(`${at}.q_proj.weight`, query, head * (nope + rope) + from, count));
  const up: [number, number] = [heads * (nope + value), latent];
  const upRows = (from: number, count: number): Block[] =>
    own.map((head) => rowsOf(`${at}.kv_b_proj.weight`, up, head * (nope + value) + from, count));

  const down = `${at}.kv_a_proj_with_mqa.weight`;
  const downShape: [number, number] = [latent + rope, hidden];
  const output = `${at}.o_proj.weight`;
  const outputBlock = columnsOf(output, [hidden, heads * value], first * value, split.heads * value);
  const random = 1 / Math.sqrt(latent);
  return [
    ...projection(
      split,
      `${at}.q_proj.nope.weight`,
      [split.heads * nope, hidden],
      queryRows(0, nope),
      hidden,
    ),
    ...projection(
      split,
      `${at}.q_proj.rope.weight`,
      [split.heads * rope, hidden],
      queryRows(nope, rope),
      hidden,
    ),
    ...projection(split, down, downShape, [rowsOf(down, downShape, 0, latent + rope)], hidden),
    normWeight(`${at}.kv_a_layernorm.weight`, latent),
    tensorWeight(
      `${at}.kv_b_proj.key`,
      'bf16',
      [split.heads, latent, nope],
      upRows(0, nope).map((block) => ({ ...block, transposed: true })),
      random,
    ),
    tensorWeight(`${at}.kv_b_proj.value`, 'bf16', [split.heads, value, latent], upRows(nope, value), random),
    ...projection(split, output, [hidden, split.heads * value], [outputBlock], heads * value),
  ];
}
