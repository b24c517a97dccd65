/**
 * @file Shapes of models, for what a collective costs a decode step. From their configurations: layers, hidden sizes and parameters.
 */
import { CrossoverError } from '../errors.ts';

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

export const MODELS: readonly Model[] = [
  // 48 layers x 128 experts x 3 matrices of 2048 x 768; 30.5e9 parameters in all.
  {
    name: 'qwen3-30b-a3b',
    layers: 48,
    hidden: 2048,
    allReducesPerLayer: 2,
    denseParameters: 1.54e9,
    experts: { parameters: 28.99e9, count: 128, perToken: 8 },
  },
  { name: 'llama-3.1-8b', layers: 32, hidden: 4096, allReducesPerLayer: 2, denseParameters: 8.03e9 },
  { name: 'llama-3.1-70b', layers: 80, hidden: 8192, allReducesPerLayer: 2, denseParameters: 70.6e9 },
  // 26 of 27 layers have 64 experts x 3 matrices of 2048 x 1408; 15.7e9 parameters in all.
  {
    name: 'deepseek-v2-lite',
    layers: 27,
    hidden: 2048,
    allReducesPerLayer: 2,
    denseParameters: 1.31e9,
    experts: { parameters: 14.39e9, count: 64, perToken: 6 },
  },
];

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
  const hit = experts === undefined ? 0 : 1 - (1 - experts.perToken / experts.count) ** batch;
  return ((denseParameters + hit * (experts?.parameters ?? 0)) * bytesEach) / worldSize;
}
