/**
 * @file What a decode step of a model reads, for what a collective costs it. From the models' configurations: layers, hidden sizes and parameters.
 */
import { CrossoverError } from '../errors.ts';
import { expertsHit, parametersOf } from '../workload/models/parameters.ts';
import { presetNamed } from '../workload/models/presets.ts';

export interface Model {
  readonly name: string;
  readonly layers: number;
  readonly hidden: number;
  /** All-reduces a layer: after attention, and after the feed-forward part. */
  readonly allReducesPerLayer: number;
  /** Parameters that every step reads. */
  readonly denseParameters: number;
  /** Routed experts: parameters of all of them, how many a layer has, and how many serve a token. */
  readonly experts?: { readonly parameters: number; readonly count: number; readonly perToken: number };
}

/** Published models that are served a lot. */
const NAMES = ['qwen3-30b-a3b', 'llama-3.1-8b', 'llama-3.1-70b', 'deepseek-v2-lite'] as const;

export const MODELS: readonly Model[] = NAMES.map((name) => {
  const config = presetNamed(name);
  const { layers, hidden, moe, tied, vocabulary } = config;
  const { dense, experts } = parametersOf(config);
  return {
    name,
    layers,
    hidden,
    allReducesPerLayer: 2,
    // Of an embedding table that is not the output matrix, too, a step reads a few rows.
    denseParameters: dense - (tied ? 0 : vocabulary * hidden),
    ...(moe && { experts: { parameters: experts, count: moe.experts, perToken: moe.choices } }),
  };
});

/** Throws CrossoverError for a model that is not here. */
export function findModel(name: string): Model {
  const found = MODELS.find((model) => model.name === name.toLowerCase());
  if (found === undefined) {
    throw new CrossoverError(`model is "${name}"; use one of ${MODELS.map((each) => each.name).join(', ')}`);
  }
  return found;
}

/**
 * Bytes of weights that a step reads on one of so many GPUs: the dense part, and of the experts those that some token of the batch goes to, each
 * expert with the same chance.
 */
export function weightBytes(model: Model, batch: number, worldSize: number, bytesEach: number): number {
  const { denseParameters, experts } = model;
  const hit = experts ? expertsHit(experts.perToken, experts.count, batch) : 0;
  return ((denseParameters + hit * (experts?.parameters ?? 0)) * bytesEach) / worldSize;
}
