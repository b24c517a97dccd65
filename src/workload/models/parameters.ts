/**
 * @file How many parameters a model has: those that every token is multiplied by, and those of routed experts.
 */
import type { ModelConfig } from './config.ts';

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

/** The share of experts that some token of a batch goes to, when each of `count` is as likely. */
export function expertsHit(choices: number, count: number, batch: number): number {
  return 1 - (1 - choices / count) ** batch;
}

function attentionParameters({ hidden, heads, kvHeads, head, headNorms, mla }: ModelConfig): number {
  if (!mla) return hidden * head * (2 * heads + 2 * kvHeads) + (headNorms ? 2 * head : 0);
  const { latent, rope, nope, value } = mla;
  return (
    hidden * (heads * head + latent + rope) + latent * (1 + heads * (nope + value)) + heads * value * hidden
  );
}
