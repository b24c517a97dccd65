/**
 * @file The shapes of the operations of models, as a table: the dtype and the dims of every operand and output, by name. Names that stand alone are
 * bound where they come first; every other number has to agree.
 */
import type { Dim } from './type.ts';

/** What a table says of a tensor: its dtype (`T` for the floating one that all have in common), then its dims. Dims are as in dim.ts; `...` is any number of them. */
export type Shape = readonly [dtype: 'T' | 'i32' | 'f32' | 'f8e4m3' | 'bf16', ...dims: Dim[]];

export interface ModelRule {
  /** In the order in which names are bound. Several shapes: one of them, by the number of dims. */
  readonly operands: Readonly<Record<string, Shape | readonly Shape[]>>;
  readonly outputs: readonly Shape[];
  /** Sizes that operands give which are whole numbers: name of the operand by name of the size. */
  readonly ints?: Readonly<Record<string, string>>;
  /** Sizes of what an operand that is absent would have. */
  readonly absent?: Readonly<Record<string, { readonly operand: string; readonly size: number }>>;
  /** What else has to hold. Sizes that are not known are NaN, with which nothing is wrong. */
  readonly also?: readonly {
    readonly wrong: (size: (name: string) => number, has: (operand: string) => boolean) => boolean;
    readonly says: string;
  }[];
}

const PLACES: Readonly<Record<string, Shape>> = {
  positions: ['i32', 'tokens'],
  rows: ['i32', 'tokens'],
  tables: ['i32', 'sequences', 'pages_each'],
};
const ROTARY_TABLE: Shape = ['f32', 'places', 'half', 2];
const SCALES: readonly Shape[] = [['f32'], ['f32', 1]];
const PAIR_WEIGHTS: Shape = ['f32', 'tokens', 'choices'];
const EXPERTS: Shape = ['i32', 'tokens', 'choices'];

export const MODEL_SHAPES: Readonly<Record<string, ModelRule>> = {
  scaled_linear: {
    operands: {
      weight: ['f8e4m3', 'outer', 'inner'],
      x: ['f8e4m3', '...', 'inner'],
      x_scale: [...SCALES, ['f32', 'tokens', 1]],
      weight_scale: SCALES,
    },
    outputs: [['bf16', '...', 'outer']],
  },
  head_linear: {
    operands: { x: ['T', 'tokens', 'heads', 'inner'], weight: ['T', 'heads', 'outer', 'inner'] },
    outputs: [['T', 'tokens', 'heads', 'outer']],
  },
  group_experts: {
    operands: { experts: EXPERTS },
    ints: { count: 'count' },
    outputs: [
      ['i32', 'tokens*choices'],
      ['i32', 'count + 1'],
    ],
  },
  expert_linear: {
    operands: {
      x: [
        ['T', 'tokens', 'inner'],
        ['T', 'tokens', 'choices', 'inner'],
      ],
      weight: ['T', 'count', 'outer', 'inner'],
      order: ['i32', 'tokens*choices'],
      offsets: ['i32', 'count + 1'],
    },
    ints: { choices: 'choices', experts: 'experts' },
    outputs: [['T', 'tokens', 'choices', 'outer']],
    also: [
      { wrong: (size) => size('count') > size('experts'), says: 'weight has more experts than there are' },
    ],
  },
  rotary_append: {
    operands: {
      key_cache: ['T', 'pages', 'page_size', 'kv_heads', 'head'],
      value_cache: ['T', 'pages', 'page_size', 'kv_heads', 'head'],
      qkv: ['T', 'tokens', '(heads + 2*kv_heads)*head'],
      query_norm: ['T', 'head'],
      key_norm: ['T', 'head'],
      table: ROTARY_TABLE,
      ...PLACES,
    },
    ints: { heads: 'heads' },
    outputs: [
      ['T', 'tokens', 'heads', 'head'],
      ['T', 'pages', 'page_size', 'kv_heads', 'head'],
      ['T', 'pages', 'page_size', 'kv_heads', 'head'],
    ],
    also: [{ wrong: (size) => 2 * size('half') > size('head'), says: 'table has more than half of a head' }],
  },
  latent_append: {
    operands: {
      norm: ['T', 'latent'],
      table: ROTARY_TABLE,
      x: ['T', 'tokens', 'heads', '2*half'],
      kv: ['T', 'tokens', 'latent + 2*half'],
      ...PLACES,
      cache: ['T', 'pages', 'page_size', 'latent + 2*half'],
    },
    outputs: [
      ['T', 'tokens', 'heads', '2*half'],
      ['T', 'pages', 'page_size', 'latent + 2*half'],
    ],
  },
  cached_attention: {
    operands: {
      query: ['T', 'tokens', 'heads', 'head'],
      query_rope: ['T', 'tokens', 'heads', 'rope'],
      key_cache: [
        ['T', 'pages', 'page_size', 'kv_heads', 'head + rope'],
        ['T', 'pages', 'page_size', 'head + rope'],
      ],
      value_cache: [
        ['T', 'pages', 'page_size', 'kv_heads', 'value_head'],
        ['T', 'pages', 'page_size', 'value_head'],
      ],
      ...PLACES,
    },
    ints: { value_head: 'value_head' },
    absent: { rope: { operand: 'query_rope', size: 0 } },
    outputs: [['T', 'tokens', 'heads', 'value_head']],
    also: [
      { wrong: (size) => size('kv_heads') > size('heads'), says: 'key_cache has more heads than query' },
      {
        wrong: (size, has) => !has('value_cache') && size('value_head') > size('head') + size('rope'),
        says: 'value_head is more than a key has',
      },
    ],
  },
  silu_gate: {
    operands: { x: ['T', '...', 'wide'] },
    outputs: [['T', '...', 'wide//2']],
    also: [{ wrong: (size) => size('wide') % 2 === 1, says: 'the last dim of x must be even' }],
  },
  route: {
    operands: { logits: ['T', 'tokens', 'experts'] },
    ints: { choices: 'choices' },
    outputs: [PAIR_WEIGHTS, EXPERTS],
    also: [
      { wrong: (size) => size('choices') > size('experts'), says: 'choices is more than there are experts' },
    ],
  },
  combine_experts: {
    operands: { x: ['T', 'tokens', 'choices', 'hidden'], weights: PAIR_WEIGHTS, experts: EXPERTS },
    outputs: [['T', 'tokens', 'hidden']],
  },
  top_k: {
    operands: { x: ['T', 'tokens', 'vocabulary'] },
    ints: { choices: 'choices' },
    outputs: [['f32', 'tokens', 'choices', 2]],
    also: [{ wrong: (size) => size('choices') < 1 || size('choices') > 64, says: 'choices must be 1 to 64' }],
  },
  sample: {
    operands: {
      temperatures: ['f32', 'tokens'],
      uniforms: ['f32', 'tokens'],
      candidates: ['f32', 'all', 'choices', 2],
    },
    outputs: [['i32', 'tokens']],
    also: [
      {
        wrong: (size) => size('tokens') > 0 && size('all') % size('tokens') !== 0,
        says: 'candidates must have as many rows as there are ranks times tokens',
      },
    ],
  },
};
