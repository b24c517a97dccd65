/**
 * @file How a model is split over ranks, and which world sizes it can be split for. Tensor parallel: heads, the columns between two matrices and the vocabulary
 * are divided; where there are more ranks than heads of keys and values, several ranks have the same one.
 */
import { CrossoverError } from '../../errors.ts';
import type { ModelConfig } from './config.ts';

export interface SplitOptions {
  readonly worldSize: number;
  /**
   * `tensor` (default): a rank has some of the heads, and all ranks have the same tokens. `data`: a rank has all heads and tokens of its own, as many as every
   * other; ranks meet for the feed-forward parts only. Embedding and output matrix are whole on every rank then.
   */
  readonly attention?: 'tensor' | 'data' | undefined;
  /** `tensor` (default): a part of every expert a rank. `expert`: some experts whole. */
  readonly experts?: 'tensor' | 'expert' | undefined;
  /** Of projections; what is around them is bf16. `bf16` by default. */
  readonly precision?: 'bf16' | 'f8e4m3' | undefined;
}

/** Sizes on one rank. */
export interface Split {
  readonly worldSize: number;
  readonly attention: 'tensor' | 'data';
  readonly experts: 'tensor' | 'expert';
  readonly precision: 'bf16' | 'f8e4m3';
  readonly heads: number;
  readonly kvHeads: number;
  /** Columns of a dense feed-forward part. */
  readonly inner: number;
  /** Columns of an expert. */
  readonly expertInner: number;
  readonly sharedInner: number;
  /** Experts, routed ones. */
  readonly expertCount: number;
  readonly vocabulary: number;
}

/** Codes are multiplied in tiles of as many columns. */
const CODES_TILE = 16;

/** @throws CrossoverError that names the size that cannot be divided, and the world sizes that this model accepts */
export function splitOf(config: ModelConfig, options: SplitOptions): Split {
  const problem = problemOf(config, options);
  if (problem === undefined) return splitFor(config, options);
  const accepted = acceptedWorldSizes(config, options);
  const use = accepted.length === 0 ? '' : `; use ${accepted.join(', ')}`;
  throw new CrossoverError(`worldSize is ${options.worldSize}, and ${config.name} has ${problem}${use}`);
}

/** World sizes up to 16 that a model can be split for. */
export function acceptedWorldSizes(config: ModelConfig, options: Omit<SplitOptions, 'worldSize'>): number[] {
  const all = Array.from({ length: 16 }, (_, i) => i + 1);
  return all.filter((worldSize) => problemOf(config, { ...options, worldSize }) === undefined);
}

/** What cannot be divided, in words. */
function problemOf(config: ModelConfig, options: SplitOptions): string | undefined {
  const { worldSize, attention = 'tensor', experts = 'tensor', precision = 'bf16' } = options;
  if (!Number.isInteger(worldSize) || worldSize < 1) return 'to be split over 1 or more ranks';
  const { heads, kvHeads, moe } = config;
  const isWhole = attention === 'data';
  if (!isWhole && heads % worldSize !== 0) return `${heads} heads`;
  if (!isWhole && kvHeads % worldSize !== 0 && worldSize % kvHeads !== 0)
    return `${kvHeads} heads of keys and values`;
  if (!isWhole && config.vocabulary % worldSize !== 0) return `a vocabulary of ${config.vocabulary}`;
  const hasDense = !moe || moe.denseLayers > 0;
  const unit = worldSize * (precision === 'f8e4m3' ? CODES_TILE : 1);
  const multiple = precision === 'f8e4m3' ? ` that must be a multiple of ${CODES_TILE} on each rank` : '';
  if (hasDense && config.inner % unit !== 0)
    return `${config.inner} columns in a feed-forward part${multiple}`;
  const { mla } = config;
  const attended = (heads / (isWhole ? 1 : worldSize)) * (mla?.value ?? config.head);
  if (precision === 'f8e4m3' && attended % CODES_TILE !== 0)
    return `${attended} columns in what attention gives${multiple}`;
  if (!moe) return undefined;
  if (moe.sharedInner % unit !== 0) return `${moe.sharedInner} columns in shared experts${multiple}`;
  if (experts === 'expert' && moe.experts % worldSize !== 0) return `${moe.experts} experts`;
  if (experts === 'tensor' && moe.inner % worldSize !== 0) return `${moe.inner} columns in an expert`;
  return undefined;
}

function splitFor(config: ModelConfig, options: SplitOptions): Split {
  const { worldSize, attention = 'tensor', experts = 'tensor', precision = 'bf16' } = options;
  const { moe } = config;
  const attentionRanks = attention === 'data' ? 1 : worldSize;
  const expertRanks = experts === 'expert' ? worldSize : 1;
  return {
    worldSize,
    attention,
    experts,
    precision,
    heads: config.heads / attentionRanks,
    kvHeads: Math.max(1, config.kvHeads / attentionRanks),
    inner: config.inner / worldSize,
    expertInner: (moe?.inner ?? 0) / (experts === 'tensor' ? worldSize : 1),
    sharedInner: (moe?.sharedInner ?? 0) / worldSize,
    expertCount: (moe?.experts ?? 0) / expertRanks,
    vocabulary: config.vocabulary / attentionRanks,
  };
}
