/**
 * @file What peer_check.cu writes: a word that depends on a seed and on its place. The host compares what came back.
 */

/** The kernel's `mix`. */
export function mix(value: number): number {
  let x = value >>> 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return x >>> 0;
}

/** Words that are not the pattern's: how many, and the first. */
export interface Mismatch {
  readonly count: number;
  readonly index: number;
  readonly found: number;
  readonly expected: number;
}

/** Undefined when all words are the pattern's. */
export function mismatch(words: Uint32Array, seed: number): Mismatch | undefined {
  let count = 0;
  let index = -1;
  for (let i = 0; i < words.length; i++) {
    if (words[i] === mix(i + seed)) continue;
    if (count++ === 0) index = i;
  }
  return count === 0 ? undefined : { count, index, found: words[index]!, expected: mix(index + seed) };
}
