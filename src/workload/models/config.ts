/**
 * @file What is to be known of a model to build its graph and to lay out its weights: sizes and settings, under plain names. presets.ts has published
 * models, hugging-face.ts reads a checkpoint's config.json.
 */
import { CrossoverError } from '../../errors.ts';

export type Architecture = 'llama' | 'qwen3' | 'qwen3_moe' | 'deepseek_v2';

/** Rotary embedding: what queries and keys are turned by at each place. */
export interface Rope {
  readonly theta: number;
  /** For sequences longer than those the model was first trained with; absent where it has none. */
  readonly scaling?: Llama3Scaling | YarnScaling | undefined;
}

/** Long waves are stretched by `factor`, short ones kept, and those between are mixed (Llama 3.1). */
export interface Llama3Scaling {
  readonly kind: 'llama3';
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  /** Places that the model was first trained with. */
  readonly originalPlaces: number;
}

/** YaRN as DeepSeek-V2 has it: `magnitude` and `magnitudeAll` are its mscale and mscale_all_dim. */
export interface YarnScaling {
  readonly kind: 'yarn';
  readonly factor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  readonly magnitude: number;
  readonly magnitudeAll: number;
  readonly originalPlaces: number;
}

/** Routed experts in place of one feed-forward part. */
export interface MoeConfig {
  readonly experts: number;
  /** Experts that serve a token. */
  readonly choices: number;
  /** Columns between the two matrices of an expert. */
  readonly inner: number;
  /** Whether the weights of the chosen are divided by their sum. */
  readonly normalize: boolean;
  /** Factor of these weights. */
  readonly scale: number;
  /** Columns of the experts that serve every token, all together; 0 for none. */
  readonly sharedInner: number;
  /** Layers at the beginning that have a dense feed-forward part. */
  readonly denseLayers: number;
}

/** Multi-head latent attention: keys and values of all heads are made of one latent row a token. */
export interface MlaConfig {
  readonly latent: number;
  /** Elements of a head that are rotated; the key's are the same for all heads. */
  readonly rope: number;
  /** Elements of a head that are not. */
  readonly nope: number;
  /** Elements of a head's value. */
  readonly value: number;
}

export interface ModelConfig {
  readonly name: string;
  readonly architecture: Architecture;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Elements of a head of queries and keys. */
  readonly head: number;
  /** Columns between the two matrices of a dense feed-forward part. */
  readonly inner: number;
  readonly vocabulary: number;
  /** Of all norms. */
  readonly epsilon: number;
  /** Most places that a sequence may have. */
  readonly places: number;
  readonly rope: Rope;
  /** Whether the embedding table is the output matrix too. */
  readonly tied: boolean;
  /** Whether queries and keys are normed a head (Qwen3). */
  readonly headNorms: boolean;
  readonly moe?: MoeConfig | undefined;
  readonly mla?: MlaConfig | undefined;
}

/** Whether a layer's feed-forward part is one of experts. */
export function hasExperts({ moe }: ModelConfig, layer: number): boolean {
  return moe !== undefined && layer >= moe.denseLayers;
}

/** The model cut to its first layers. @throws CrossoverError unless it has as many */
export function withLayers(config: ModelConfig, layers: number): ModelConfig {
  if (Number.isInteger(layers) && layers >= 1 && layers <= config.layers) return { ...config, layers };
  throw new CrossoverError(`layers is ${layers}; ${config.name} accepts 1 to ${config.layers}`);
}
