/**
 * @file Models in their published shapes, and small ones of each kind. Sizes are those of the config.json that comes with each.
 */
import { CrossoverError } from '../../errors.ts';
import type { ModelConfig } from './config.ts';

const LLAMA_3_1 = {
  architecture: 'llama',
  head: 128,
  kvHeads: 8,
  vocabulary: 128_256,
  epsilon: 1e-5,
  places: 131_072,
  rope: {
    theta: 500_000,
    scaling: {
      kind: 'llama3',
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalPlaces: 8192,
    },
  },
  tied: false,
  headNorms: false,
} as const;

// biome-ignore lint/suspicious/noApproximativeNumericConstant: the number in its config.json, and not the root of a half
const DEEPSEEK_MAGNITUDE = 0.707;

const TINY = {
  name: 'tiny',
  architecture: 'llama',
  layers: 4,
  hidden: 256,
  heads: 8,
  kvHeads: 4,
  head: 32,
  inner: 512,
  vocabulary: 1024,
  epsilon: 1e-5,
  places: 2048,
  rope: { theta: 10_000 },
  tied: false,
  headNorms: false,
} as const;

export const PRESETS: readonly ModelConfig[] = [
  { name: 'llama-3.1-8b', ...LLAMA_3_1, layers: 32, hidden: 4096, heads: 32, inner: 14_336 },
  { name: 'llama-3.1-70b', ...LLAMA_3_1, layers: 80, hidden: 8192, heads: 64, inner: 28_672 },
  {
    name: 'qwen3-30b-a3b',
    architecture: 'qwen3_moe',
    layers: 48,
    hidden: 2048,
    heads: 32,
    kvHeads: 4,
    head: 128,
    inner: 6144,
    vocabulary: 151_936,
    epsilon: 1e-6,
    places: 40_960,
    rope: { theta: 1_000_000 },
    tied: false,
    headNorms: true,
    moe: {
      experts: 128,
      choices: 8,
      inner: 768,
      normalize: true,
      scale: 1,
      sharedInner: 0,
      denseLayers: 0,
    },
  },
  {
    name: 'deepseek-v2-lite',
    architecture: 'deepseek_v2',
    layers: 27,
    hidden: 2048,
    heads: 16,
    kvHeads: 16,
    head: 192,
    inner: 10_944,
    vocabulary: 102_400,
    epsilon: 1e-6,
    places: 163_840,
    rope: {
      theta: 10_000,
      scaling: {
        kind: 'yarn',
        factor: 40,
        betaFast: 32,
        betaSlow: 1,
        magnitude: DEEPSEEK_MAGNITUDE,
        magnitudeAll: DEEPSEEK_MAGNITUDE,
        originalPlaces: 4096,
      },
    },
    tied: false,
    headNorms: false,
    moe: {
      experts: 64,
      choices: 6,
      inner: 1408,
      normalize: false,
      scale: 1,
      sharedInner: 2816,
      denseLayers: 1,
    },
    mla: { latent: 512, rope: 64, nope: 128, value: 128 },
  },
  TINY,
  {
    ...TINY,
    name: 'tiny-moe',
    architecture: 'qwen3_moe',
    epsilon: 1e-6,
    headNorms: true,
    moe: { experts: 8, choices: 2, inner: 128, normalize: true, scale: 1, sharedInner: 0, denseLayers: 0 },
  },
  {
    ...TINY,
    name: 'tiny-mla',
    architecture: 'deepseek_v2',
    kvHeads: 8,
    head: 48,
    epsilon: 1e-6,
    rope: {
      theta: 10_000,
      scaling: {
        kind: 'yarn',
        factor: 4,
        betaFast: 32,
        betaSlow: 1,
        magnitude: DEEPSEEK_MAGNITUDE,
        magnitudeAll: DEEPSEEK_MAGNITUDE,
        originalPlaces: 512,
      },
    },
    moe: { experts: 8, choices: 2, inner: 128, normalize: false, scale: 1, sharedInner: 256, denseLayers: 1 },
    mla: { latent: 64, rope: 16, nope: 32, value: 32 },
  },
];

/** @throws CrossoverError for a model that is not here */
export function presetNamed(name: string): ModelConfig {
  const found = PRESETS.find((config) => config.name === name.toLowerCase());
  if (found) return found;
  throw new CrossoverError(
    `model is "${name}"; use one of ${PRESETS.map((config) => config.name).join(', ')}, or a folder with config.json`,
  );
}
