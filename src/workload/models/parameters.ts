/**
 * @file How many parameters a model has: those that every token is multiplied by, and those of routed experts.
 */
import type { ModelConfig } from './config.ts';
import type { SplitOptions } from './split.ts';

export interface Parameters {
  /** All but the routed experts; the embedding table and the output matrix among them. */
  readonly dense: number;
  /** Of all routed experts. */
  readonly experts: number;
}

export function parametersOf(config: ModelConfig): Parameters {
  const { layers, hidden, inner, vocabulary, tied, moe } = config;
  const gated = (columns: number): number => 3 * hidden * columns;
  const sparse = moe ? layers - Math.min(layers, moe.denseLayers) : 0;
  const everyLayer = attentionParameters(config) + 2 * hidden;
  const shared = moe ? moe.experts * hidden + gated(moe.sharedInner) : 0;
  const tables = (tied ? 1 : 2) * vocabulary * hidden;
  return {
    dense: tables + hidden + layers * everyLayer + (layers - sparse) * gated(inner) + sparse * shared,
    experts: sparse * (moe ? moe.experts * gated(moe.inner) : 0),
  };
}

const BF16_BYTES = 2;

/** The share of experts that some token of a batch goes to, when each of `count` is as likely. */
export function expertsHit(choices: number, count: number, batch: number): number {
  return 1 - (1 - choices / count) ** batch;
}

/**
 * Bytes of weights that a decode step of `batch` sequences reads on one rank: the dense ones once, and of experts those that some token goes to, each with the same chance. Of the
 * embedding table, which is taken to be read whole, it reads a few rows.
 */
export function bytesRead(
  config: ModelConfig,
  { worldSize, precision }: SplitOptions,
  batch: number,
): number {
  const { dense, experts } = parametersOf(config);
  const { moe } = config;
  const hit = moe ? expertsHit(moe.choices, moe.experts, batch) : 0;
  const projection = precision === 'f8e4m3' ? 1 : BF16_BYTES;
  return (dense * projection + hit * experts * BF16_BYTES) / worldSize;
}

function attentionParameters({ hidden, heads, kvHeads, head, headNorms, mla }: ModelConfig): number {
  if (!mla) return hidden * head * (2 * heads + 2 * kvHeads) + (headNorms ? 2 * head : 0);
  const { latent, rope, nope, value } = mla;
  return (
    hidden * (heads * head + latent + rope) + latent * (1 + heads * (nope + value)) + heads * value * hidden
  );
}
