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
import { LARGE, type Shape, SMALL, sequencesIn } from './attention-shapes.ts';

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
  const all = sequencesIn(shape);
  const sequences = sequencesOf(random, {
    lengths: all.map(([length]) => length),
    tokens: all.map(([, tokens]) => tokens),
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
