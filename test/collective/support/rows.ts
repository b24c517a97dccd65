/**
 * @file Rows for RMSNorm: ordinary ones, and those that a norm or a quantization can stumble over.
 */
import type { ReducibleDType } from '../../../dist/tensor/dtype.js';
import { encodeArray } from '../../../dist/tensor/formats/array.js';
import { elements } from './data.ts';
import { Random } from './random.ts';

export const ROW_KINDS = ['normal', 'zero', 'tiny', 'nan', 'infinite', 'special', 'huge', 'grid'] as const;

export type RowKind = (typeof ROW_KINDS)[number];

/**
 * Bytes of [tokens, hidden]. Row t is of kind `kinds[t % kinds.length]`, with the same kind and other numbers for another seed.
 * - `tiny`: around 1e-7, so that in f16 many are subnormal
 * - `nan`, `infinite`: one such element in a normal row
 * - `special`: see data.ts
 * - `huge`: the largest finite numbers
 * - `grid`: sixteenths up to 24, so that many lie halfway between two codes
 */
export function rows(
  dtype: ReducibleDType,
  tokens: number,
  hidden: number,
  kinds: readonly RowKind[],
  seed: number,
): Uint8Array {
  const size = dtype === 'f32' ? 4 : 2;
  const bytes = new Uint8Array(tokens * hidden * size);
  for (let t = 0; t < tokens; t++) {
    const kind = kinds[t % kinds.length]!;
    bytes.set(row(dtype, hidden, kind, seed + t * 7919), t * hidden * size);
  }
  return bytes;
}

function row(dtype: ReducibleDType, hidden: number, kind: RowKind, seed: number): Uint8Array {
  const random = new Random(seed);
  const size = dtype === 'f32' ? 4 : 2;
  switch (kind) {
    case 'zero':
      return new Uint8Array(hidden * size);
    case 'tiny':
      return encodeArray(
        dtype,
        Float64Array.from({ length: hidden }, () => random.normal() * 1e-7),
      );
    case 'special':
      return elements(dtype, hidden, 'special', seed);
    case 'grid':
      return encodeArray(
        dtype,
        Float64Array.from({ length: hidden }, () => random.whole(-384, 384) / 16),
      );
    case 'huge':
      return elements(dtype, hidden, 'largest', seed);
    case 'normal':
      return elements(dtype, hidden, 'normal', seed);
    case 'nan':
    case 'infinite': {
      const bytes = elements(dtype, hidden, 'normal', seed);
      const one = encodeArray(dtype, [kind === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY]);
      bytes.set(one, random.whole(0, hidden - 1) * size);
      return bytes;
    }
    default:
      return kind satisfies never;
  }
}
