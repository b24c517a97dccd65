/**
 * @file Attention over paged caches: of one token a sequence, and of prompts. attention-shapes.ts says how it is cut into blocks.
 */
import { CrossoverError } from '../../../errors.ts';
import type { ComputeOperands } from '../../compute.ts';
import {
  type AttentionCut,
  type AttentionKernel,
  attentionCut,
  attentionScratchBytes,
} from './attention-shapes.ts';
import type { ComputeTable, ComputeTarget, ModelSources } from './target.ts';

type Operands = ComputeOperands<AttentionKernel>;

function run(kernel: AttentionKernel, operands: Operands, target: ComputeTarget): void {
  const { tokens, rope, queryRope, valueCache, scratch } = operands;
  const cut = attentionCut(kernel, operands, valueCache === 0, target);
  if (rope > 0 && queryRope === 0)
    throw new CrossoverError(`${kernel}: queryRope is absent; it must be there, as rope is ${rope}`);
  if (cut.scratchBytes > 0 && scratch === 0)
    throw new CrossoverError(`${kernel}: scratch is absent; it must have ${cut.scratchBytes} bytes here`);
  if (tokens === 0) return;
  const { source, defines, block, sharedBytes } = cut;
  const [x, y] = cut.grid;
  const params = paramsOf(cut, operands);
  target.launch({ source, kernel: FUNCTIONS[source], defines, grid: [x, y], block, sharedBytes, params });
}

const FUNCTIONS = {
  'attention.cu': 'attention',
  'attention_latent.cu': 'latent_attention',
  'attention_prefill.cu': 'prefill_attention',
} as const;

function paramsOf(
  { source, tileTokens, least }: AttentionCut,
  operands: Operands,
): { addresses: number[]; integers: number[]; floats: number[] } {
  const { out, query, queryRope, keyCache, valueCache, positions, rows, tables, scratch } = operands;
  const { tokens, heads, kvHeads, pageSize, pagesPerSequence, scale } = operands;
  const cache = [keyCache, valueCache, positions, rows, tables];
  const sizes = [heads, kvHeads, pageSize, pagesPerSequence];
  const floats = [scale];
  switch (source) {
    case 'attention.cu':
      return { addresses: [out, query, ...cache, scratch], integers: sizes, floats };
    case 'attention_prefill.cu':
      return { addresses: [out, query, ...cache], integers: [tokens, ...sizes], floats };
    case 'attention_latent.cu':
      return {
        addresses: [out, query, queryRope, ...cache, scratch],
        integers: [tokens, ...sizes, tileTokens, least],
        floats,
      };
  }
}

export const ATTENTION: ComputeTable = {
  attention: {
    run: (operands, target) => run('attention', operands, target),
    scratchBytes: (operands, target) => attentionScratchBytes('attention', operands, target),
  },
  prefill_attention: {
    run: (operands, target) => run('prefill_attention', operands, target),
    scratchBytes: (operands, target) => attentionScratchBytes('prefill_attention', operands, target),
  },
};

const LATENT = ['HEAD=512', 'ROPE=64', 'VALUE=512', 'LATENT=1'];

export const ATTENTION_SOURCES: ModelSources = {
  'attention.cu': [
    ['HEAD=128', 'VALUE=128', 'WARPS=4', 'STAGES=3'],
    ['HEAD=128', 'VALUE=128', 'WARPS=4', 'STAGES=2'],
    ['HEAD=72', 'VALUE=64', 'WARPS=4', 'STAGES=3'],
    ['HEAD=256', 'VALUE=256', 'WARPS=2', 'STAGES=2'],
  ],
  'attention_latent.cu': [
    [...LATENT, 'TILES=1', 'PLACES=32'],
    [...LATENT, 'TILES=1', 'PLACES=64'],
    [...LATENT, 'TILES=2', 'PLACES=32'],
    [...LATENT, 'TILES=4', 'PLACES=32'],
    ['HEAD=128', 'ROPE=64', 'VALUE=128', 'LATENT=0', 'TILES=4', 'PLACES=32'],
  ],
  'attention_prefill.cu': [
    ['HEAD=64', 'VALUE=64', 'PLACES=64'],
    ['HEAD=128', 'VALUE=128', 'PLACES=64'],
    ['HEAD=192', 'VALUE=192', 'PLACES=32'],
    ['HEAD=256', 'VALUE=256', 'PLACES=16'],
  ],
};
