/**
 * @file Rotation of queries, and what is appended to caches. Slots of other places must stay as they were.
 */

import { memoryOf, type Sequences, sequencesOf } from '../support/caches.ts';
import { type Case, changed, given, type Making, made, normals, numbersOf } from '../support/case.ts';
import {
  apart,
  exactly,
  normedRange,
  put,
  type Range,
  rangeOf,
  rotatedRange,
  slotsOf,
} from '../support/interval.ts';
import { between, firstOf } from '../support/judge.ts';

/** Cosines and sines of real angles. */
function rotaryTable(places: number, rotary: number): Float64Array {
  return Float64Array.from({ length: places * rotary }, (_, i) => {
    const [place, pair] = [Math.floor(i / rotary), Math.floor((i % rotary) / 2)];
    const angle = place / 10_000 ** ((2 * pair) / rotary);
    return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
  });
}

function someSequences({ random }: Making, i: number, tokens: number): Sequences {
  const pageSize = [1, 16, 64, 5][i % 4]!;
  const first = random.whole(0, tokens);
  const counts = i % 3 === 0 ? [0, tokens] : [first, tokens - first, 0];
  // Places from 0 on, or behind what is there already.
  const lengths = counts.map((count) => count + (i % 2 === 0 ? 0 : random.whole(0, 40)));
  return sequencesOf(random, { lengths, pageSize, tokens: counts, shuffled: i % 2 === 1 });
}

type Shape = readonly [tokens: number, heads: number, kvHeads: number, head: number, rotary: number];

export function rotaryAppendCases(making: Making): Case[] {
  const { random, large } = making;
  const shapes: Shape[] = [
    [1, 4, 1, 64, 64],
    [5, 8, 2, 64, 32],
    [17, 4, 4, 128, 128],
    [70, 6, 1, 16, 16],
    [3, 2, 1, 10, 6],
    [2, 3, 3, 8, 2],
    [9, 5, 1, 96, 96],
    [6, 8, 8, 64, 64],
    [0, 4, 1, 64, 64],
    [4, 2, 2, 24, 0],
    ...(large
      ? ([
          [1, 32, 8, 128, 128],
          [300, 16, 2, 128, 64],
          [2000, 8, 1, 64, 64],
        ] as const)
      : []),
  ];
  return shapes.map(([tokens, heads, kvHeads, head, rotary], i): Case => {
    const sequences = someSequences(making, i, tokens);
    const { pages, pageSize, pagesPerSequence } = sequences;
    const slots = pages * pageSize;
    const qkv = given('bf16', normals(random, tokens * (heads + 2 * kvHeads) * head, 3));
    const norm = (): Float64Array => normals(random, head);
    const queryNorm = i % 3 === 1 ? given('bf16', norm()) : undefined;
    const keyNorm = i % 3 === 1 || i % 5 === 3 ? given('bf16', norm()) : undefined;
    const table = given('f32', rotaryTable(Math.max(1, ...sequences.lengths) + 1, rotary));
    const keyCache = changed('bf16', normals(random, slots * kvHeads * head));
    const valueCache = changed('bf16', normals(random, slots * kvHeads * head));
    const epsilon = Math.fround(1e-6);
    return {
      kernel: 'rotary_append',
      memory: {
        queries: made('bf16', tokens * heads * head),
        ...{ keyCache, valueCache, qkv, table },
        ...(queryNorm && { queryNorm }),
        ...(keyNorm && { keyNorm }),
        ...memoryOf(sequences),
      },
      integers: { tokens, heads, kvHeads, head, rotary, pageSize, pagesPerSequence },
      floats: { epsilon },
      odd: head % 16 !== 0 || rotary % 16 !== 0 || rotary === 0,
      judge: (after) => {
        const [all, angles] = [numbersOf(qkv), numbersOf(table)];
        const [keys, values] = [keyCache, valueCache].map((cache) => rangeOf(numbersOf(cache)));
        const queries = rangeOf(new Float64Array(tokens * heads * head));
        const at = slotsOf(sequences, slots);
        for (let t = 0; t < tokens; t++) {
          const place = sequences.positions[t]!;
          const own = angles.subarray(place * rotary, (place + 1) * rotary);
          const part = (index: number): Float64Array => {
            const from = (t * (heads + 2 * kvHeads) + index) * head;
            return all.subarray(from, from + head);
          };
          const rotated = (x: Float64Array, weight: typeof queryNorm): Range =>
            rotatedRange(weight ? normedRange(x, numbersOf(weight), epsilon) : exactly(x), own);
          for (let h = 0; h < heads; h++) put(queries, (t * heads + h) * head, rotated(part(h), queryNorm));
          for (let h = 0; h < kvHeads; h++) {
            const to = (at[t]! * kvHeads + h) * head;
            put(keys!, to, rotated(part(heads + h), keyNorm));
            put(values!, to, exactly(part(heads + kvHeads + h)));
          }
        }
        return firstOf({
          queries: between('bf16', after.numbers('queries'), queries.lo, queries.hi),
          keyCache: between('bf16', after.numbers('keyCache'), keys!.lo, keys!.hi),
          valueCache: between('bf16', after.numbers('valueCache'), values!.lo, values!.hi),
        });
      },
    };
  });
}

export function latentAppendCases(making: Making): Case[] {
  const { random, large } = making;
  const shapes: (readonly [tokens: number, heads: number, latent: number, rotary: number])[] = [
    [1, 4, 64, 16],
    [5, 16, 32, 32],
    [17, 2, 512, 64],
    [70, 3, 16, 8],
    [4, 1, 10, 6],
    [0, 4, 64, 16],
    ...(large
      ? ([
          [1, 16, 512, 64],
          [500, 16, 512, 64],
        ] as const)
      : []),
  ];
  return shapes.map(([tokens, heads, latent, rotary], i): Case => {
    const sequences = someSequences(making, i, tokens);
    const { pages, pageSize, pagesPerSequence } = sequences;
    const [slots, width] = [pages * pageSize, latent + rotary];
    const x = given('bf16', normals(random, tokens * heads * rotary, 2));
    const kv = given('bf16', normals(random, tokens * width, 2));
    const norm = given('bf16', normals(random, latent));
    const table = given('f32', rotaryTable(Math.max(1, ...sequences.lengths) + 1, rotary));
    const cache = changed('bf16', normals(random, slots * width));
    const epsilon = Math.fround(1e-5);
    return {
      kernel: 'latent_append',
      memory: {
        queries: made('bf16', tokens * heads * rotary),
        ...{ cache, x, kv, norm, table },
        ...memoryOf(sequences),
      },
      integers: { tokens, heads, latent, rotary, pageSize, pagesPerSequence },
      floats: { epsilon },
      odd: latent % 16 !== 0 || rotary % 8 !== 0,
      judge: (after) => {
        const [angles, rows, all] = [numbersOf(table), numbersOf(kv), numbersOf(x)];
        const written = rangeOf(numbersOf(cache));
        const queries = rangeOf(new Float64Array(tokens * heads * rotary));
        const at = slotsOf(sequences, slots);
        for (let t = 0; t < tokens; t++) {
          const place = sequences.positions[t]!;
          const own = angles.subarray(place * rotary, (place + 1) * rotary);
          const row = rows.subarray(t * width, (t + 1) * width);
          put(written, at[t]! * width, normedRange(row.subarray(0, latent), numbersOf(norm), epsilon));
          const rope = rotatedRange(exactly(apart(row.subarray(latent))), own);
          put(written, at[t]! * width + latent, rope);
          for (let h = 0; h < heads; h++) {
            const from = (t * heads + h) * rotary;
            put(queries, from, rotatedRange(exactly(apart(all.subarray(from, from + rotary))), own));
          }
        }
        return firstOf({
          queries: between('bf16', after.numbers('queries'), queries.lo, queries.hi),
          cache: between('bf16', after.numbers('cache'), written.lo, written.hi),
        });
      },
    };
  });
}
