/**
 * @file What a decode step reads of a rank's weights, which is the least that it can take.
 */
import type { ModelConfig } from '../models/config.ts';
import { expertsHit } from '../models/parameters.ts';
import type { SplitOptions } from '../models/split.ts';
import { EMBEDDING, weightPlan } from './plan.ts';

/**
 * Bytes of weights that a decode step of `batch` sequences reads on one rank: the dense ones once, and of experts those that some token goes to, each with the same chance. Of an
 * embedding table that is not the output matrix, too, and of the rotary table it reads a few rows, which do not count.
 * @throws CrossoverError when the model cannot be split so
 */
export function bytesRead(config: ModelConfig, options: SplitOptions, batch: number): number {
  const { moe, tied } = config;
  const hit = moe ? expertsHit(moe.choices, moe.experts, batch) : 1;
  return weightPlan(config, { ...options, rank: 0, places: 1 }).reduce((sum, { name, kind, bytes }) => {
    if (kind === 'rotary' || (name === EMBEDDING && !tied)) return sum;
    return sum + (name.includes('.experts.') ? hit : 1) * bytes;
  }, 0);
}
