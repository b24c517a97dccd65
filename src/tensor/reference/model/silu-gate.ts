/**
 * @file The gate of a feed-forward part: silu of the first half of each row, times the second.
 */
import { tokenCount } from '../ranks.ts';

/**
 * @param x [tokens, 2 * inner]
 * @returns [tokens, inner]
 */
export function siluGate(x: Float64Array, inner: number): Float64Array {
  const out = new Float64Array(tokenCount(x.length, 2 * inner, 'x') * inner);
  for (let i = 0; i < out.length; i++) {
    const at = Math.floor(i / inner) * 2 * inner + (i % inner);
    const gate = x[at]!;
    out[i] = (gate / (1 + Math.exp(-gate))) * x[at + inner]!;
  }
  return out;
}
