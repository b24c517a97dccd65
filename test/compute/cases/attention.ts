/**
 * @file Attention over caches: grouped heads, latent attention, any pages; for single tokens and for prompts. What is not looked at is NaN.
 */
import {
  type Attention,
  attention,
  forEachLook,
  weightsOf,
} from '../../../dist/tensor/reference/model/attention.js';
import { memoryOf, sequencesOf, slotsInUse } from '../support/caches.ts';
import { type Case, given, type Making, made, normals, numbersOf } from '../support/case.ts';
import { ARITHMETIC, FUNCTION, gamma, near } from '../support/judge.ts';

interface Shape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly head: number;
  readonly rope?: number;
  /** The head's, unless said. */
  readonly valueHead?: number;
  /** Whether values are the first elements of keys. */
  readonly latent?: boolean;
  readonly pageSize: number;
  /** Places of each sequence, and how many of its last ones are tokens. */
  readonly sequences: readonly (readonly [length: number, tokens: number])[];
  readonly shuffled?: boolean;
  /** Of scores: far from 1 makes weights of softmax that are nearly 0 and 1. */
  readonly sharpness?: number;
  readonly odd?: boolean;
}

const SMALL: readonly Shape[] = [
  { heads: 4, kvHeads: 1, head: 64, pageSize: 16, sequences: [[1, 1]] },
  {
    heads: 4,
    kvHeads: 2,
    head: 64,
    pageSize: 16,
    sequences: [
      [37, 1],
      [1, 1],
      [64, 1],
    ],
  },
  {
    heads: 2,
    kvHeads: 2,
    head: 128,
    pageSize: 1,
    sequences: [
      [9, 1],
      [20, 1],
    ],
  },
  {
    heads: 8,
    kvHeads: 1,
    head: 32,
    pageSize: 64,
    sequences: [
      [63, 1],
      [64, 1],
      [65, 1],
    ],
  },
  { heads: 6, kvHeads: 2, head: 64, pageSize: 100, sequences: [[100, 1]], odd: true },
  { heads: 4, kvHeads: 4, head: 64, pageSize: 16, sequences: [[33, 33]] },
  {
    heads: 4,
    kvHeads: 1,
    head: 64,
    pageSize: 16,
    sequences: [
      [70, 40],
      [5, 5],
      [18, 1],
    ],
  },
  {
    heads: 2,
    kvHeads: 1,
    head: 128,
    pageSize: 16,
    sequences: [
      [20, 7],
      [41, 9],
    ],
    shuffled: true,
  },
  { heads: 2, kvHeads: 1, head: 64, pageSize: 16, sequences: [[50, 3]], sharpness: 30 },
  { heads: 3, kvHeads: 1, head: 10, valueHead: 7, pageSize: 5, sequences: [[12, 4]], odd: true },
  { heads: 5, kvHeads: 2, head: 8, pageSize: 3, sequences: [[11, 2]], odd: true },
  {
    heads: 4,
    kvHeads: 1,
    head: 64,
    rope: 16,
    latent: true,
    pageSize: 16,
    sequences: [
      [19, 1],
      [40, 1],
    ],
  },
  {
    heads: 2,
    kvHeads: 1,
    head: 512,
    rope: 64,
    latent: true,
    pageSize: 64,
    sequences: [
      [21, 2],
      [3, 1],
    ],
  },
  { heads: 4, kvHeads: 1, head: 32, rope: 16, latent: true, pageSize: 1, sequences: [[30, 20]], odd: true },
  { heads: 2, kvHeads: 2, head: 32, rope: 32, valueHead: 32, pageSize: 16, sequences: [[9, 3]], odd: true },
  { heads: 4, kvHeads: 1, head: 64, pageSize: 16, sequences: [] },
];

const LARGE: readonly Shape[] = [
  { heads: 32, kvHeads: 8, head: 128, pageSize: 16, sequences: [[3000, 1]] },
  {
    heads: 8,
    kvHeads: 2,
    head: 128,
    pageSize: 64,
    sequences: [
      [1500, 1],
      [1, 1],
      [777, 1],
      [2047, 1],
      [64, 1],
    ],
  },
  {
    heads: 8,
    kvHeads: 1,
    head: 128,
    pageSize: 64,
    sequences: [
      [600, 150],
      [130, 130],
    ],
  },
  { heads: 14, kvHeads: 2, head: 64, pageSize: 64, sequences: [[257, 257]] },
  {
    heads: 4,
    kvHeads: 4,
    head: 128,
    pageSize: 16,
    sequences: [
      [200, 64],
      [65, 65],
      [700, 1],
      [300, 2],
    ],
  },
  {
    heads: 16,
    kvHeads: 1,
    head: 512,
    rope: 64,
    latent: true,
    pageSize: 64,
    sequences: [
      [1300, 1],
      [70, 1],
    ],
  },
  { heads: 4, kvHeads: 1, head: 512, rope: 64, latent: true, pageSize: 64, sequences: [[150, 150]] },
];

export function attentionCases(making: Making): Case[] {
  return casesOf(making, 'attention');
}

export function prefillCases(making: Making): Case[] {
  return casesOf(making, 'prefill_attention');
}

function casesOf(making: Making, kernel: 'attention' | 'prefill_attention'): Case[] {
  const shapes = making.large ? [...SMALL, ...LARGE] : SMALL;
  return shapes.map((shape, i) => caseOf(making, kernel, shape, i));
}

function caseOf(
  { random, engine }: Making,
  kernel: 'attention' | 'prefill_attention',
  shape: Shape,
  i: number,
): Case {
  const { heads, kvHeads, head, rope = 0, valueHead = head, latent = false, pageSize, sharpness = 1 } = shape;
  const sequences = sequencesOf(random, {
    lengths: shape.sequences.map(([length]) => length),
    tokens: shape.sequences.map(([, tokens]) => tokens),
    pageSize,
    shuffled: shape.shuffled ?? false,
  });
  const tokens = sequences.positions.length;
  const slots = sequences.pages * pageSize;
  const used = slotsInUse(sequences);
  const cacheOf = (width: number): ReturnType<typeof given> => {
    const values = normals(random, slots * kvHeads * width).map((value, at) =>
      used.has(Math.floor(at / (kvHeads * width))) ? value : Number.NaN,
    );
    return given('bf16', values);
  };
  const query = given('bf16', normals(random, tokens * heads * head));
  const queryRope = rope > 0 ? given('bf16', normals(random, tokens * heads * rope)) : undefined;
  const keyCache = cacheOf(head + rope);
  const valueCache = latent ? undefined : cacheOf(valueHead);
  const scale = Math.fround(sharpness / Math.sqrt(head + rope));
  const longest = Math.max(1, ...sequences.lengths);
  return {
    kernel,
    memory: {
      out: made('bf16', tokens * heads * valueHead),
      ...{ query, keyCache },
      ...(queryRope && { queryRope }),
      ...(valueCache && { valueCache }),
      ...memoryOf(sequences),
    },
    integers: {
      ...{ tokens, heads, kvHeads, head, rope, valueHead, pageSize },
      pagesPerSequence: sequences.pagesPerSequence,
      // As many as there are, or as many as the tables have room for.
      places: i % 2 === 0 ? longest : sequences.pagesPerSequence * pageSize,
    },
    floats: { scale },
    odd: shape.odd ?? false,
    judge: (after) => {
      const operands: Attention = {
        ...sequences,
        query: numbersOf(query),
        queryRope: queryRope && numbersOf(queryRope),
        keyCache: numbersOf(keyCache),
        valueCache: valueCache && numbersOf(valueCache),
        ...{ heads, kvHeads, head, rope, valueHead, scale },
      };
      const slack = slackOf(operands, ARITHMETIC[engine]);
      return near('bf16', after.numbers('out'), attention(operands), slack);
    },
  };
}

/** An error of d in a score changes its weight by a factor of exp(d), and the others' by as much the other way. */
function slackOf(
  operands: Attention,
  { sum, weight }: { readonly sum: number; readonly weight: number },
): Float64Array {
  const { positions, heads, valueHead, scale, head, rope } = operands;
  const slack = new Float64Array(positions.length * heads * valueHead);
  forEachLook(operands, (look) => {
    const weights = weightsOf(look, scale);
    const magnitudes = look.keys.map(
      (key) => scale * key.reduce((total, k, i) => total + Math.abs(k * look.query[i]!), 0),
    );
    const most = magnitudes.reduce((a, b) => Math.max(a, b), 0);
    const ofScore = most * (gamma(head + rope, sum) + FUNCTION);
    const relative = Math.expm1(2 * ofScore) + 2 * weight + gamma(weights.length, sum);
    for (const [place, value] of look.values.entries())
      for (let i = 0; i < valueHead; i++)
        slack[look.index * valueHead + i]! += relative * weights[place]! * Math.abs(value[i]!);
  });
  return slack;
}
