/**
 * @file config.json of checkpoints: published ones are the presets, and what would be computed differently here is refused by its name.
 */
import { describe, expect, it } from 'vitest';
import { parseModelConfig } from '../../../dist/workload/models/hugging-face.js';
import { presetNamed } from '../../../dist/workload/models/presets.js';
import { CONFIGS, type HfConfig } from './support/checkpoint.ts';

const LLAMA = CONFIGS.llama;
// biome-ignore lint/suspicious/noApproximativeNumericConstant: DeepSeek's number
const MSCALE = 0.707;

const YARN = { type: 'yarn', factor: 4, original_max_position_embeddings: 4096 };

describe('config.json', () => {
  const parse = (config: HfConfig): ReturnType<typeof parseModelConfig> =>
    parseModelConfig(JSON.parse(JSON.stringify(config)), 'm', 'config.json');

  it('of published models gives the presets', () => {
    const llama = {
      model_type: 'llama',
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      intermediate_size: 14336,
      vocab_size: 128256,
      max_position_embeddings: 131072,
      rms_norm_eps: 1e-5,
      rope_theta: 500000,
      rope_scaling: {
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
        rope_type: 'llama3',
      },
      attention_bias: false,
      mlp_bias: false,
      pretraining_tp: 1,
      tie_word_embeddings: false,
    };
    expect(parse(llama)).toEqual({ ...presetNamed('llama-3.1-8b'), name: 'm' });
    const lite = {
      model_type: 'deepseek_v2',
      hidden_size: 2048,
      num_hidden_layers: 27,
      num_attention_heads: 16,
      num_key_value_heads: 16,
      intermediate_size: 10944,
      moe_intermediate_size: 1408,
      n_routed_experts: 64,
      n_shared_experts: 2,
      num_experts_per_tok: 6,
      first_k_dense_replace: 1,
      moe_layer_freq: 1,
      norm_topk_prob: false,
      routed_scaling_factor: 1,
      scoring_func: 'softmax',
      topk_method: 'greedy',
      n_group: 1,
      q_lora_rank: null,
      kv_lora_rank: 512,
      qk_rope_head_dim: 64,
      qk_nope_head_dim: 128,
      v_head_dim: 128,
      vocab_size: 102400,
      max_position_embeddings: 163840,
      rope_theta: 10000,
      rms_norm_eps: 1e-6,
      rope_scaling: {
        type: 'yarn',
        factor: 40,
        beta_fast: 32,
        beta_slow: 1,
        mscale: MSCALE,
        mscale_all_dim: MSCALE,
        original_max_position_embeddings: 4096,
      },
    };
    expect(parse(lite)).toEqual({ ...presetNamed('deepseek-v2-lite'), name: 'm' });
  });

  it('of Qwen3-MoE may count experts under the newer name, and leave the size of heads to the hidden size', () => {
    const { num_experts, head_dim: _, ...rest } = CONFIGS.qwen3_moe;
    const newer = { ...rest, num_local_experts: num_experts };
    const own = parse({ ...CONFIGS.qwen3_moe, head_dim: rest.hidden_size! / rest.num_attention_heads! });
    expect(parse(newer)).toEqual(own);
  });

  it.each<[string, HfConfig, string]>([
    ['another architecture', { model_type: 'gemma3' }, 'model_type is "gemma3": '],
    [
      'quantization',
      { quantization_config: { quant_method: 'fp8' } },
      'quantization_config is {"quant_method":"fp8"}',
    ],
    [
      'a bias of attention',
      { attention_bias: true },
      'attention_bias is true, which is not computed here; must be false',
    ],
    ['a bias of the feed-forward part', { mlp_bias: true }, 'mlp_bias is true'],
    ['another activation', { hidden_act: 'gelu' }, 'hidden_act is "gelu"'],
    ['sliding windows', { use_sliding_window: true }, 'use_sliding_window is true'],
    [
      'an unknown rotary embedding',
      { rope_scaling: { rope_type: 'longrope' } },
      'rope_scaling.rope_type is "longrope"',
    ],
    ['dynamic scaling', { rope_parameters: { type: 'dynamic' } }, 'rope_parameters.rope_type is "dynamic"'],
    [
      'llama3 without its factor',
      { rope_scaling: { rope_type: 'llama3' } },
      'rope_scaling.factor is missing',
    ],
    ['a part of each head', { rope_scaling: { partial_rotary_factor: 0.5 } }, 'partial_rotary_factor is 0.5'],
    ['a part of each head, said elsewhere', { partial_rotary_factor: 0.5 }, 'partial_rotary_factor is 0.5'],
    ['pairs between two', { rope_scaling: { ...YARN, truncate: false } }, 'truncate is false'],
    [
      'magnitudes of DeepSeek',
      { rope_scaling: { ...YARN, mscale: 1 } },
      'mscale is 1, which is computed for',
    ],
    ['another of them', { rope_scaling: { ...YARN, mscale_all_dim: 1 } }, 'mscale_all_dim is 1'],
    ['heads that do not divide', { num_key_value_heads: 3 }, 'num_key_value_heads is 3; it must divide'],
    ['no layers', { num_hidden_layers: 0 }, 'num_hidden_layers is 0: '],
    ['layers beyond count', { num_hidden_layers: 1e6 }, 'num_hidden_layers is 1000000: '],
    ['text for a number', { hidden_size: '48' }, 'hidden_size is "48": '],
    ['nothing for a number', { hidden_size: undefined }, 'has no hidden_size'],
  ])('with %s is refused', (_, change, message) => {
    expect(() => parse({ ...LLAMA, ...change })).toThrow(message);
  });

  it.each<[HfConfig, string]>([
    [{ ...CONFIGS.qwen3_moe, decoder_sparse_step: 2 }, 'decoder_sparse_step is 2'],
    [{ ...CONFIGS.qwen3_moe, mlp_only_layers: [1] }, 'mlp_only_layers is [1]'],
    [{ ...CONFIGS.qwen3_moe, num_experts: undefined }, 'has no num_experts, which qwen3_moe needs'],
    [{ ...CONFIGS.qwen3_moe, num_experts: 1e9 }, 'num_experts is 1000000000: '],
    [{ ...CONFIGS.qwen3_moe, num_experts_per_tok: 99 }, 'num_experts_per_tok is 99; use at most as many as'],
    [{ ...CONFIGS.deepseek_v2, q_lora_rank: 1536 }, 'q_lora_rank is 1536'],
    [{ ...CONFIGS.deepseek_v2, scoring_func: 'sigmoid' }, 'scoring_func is "sigmoid"'],
    [{ ...CONFIGS.deepseek_v2, topk_method: 'group_limited_greedy', n_group: 8 }, 'n_group is 8'],
    [{ ...CONFIGS.deepseek_v2, topk_method: 'noaux_tc' }, 'topk_method is "noaux_tc"'],
    [{ ...CONFIGS.deepseek_v2, norm_topk_prob: true }, 'norm_topk_prob is true'],
    [{ ...CONFIGS.deepseek_v2, qk_rope_head_dim: 7 }, 'qk_rope_head_dim is 7'],
  ])('of experts is refused where it is computed differently (%#)', (config, message) => {
    expect(() => parse(config)).toThrow(message);
  });
});
