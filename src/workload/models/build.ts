/**
 * @file The graph of one step of a model on one rank: any number of tokens of any number of sequences through all layers, and a token sampled for each of `samples`
 * rows. Prompts and single tokens are the same graph: `rows` and `positions` say whose each token is and where it stands.
 *
 * The residual stream is written as models have it: all_reduce, add, rms_norm. Which of them are fused, the graph pass decides.
 */
import { GraphBuilder } from '../../graph/build/builder.ts';
import { embeddingShard, sample, topK } from '../../graph/build/model.ts';
import type { Graph, Value } from '../../graph/ir/graph.ts';
import { tensorType } from '../../graph/ir/type.ts';
import { checkRange } from '../weights/check.ts';
import { EMBEDDING, OUTPUT, weightPlan } from '../weights/plan.ts';
import { attention } from './attention.ts';
import type { ModelConfig } from './config.ts';
import { feedForward } from './feed-forward.ts';
import { type SplitOptions, splitOf } from './split.ts';
import { Activation, GROUP, StepBuilder } from './step.ts';

export interface ModelOptions extends SplitOptions {
  /**
   * Whose graph it is. Without it, it is one graph for all ranks, which asks the caller for the ints `vocabulary_start` and `expert_start`: the first row
   * and the first expert that the rank has, where it has not all.
   */
  readonly rank?: number | undefined;
  /** Places of a page of the cache; 64 by default. */
  readonly pageSize?: number | undefined;
  /** Places that the rotary table has: the most of any sequence. 8192 by default, or as many as the model has. */
  readonly places?: number | undefined;
  /** Tokens that sampling chooses from; 1, the default, takes the largest logit. */
  readonly choices?: number | undefined;
}

export const DEFAULT_PAGE_SIZE = 64;
const DEFAULT_PLACES = 8192;

/** Places of the rotary table, for weightPlan. */
export function placesOf(config: ModelConfig, { places }: Pick<ModelOptions, 'places'>): number {
  return places ?? Math.min(DEFAULT_PLACES, config.places);
}

/**
 * The graph of a step.
 *
 * Inputs: ids, positions, rows i32 [tokens]; tables i32 [sequences, pages]; last i32 [samples], the tokens whose next one is wanted; temperatures and uniforms
 * f32 [samples]; for every layer L, key_cache.L and value_cache.L bf16 [cache_pages, page size, heads, head], or latent_cache.L
 * [cache_pages, page size, latent + rope]. Weights as weightPlan has them.
 *
 * Outputs: sampled i32 [samples], logits [samples, this rank's vocabulary], and the caches as they are then, in the order of the inputs.
 *
 * With data-parallel attention ranks have tokens of their own; the symbol `gathered` is how many they have together.
 * @throws CrossoverError when the model cannot be split so
 */
export function buildModel(config: ModelConfig, options: ModelOptions): Graph {
  const split = splitOf(config, options);
  const { rank, pageSize = DEFAULT_PAGE_SIZE, choices = 1 } = options;
  checkRange('pageSize', pageSize, 1, 65_536);
  checkRange('choices', choices, 1, Math.min(64, split.vocabulary));
  const plan = weightPlan(config, { ...options, rank: rank ?? 0, places: placesOf(config, options) });

  const g = new GraphBuilder(config.name);
  const tokens = g.symbol('tokens');
  const samples = g.symbol('samples');
  for (const name of ['sequences', 'pages', 'cache_pages']) g.symbol(name);
  const isGathered = split.attention === 'data';
  const start = (name: string, own: number, all: number): number | Value => {
    if (own === all) return 0;
    return rank === undefined ? g.scalar(name) : rank * own;
  };
  const ids = g.input('ids', 'i32', [tokens]);
  const step = new StepBuilder({
    g,
    config,
    split,
    tokens,
    allTokens: isGathered ? g.symbol('gathered') : tokens,
    places: {
      positions: g.input('positions', 'i32', [tokens]),
      rows: g.input('rows', 'i32', [tokens]),
      tables: g.input('tables', 'i32', ['sequences', 'pages']),
    },
    pageSize,
    expertStart: start('expert_start', split.expertCount, config.moe?.experts ?? 0),
    weights: new Map(plan.map((weight) => [weight.name, weight])),
  });
  const vocabularyStart = start('vocabulary_start', split.vocabulary, config.vocabulary);
  const last = g.input('last', 'i32', [samples]);
  const temperatures = g.input('temperatures', 'f32', [samples]);
  const uniforms = g.input('uniforms', 'f32', [samples]);

  let stream = g.scope('model.embed_tokens', () => {
    const rows = embeddingShard(g, step.weight(EMBEDDING), ids, vocabularyStart);
    return isGathered ? rows : g.allReduce(rows, 'sum', GROUP);
  });
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`;
    const before = stream;
    const attended = g.scope(`${at}.self_attn`, () => {
      const x = new Activation(step, step.norm(before, `${at}.input_layernorm.weight`));
      const out = attention(step, layer, x);
      return g.add(isGathered ? out : g.allReduce(out, 'sum', GROUP), before);
    });
    stream = g.scope(`${at}.mlp`, () => {
      const normed = step.norm(attended, `${at}.post_attention_layernorm.weight`);
      return g.add(
        met(step, normed, (x) => feedForward(step, layer, x)),
        attended,
      );
    });
  }

  const [sampled, logits] = g.scope('lm_head', () => {
    const normed = g.embedding(step.norm(stream, 'model.norm.weight'), last);
    const scores = g.linear(normed, step.weight(config.tied ? EMBEDDING : OUTPUT));
    const own = topK(g, scores, { choices, start: vocabularyStart });
    const candidates = isGathered ? own : g.allGather(own, split.worldSize, 0, GROUP);
    return [sample(g, { candidates, temperatures, uniforms }), scores];
  });
  return g.build([sampled, logits, ...step.appended]);
}

/** A feed-forward part of which every rank has some: its sum over ranks, for the tokens of this one. */
function met(step: StepBuilder, normed: Value, part: (x: Activation) => Value): Value {
  const { g, config, split } = step;
  const { tokens, allTokens } = step.parts;
  if (split.attention === 'tensor') return g.allReduce(part(new Activation(step, normed)), 'sum', GROUP);
  const types = [allTokens, tokens].map((rows) => tensorType('bf16', [rows, config.hidden]));
  const [all] = g.node('all_gather', { x: normed, dim: 0, group: GROUP }, [types[0]!]);
  const sum = part(new Activation(step, all!));
  const [own] = g.node('reduce_scatter', { x: sum, dim: 0, reduce: 'sum', group: GROUP }, [types[1]!]);
  return own!;
}
