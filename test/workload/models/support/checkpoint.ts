/**
 * @file Small checkpoints as Hugging Face writes them, with random tensors: one of each architecture, and files in the safetensors layout.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { encodeArray, roundArray } from '../../../../dist/tensor/formats/array.js';

export interface HfTensor {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

export type HfTensors = ReadonlyMap<string, HfTensor>;
/** A config.json. */
export type HfConfig = Readonly<Record<string, unknown>>;
export type StoredDType = 'f32' | 'f16' | 'bf16';

const COMMON = {
  hidden_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  intermediate_size: 64,
  vocab_size: 40,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
};

export const CONFIGS = {
  llama: {
    ...COMMON,
    model_type: 'llama',
    rope_theta: 1000,
    rope_scaling: {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
    },
  },
  qwen3: { ...COMMON, model_type: 'qwen3', rope_theta: 10_000, tie_word_embeddings: true },
  qwen3_moe: {
    ...COMMON,
    model_type: 'qwen3_moe',
    num_experts: 4,
    num_experts_per_tok: 2,
    moe_intermediate_size: 24,
    norm_topk_prob: true,
    rope_parameters: { rope_type: 'default', rope_theta: 500 },
  },
  deepseek_v2: {
    ...COMMON,
    model_type: 'deepseek_v2',
    num_key_value_heads: 4,
    head_dim: undefined,
    n_routed_experts: 4,
    n_shared_experts: 2,
    num_experts_per_tok: 2,
    moe_intermediate_size: 24,
    first_k_dense_replace: 1,
    norm_topk_prob: false,
    routed_scaling_factor: 2.5,
    q_lora_rank: null,
    kv_lora_rank: 24,
    qk_rope_head_dim: 8,
    qk_nope_head_dim: 16,
    v_head_dim: 12,
    rope_scaling: {
      type: 'yarn',
      factor: 4,
      beta_fast: 32,
      beta_slow: 1,
      mscale: 1,
      mscale_all_dim: 0.5,
      original_max_position_embeddings: 64,
    },
  },
} as const;

/** Reproducible, from -1 to 1. */
export function numbers(count: number, seed: number): Float64Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** All tensors of a model, each a bf16 number. */
export function randomTensors(config: HfConfig): HfTensors {
  const tensors = new Map<string, HfTensor>();
  const n = (field: string): number => Number(config[field] ?? 0);
  const make = (name: string, ...shape: number[]): void => {
    const count = shape.reduce((product, dim) => product * dim, 1);
    const raw = numbers(count, tensors.size + 1);
    const scale = 1.5 / Math.sqrt(shape.at(-1)!);
    const values = raw.map((value) => (shape.length === 1 ? 1 + 0.3 * value : value * scale));
    tensors.set(name, { shape, values: roundArray('bf16', values) });
  };
  const [hidden, heads] = [n('hidden_size'), n('num_attention_heads')];
  const mlp = (at: string, inner: number): void => {
    make(`${at}.gate_proj.weight`, inner, hidden);
    make(`${at}.up_proj.weight`, inner, hidden);
    make(`${at}.down_proj.weight`, hidden, inner);
  };
  make('model.embed_tokens.weight', n('vocab_size'), hidden);
  for (let layer = 0; layer < n('num_hidden_layers'); layer++) {
    const at = `model.layers.${layer}`;
    make(`${at}.input_layernorm.weight`, hidden);
    make(`${at}.post_attention_layernorm.weight`, hidden);
    if (config.model_type === 'deepseek_v2') {
      const [nope, rope, latent, value] = [
        n('qk_nope_head_dim'),
        n('qk_rope_head_dim'),
        n('kv_lora_rank'),
        n('v_head_dim'),
      ];
      make(`${at}.self_attn.q_proj.weight`, heads * (nope + rope), hidden);
      make(`${at}.self_attn.kv_a_proj_with_mqa.weight`, latent + rope, hidden);
      make(`${at}.self_attn.kv_a_layernorm.weight`, latent);
      make(`${at}.self_attn.kv_b_proj.weight`, heads * (nope + value), latent);
      make(`${at}.self_attn.o_proj.weight`, hidden, heads * value);
    } else {
      const [head, kvHeads] = [n('head_dim'), n('num_key_value_heads')];
      make(`${at}.self_attn.q_proj.weight`, heads * head, hidden);
      make(`${at}.self_attn.k_proj.weight`, kvHeads * head, hidden);
      make(`${at}.self_attn.v_proj.weight`, kvHeads * head, hidden);
      make(`${at}.self_attn.o_proj.weight`, hidden, heads * head);
      if (config.model_type !== 'llama') {
        make(`${at}.self_attn.q_norm.weight`, head);
        make(`${at}.self_attn.k_norm.weight`, head);
      }
    }
    const experts = n('num_experts') || n('n_routed_experts');
    if (experts === 0 || layer < n('first_k_dense_replace')) {
      mlp(`${at}.mlp`, n('intermediate_size'));
      continue;
    }
    make(`${at}.mlp.gate.weight`, experts, hidden);
    for (let expert = 0; expert < experts; expert++)
      mlp(`${at}.mlp.experts.${expert}`, n('moe_intermediate_size'));
    const shared = n('n_shared_experts') * n('moe_intermediate_size');
    if (shared > 0) mlp(`${at}.mlp.shared_experts`, shared);
  }
  make('model.norm.weight', hidden);
  if (config.tie_word_embeddings !== true) make('lm_head.weight', n('vocab_size'), hidden);
  return tensors;
}

/** The bytes of a safetensors file; `change` may damage the header. */
export function safetensors(
  tensors: HfTensors,
  dtype: StoredDType,
  change: (
    header: Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>,
  ) => void = () => {},
): Uint8Array {
  const header: Parameters<typeof change>[0] = {};
  const data: Uint8Array[] = [];
  let at = 0;
  for (const [name, { shape, values }] of tensors) {
    const bytes = encodeArray(dtype, values);
    header[name] = { dtype: dtype.toUpperCase(), shape: [...shape], data_offsets: [at, at + bytes.length] };
    at += bytes.length;
    data.push(bytes);
  }
  change(header);
  const text = new TextEncoder().encode(JSON.stringify({ __metadata__: { format: 'pt' }, ...header }));
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(text.length), true);
  return Buffer.concat([head, text, ...data]);
}

/** A folder that is there while `use` runs. */
export function withFolder<T>(
  files: Readonly<Record<string, string | Uint8Array>>,
  use: (folder: string) => T,
): T {
  const folder = mkdtempSync(path.join(tmpdir(), 'crossover-checkpoint-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A checkpoint in one file. */
export function files(
  config: HfConfig,
  tensors: HfTensors,
  dtype: StoredDType = 'bf16',
): Record<string, string | Uint8Array> {
  return { 'config.json': JSON.stringify(config), 'model.safetensors': safetensors(tensors, dtype) };
}
