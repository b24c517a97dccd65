/**
 * @file Random weights by a hash of their place, so that every rank makes its own part of one model, and engines make the same one.
 */

/** 32 bits of which each depends on all of `x`: the finalizer of MurmurHash3. */
function mix(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Element `index` of a random matrix, before it is rounded to bf16: a multiple of scale / 2^23 from -scale to below scale. The upper and the lower 32 bits of
 * index are mixed in one after the other; every operation is exact or one float32 rounding, so all engines agree.
 */
export function randomWeight(index: number, seed: number, scale: number): number {
  const low = index >>> 0;
  const high = Math.floor(index / 2 ** 32) >>> 0;
  const bits = mix(mix(mix(seed) ^ low) ^ high);
  // 24 bits, so that the difference is exact in float32.
  return Math.fround(Math.fround((bits >>> 8) / 2 ** 23 - 1) * Math.fround(scale));
}
