/**
 * @file A model's configuration out of a checkpoint's config.json. What would change what the model computes and is not known here is refused by its name.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { CrossoverError } from '../../errors.ts';
import type { MlaConfig, ModelConfig, MoeConfig, Rope } from './config.ts';

const size = z.int().min(1);
/** More than any model has; what has many more would take all memory before it is found not to fit. */
const MOST_LAYERS = 1024;
const MOST_EXPERTS = 4096;
const optional = <T extends z.ZodType>(schema: T): z.ZodOptional<z.ZodNullable<T>> =>
  schema.nullable().optional();

const ropeSchema = z.object({
  rope_type: z.string().optional(),
  /** The older name. */
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
  factor: z.number().min(1).optional(),
  low_freq_factor: z.number().positive().optional(),
  high_freq_factor: z.number().positive().optional(),
  original_max_position_embeddings: size.optional(),
  beta_fast: z.number().positive().optional(),
  beta_slow: z.number().positive().optional(),
  mscale: z.number().nonnegative().optional(),
  mscale_all_dim: z.number().nonnegative().optional(),
  attention_factor: optional(z.number()),
  partial_rotary_factor: optional(z.number()),
  truncate: optional(z.boolean()),
});

const configSchema = z.object({
  model_type: z.enum(['llama', 'qwen3', 'qwen3_moe', 'deepseek_v2']),
  hidden_size: size,
  num_hidden_layers: size.max(MOST_LAYERS),
  num_attention_heads: size,
  num_key_value_heads: optional(size),
  head_dim: optional(size),
  intermediate_size: size,
  vocab_size: size,
  max_position_embeddings: size,
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().default(10_000),
  rope_scaling: optional(ropeSchema),
  /** Where newer files have all of the rotary embedding. */
  rope_parameters: optional(ropeSchema),
  tie_word_embeddings: z.boolean().default(false),
  hidden_act: z.string().default('silu'),
  partial_rotary_factor: optional(z.number()),
  attention_bias: optional(z.boolean()),
  mlp_bias: optional(z.boolean()),
  quantization_config: z.unknown().optional(),
  use_sliding_window: optional(z.boolean()),
  // Of experts.
  num_experts: size.max(MOST_EXPERTS).optional(),
  /** The same, as newer versions of transformers write it for Qwen3-MoE. */
  num_local_experts: size.max(MOST_EXPERTS).optional(),
  n_routed_experts: size.max(MOST_EXPERTS).optional(),
  num_experts_per_tok: size.optional(),
  moe_intermediate_size: size.optional(),
  norm_topk_prob: optional(z.boolean()),
  decoder_sparse_step: optional(z.int()),
  mlp_only_layers: optional(z.array(z.int())),
  n_shared_experts: optional(z.int().nonnegative()),
  first_k_dense_replace: optional(z.int().nonnegative()),
  moe_layer_freq: optional(z.int()),
  routed_scaling_factor: optional(z.number()),
  scoring_func: optional(z.string()),
  topk_method: optional(z.string()),
  n_group: optional(z.int()),
  // Of latent attention.
  q_lora_rank: optional(z.int()),
  kv_lora_rank: size.optional(),
  qk_rope_head_dim: size.optional(),
  qk_nope_head_dim: size.optional(),
  v_head_dim: size.optional(),
});

type Json = z.infer<typeof configSchema>;

/** @throws CrossoverError that names the file, and the field with what is accepted */
export function readModelConfig(folder: string): ModelConfig {
  const source = path.join(folder, 'config.json');
  let text: string;
  try {
    text = readFileSync(source, 'utf8');
  } catch (cause) {
    throw new CrossoverError(
      `${folder} has no config.json that can be read; use a folder of a Hugging Face model`,
      {
        cause,
      },
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CrossoverError(`${source} is no JSON: ${(cause as Error).message}`, { cause });
  }
  return parseModelConfig(json, path.basename(path.resolve(folder)), source);
}

/** @param source for messages @throws CrossoverError that names the field with what is accepted */
export function parseModelConfig(json: unknown, name: string, source: string): ModelConfig {
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) {
    const { path: at, message } = parsed.error.issues[0]!;
    const value = at.reduce<unknown>((inside, name) => (inside as Record<PropertyKey, unknown>)[name], json);
    const field = at.join('.') || 'the file';
    throw new CrossoverError(
      value === undefined
        ? `${source} has no ${field}`
        : `${source}: ${field} is ${JSON.stringify(value).slice(0, 80)}: ${message}`,
    );
  }
  const { data } = parsed;
  const problem = problemOf(data);
  if (problem !== undefined) throw new CrossoverError(`${source}: ${problem}`);
  const { model_type: architecture, num_attention_heads: heads } = data;
  const mla = architecture === 'deepseek_v2' ? latentOf(data, source) : undefined;
  const moe =
    architecture === 'deepseek_v2' || architecture === 'qwen3_moe' ? expertsOf(data, source) : undefined;
  if (moe && moe.choices > moe.experts)
    throw new CrossoverError(
      `${source}: num_experts_per_tok is ${moe.choices}; use at most as many as there are experts, ${moe.experts}`,
    );
  return {
    name,
    architecture,
    layers: data.num_hidden_layers,
    hidden: data.hidden_size,
    heads,
    kvHeads: data.num_key_value_heads ?? heads,
    head: mla ? mla.nope + mla.rope : headOf(data),
    inner: data.intermediate_size,
    vocabulary: data.vocab_size,
    epsilon: data.rms_norm_eps,
    places: data.max_position_embeddings,
    rope: ropeOf(data, source),
    tied: data.tie_word_embeddings,
    headNorms: architecture === 'qwen3' || architecture === 'qwen3_moe',
    ...(moe && { moe }),
    ...(mla && { mla }),
  };
}

/** Qwen3's heads are of 128 elements where nothing is said; Qwen3-MoE's share the hidden size, as Llama's do. */
function headOf({ head_dim, hidden_size, num_attention_heads, model_type }: Json): number {
  return head_dim ?? (model_type === 'qwen3' ? 128 : hidden_size / num_attention_heads);
}

/** What is not computed here, by name. */
function problemOf(json: Json): string | undefined {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, model_type } = json;
  const unknown: readonly (readonly [field: keyof Json, is: boolean, accepted: string])[] = [
    [
      'quantization_config',
      (json.quantization_config ?? null) !== null,
      'use the checkpoint in bf16, f16 or f32',
    ],
    ['partial_rotary_factor', (json.partial_rotary_factor ?? 1) !== 1, 'must be 1'],
    ['attention_bias', json.attention_bias === true, 'must be false'],
    ['mlp_bias', json.mlp_bias === true, 'must be false'],
    ['hidden_act', json.hidden_act !== 'silu', 'must be "silu"'],
    ['use_sliding_window', json.use_sliding_window === true, 'must be false'],
    ['decoder_sparse_step', (json.decoder_sparse_step ?? 1) !== 1, 'must be 1'],
    ['mlp_only_layers', (json.mlp_only_layers ?? []).length > 0, 'must be empty'],
    ['moe_layer_freq', (json.moe_layer_freq ?? 1) !== 1, 'must be 1'],
    ['scoring_func', (json.scoring_func ?? 'softmax') !== 'softmax', 'must be "softmax"'],
    ['n_group', json.topk_method === 'group_limited_greedy' && (json.n_group ?? 1) !== 1, 'must be 1'],
    [
      'topk_method',
      !['greedy', 'group_limited_greedy'].includes(json.topk_method ?? 'greedy'),
      'must be "greedy"',
    ],
    ['q_lora_rank', (json.q_lora_rank ?? null) !== null, 'must be null'],
    [
      'norm_topk_prob',
      json.norm_topk_prob === true && (json.routed_scaling_factor ?? 1) !== 1,
      'must be false where routed_scaling_factor is not 1',
    ],
  ];
  for (const [field, is, accepted] of unknown) {
    if (is) return `${field} is ${JSON.stringify(json[field])}, which is not computed here; ${accepted}`;
  }
  if (kvHeads && heads % kvHeads !== 0)
    return `num_key_value_heads is ${kvHeads}; it must divide num_attention_heads, ${heads}`;
  const rotated = model_type === 'deepseek_v2' ? (json.qk_rope_head_dim ?? 0) : headOf(json);
  if (rotated % 2 !== 0)
    return `${model_type === 'deepseek_v2' ? 'qk_rope_head_dim is' : 'the head has'} ${rotated} elements; they are rotated two by two, so there must be an even number of them`;
  return undefined;
}

function ropeOf(json: Json, source: string): Rope {
  const field = json.rope_parameters ? 'rope_parameters' : 'rope_scaling';
  const scaling = json.rope_parameters ?? json.rope_scaling ?? {};
  const theta = scaling.rope_theta ?? json.rope_theta;
  const kind = scaling.rope_type ?? scaling.type ?? 'default';
  const refuse = (what: string): never => {
    throw new CrossoverError(`${source}: ${field}.${what}`);
  };
  const need = (name: keyof typeof scaling): number => {
    const value = scaling[name];
    return typeof value === 'number' ? value : refuse(`${name} is missing; ${kind} needs it`);
  };
  if ((scaling.partial_rotary_factor ?? 1) !== 1)
    refuse(`partial_rotary_factor is ${scaling.partial_rotary_factor}; it must be 1`);
  switch (kind) {
    case 'default':
      return { theta };
    case 'llama3':
      return {
        theta,
        scaling: {
          kind,
          factor: need('factor'),
          lowFrequencyFactor: need('low_freq_factor'),
          highFrequencyFactor: need('high_freq_factor'),
          originalPlaces: need('original_max_position_embeddings'),
        },
      };
    case 'yarn':
      if (typeof scaling.attention_factor === 'number')
        refuse(`attention_factor is ${scaling.attention_factor}, which is not computed here; leave it out`);
      if (scaling.truncate === false) refuse('truncate is false, which is not computed here; leave it out');
      // What they do to tables and to attention's scale is DeepSeek's own.
      for (const name of ['mscale', 'mscale_all_dim'] as const)
        if (json.model_type !== 'deepseek_v2' && scaling[name] !== undefined)
          refuse(`${name} is ${scaling[name]}, which is computed for deepseek_v2 only; leave it out`);
      return {
        theta,
        scaling: {
          kind,
          factor: need('factor'),
          betaFast: scaling.beta_fast ?? 32,
          betaSlow: scaling.beta_slow ?? 1,
          magnitude: scaling.mscale ?? 1,
          magnitudeAll: scaling.mscale_all_dim ?? 0,
          originalPlaces: need('original_max_position_embeddings'),
        },
      };
    default:
      return refuse(`rope_type is "${kind}", which is not computed here; use default, llama3 or yarn`);
  }
}

function expertsOf(json: Json, source: string): MoeConfig {
  const isDeepseek = json.model_type === 'deepseek_v2';
  const inner = wanted(json, 'moe_intermediate_size', source);
  return {
    experts: isDeepseek
      ? wanted(json, 'n_routed_experts', source)
      : (json.num_local_experts ?? wanted(json, 'num_experts', source)),
    choices: wanted(json, 'num_experts_per_tok', source),
    inner,
    normalize: json.norm_topk_prob ?? false,
    scale: isDeepseek ? (json.routed_scaling_factor ?? 1) : 1,
    sharedInner: isDeepseek ? (json.n_shared_experts ?? 0) * inner : 0,
    denseLayers: isDeepseek ? (json.first_k_dense_replace ?? 0) : 0,
  };
}

function latentOf(json: Json, source: string): MlaConfig {
  return {
    latent: wanted(json, 'kv_lora_rank', source),
    rope: wanted(json, 'qk_rope_head_dim', source),
    nope: wanted(json, 'qk_nope_head_dim', source),
    value: wanted(json, 'v_head_dim', source),
  };
}

function wanted(json: Json, field: keyof Json, source: string): number {
  const value = json[field];
  if (typeof value === 'number') return value;
  throw new CrossoverError(`${source} has no ${field}, which ${json.model_type} needs`);
}
