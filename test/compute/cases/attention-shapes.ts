/**
 * @file Shapes of attention: grouped heads and latent ones, pages of all sizes, tokens one by one and prompts.
 */

export interface Shape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly head: number;
  readonly rope?: number;
  /** The head's, unless said. */
  readonly valueHead?: number;
  /** Whether values are the first elements of keys. */
  readonly latent?: boolean;
  readonly pageSize: number;
  /** Of each sequence, how many places it has, and how many of the last ones are tokens: `37:1 64:10`. */
  readonly sequences: string;
  readonly shuffled?: boolean;
  /** Of scores: far from 1 makes weights of softmax that are nearly 0 and 1. */
  readonly sharpness?: number;
  readonly odd?: boolean;
}

export const SMALL: readonly Shape[] = [
  { heads: 4, kvHeads: 1, head: 64, pageSize: 16, sequences: '1:1' },
  {
    heads: 4,
    kvHeads: 2,
    head: 64,
    pageSize: 16,
    sequences: '37:1 1:1 64:1',
  },
  {
    heads: 2,
    kvHeads: 2,
    head: 128,
    pageSize: 1,
    sequences: '9:1 20:1',
  },
  {
    heads: 8,
    kvHeads: 1,
    head: 32,
    pageSize: 64,
    sequences: '63:1 64:1 65:1',
  },
  { heads: 6, kvHeads: 2, head: 64, pageSize: 100, sequences: '100:1', odd: true },
  { heads: 4, kvHeads: 4, head: 64, pageSize: 16, sequences: '33:33' },
  {
    heads: 4,
    kvHeads: 1,
    head: 64,
    pageSize: 16,
    sequences: '70:40 5:5 18:1',
  },
  {
    heads: 2,
    kvHeads: 1,
    head: 128,
    pageSize: 16,
    sequences: '20:7 41:9',
    shuffled: true,
  },
  { heads: 2, kvHeads: 1, head: 64, pageSize: 16, sequences: '50:3', sharpness: 30 },
  { heads: 3, kvHeads: 1, head: 10, valueHead: 7, pageSize: 5, sequences: '12:4', odd: true },
  { heads: 5, kvHeads: 2, head: 8, pageSize: 3, sequences: '11:2', odd: true },
  {
    heads: 4,
    kvHeads: 1,
    head: 64,
    rope: 16,
    latent: true,
    pageSize: 16,
    sequences: '19:1 40:1',
  },
  {
    heads: 2,
    kvHeads: 1,
    head: 512,
    rope: 64,
    latent: true,
    pageSize: 64,
    sequences: '21:2 3:1',
  },
  { heads: 4, kvHeads: 1, head: 32, rope: 16, latent: true, pageSize: 1, sequences: '30:20', odd: true },
  { heads: 2, kvHeads: 2, head: 32, rope: 32, valueHead: 32, pageSize: 16, sequences: '9:3', odd: true },
  { heads: 4, kvHeads: 1, head: 64, pageSize: 16, sequences: '' },
];

export const LARGE: readonly Shape[] = [
  { heads: 32, kvHeads: 8, head: 128, pageSize: 16, sequences: '3000:1' },
  {
    heads: 8,
    kvHeads: 2,
    head: 128,
    pageSize: 64,
    sequences: '1500:1 1:1 777:1 2047:1 64:1',
  },
  {
    heads: 8,
    kvHeads: 1,
    head: 128,
    pageSize: 64,
    sequences: '600:150 130:130',
  },
  { heads: 14, kvHeads: 2, head: 64, pageSize: 64, sequences: '257:257' },
  {
    heads: 4,
    kvHeads: 4,
    head: 128,
    pageSize: 16,
    sequences: '200:64 65:65 700:1 300:2',
  },
  {
    heads: 16,
    kvHeads: 1,
    head: 512,
    rope: 64,
    latent: true,
    pageSize: 64,
    sequences: '1300:1 70:1',
  },
  { heads: 4, kvHeads: 1, head: 512, rope: 64, latent: true, pageSize: 64, sequences: '150:150' },
  // Kernels are others for long heads, for many heads that share one, and for both.
  { heads: 4, kvHeads: 2, head: 256, pageSize: 64, sequences: '300:1 80:80' },
  { heads: 4, kvHeads: 1, head: 96, pageSize: 16, sequences: '130:1 70:70' },
  { heads: 3, kvHeads: 1, head: 192, pageSize: 16, sequences: '200:1 66:66' },
  { heads: 24, kvHeads: 1, head: 64, pageSize: 64, sequences: '300:1 40:20' },
  { heads: 128, kvHeads: 1, head: 512, rope: 64, latent: true, pageSize: 64, sequences: '200:1 33:2' },
  { heads: 16, kvHeads: 1, head: 512, rope: 64, latent: true, pageSize: 64, sequences: '90:30 20:20 400:1' },
  { heads: 24, kvHeads: 1, head: 512, rope: 64, latent: true, pageSize: 64, sequences: '700:1 65:1' },
];

/** Length and number of tokens of each sequence. */
export function sequencesIn({ sequences }: Shape): (readonly [length: number, tokens: number])[] {
  return sequences
    .split(' ')
    .filter((one) => one !== '')
    .map((one) => one.split(':').map(Number) as [number, number]);
}
