/**
 * @file All weights of a model on one rank, by the names that its graph has for them. Names are Hugging Face's; where several of its tensors are one weight here, so
 * that one product does for all, the name is that of the fused module, as serving engines have it: `qkv_proj`, `gate_up_proj`.
 */
import { hasExperts, type ModelConfig } from '../models/config.ts';
import { rotaryOf } from '../models/rope.ts';
import { type SplitOptions, splitOf } from '../models/split.ts';
import { attentionWeights } from './attention.ts';
import { checkRange } from './check.ts';
import { denseWeights, expertWeights } from './feed-forward.ts';
import { type LayerWeights, normWeight } from './layer.ts';
import { type PlannedWeight, rowsOf, tensorWeight } from './planned.ts';

export interface WeightOptions extends SplitOptions {
  readonly rank: number;
  /** Places that the rotary table has. */
  readonly places: number;
}

export const ROTARY_TABLE = 'rotary_table';
export const EMBEDDING = 'model.embed_tokens.weight';
export const OUTPUT = 'lm_head.weight';

/**
 * The weights of a rank, in the order in which a step reads them.
 * @throws CrossoverError when the model cannot be split so
 */
export function weightPlan(config: ModelConfig, options: WeightOptions): PlannedWeight[] {
  const split = splitOf(config, options);
  const { rank, places } = options;
  checkRange('rank', rank, 0, options.worldSize - 1);
  checkRange('places', places, 1, config.places);
  const { hidden, vocabulary } = config;
  const rotary = rotaryOf(config);
  const weights: PlannedWeight[] = [];
  const table = [vocabulary, hidden] as const;
  const first = split.vocabulary === vocabulary ? 0 : rank * split.vocabulary;
  const shard = [split.vocabulary, hidden];
  weights.push(
    tensorWeight(EMBEDDING, 'bf16', shard, [rowsOf(EMBEDDING, table, first, split.vocabulary)], 1),
    {
      kind: 'rotary',
      name: ROTARY_TABLE,
      dtype: 'f32',
      shape: [places, rotary / 2, 2],
      bytes: places * rotary * 4,
    },
  );
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const of: LayerWeights = { config, split, rank, prefix };
    weights.push(
      normWeight(`${prefix}.input_layernorm.weight`, hidden),
      ...attentionWeights(of),
      normWeight(`${prefix}.post_attention_layernorm.weight`, hidden),
      ...(hasExperts(config, layer) ? expertWeights(of) : denseWeights(of)),
    );
  }
  weights.push(normWeight('model.norm.weight', hidden));
  if (!config.tied) {
    const blocks = [rowsOf(OUTPUT, table, first, split.vocabulary)];
    weights.push(tensorWeight(OUTPUT, 'bf16', shard, blocks, 1 / Math.sqrt(hidden)));
  }
  return weights;
}
