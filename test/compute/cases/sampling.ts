/**
 * @file The largest of rows, one of them drawn, and the step from one token to the next: all exact.
 */
import { advance, likelihoods, sample, topK } from '../../../dist/tensor/reference/model/sampling.js';
import { type Case, changed, given, type Making, made, normals, numbersOf } from '../support/case.ts';
import { equal, firstOf } from '../support/judge.ts';

export function topKCases({ random, large }: Making): Case[] {
  const shapes: (readonly [tokens: number, vocabulary: number, choices: number])[] = [
    [1, 1000, 1],
    [5, 100, 8],
    [70, 64, 4],
    [3, 5000, 64],
    [2, 7, 7],
    [4, 3, 8],
    [1, 1, 1],
    [9, 513, 50],
    [0, 100, 4],
    ...(large
      ? ([
          [1, 128_256, 1],
          [5, 38_016, 64],
          [16, 50_257, 20],
          [3, 151_936, 64],
        ] as const)
      : []),
  ];
  return shapes.map(([tokens, vocabulary, choices], i): Case => {
    const start = i % 2 === 0 ? 0 : random.whole(1, 100_000);
    const values = normals(random, tokens * vocabulary, 3);
    // Few different numbers, so that many are equal.
    if (i % 3 === 1) for (let at = 0; at < values.length; at++) values[at] = Math.round(values[at]!);
    for (let at = 0; at < values.length; at++)
      if (random.chance(0.02)) values[at] = random.pick([Number.NaN, -Infinity, Infinity, 0, -0]);
    // A row of nothing but NaN, one of nothing but -Infinity, one of all the same.
    const fillRow = (row: number, value: number): void => {
      if (row < tokens) values.fill(value, row * vocabulary, (row + 1) * vocabulary);
    };
    if (i % 2 === 1) for (const [row, value] of [Number.NaN, -Infinity, 2].entries()) fillRow(row + 1, value);
    const x = given('bf16', values);
    return {
      kernel: 'top_k',
      memory: { out: made('f32', tokens * choices * 2), x },
      integers: { tokens, vocabulary, choices, start },
      judge: (after) => {
        const expected = topK(numbersOf(x), vocabulary, choices, start);
        // NaN is less than all: as which number it is told is open.
        const out = after.numbers('out').map((value, at) => {
          const isLeast = at % 2 === 0 && Number.isNaN(expected[at]!);
          return isLeast && value === -Infinity ? Number.NaN : value;
        });
        return equal(out, expected);
      },
    };
  });
}

/** Not closer to a boundary between two candidates than float32 could tell. */
const CLEAR = 1e-4;

export function sampleCases({ random }: Making): Case[] {
  const shapes: (readonly [tokens: number, ranks: number, choices: number])[] = [
    [1, 1, 1],
    [5, 2, 8],
    [70, 4, 3],
    [33, 8, 64],
    [9, 1, 50],
    [4, 3, 5],
    [0, 2, 4],
  ];
  return shapes.map(([tokens, ranks, choices], i): Case => {
    // Of every rank, the largest of a few columns: fewer than choices at times, and many that are equal.
    const candidates = new Float64Array(ranks * tokens * choices * 2);
    for (let rank = 0; rank < ranks; rank++) {
      const columns = i % 3 === 2 ? Math.max(1, choices - 2) : choices + 5;
      const x = normals(random, tokens * columns, 2).map((value) =>
        i % 2 === 1 ? Math.round(value) : value,
      );
      if (tokens > 0) candidates.set(topK(x, columns, choices, rank * columns), rank * tokens * choices * 2);
    }
    const memory = given('f32', candidates);
    const exact = numbersOf(memory);
    const temperatures = given(
      'f32',
      Array.from({ length: tokens }, () => random.pick([0, 0, 0.25, 0.7, 1, 3])),
    );
    const uniforms = Array.from({ length: tokens }, (_, token) => {
      const all = likelihoods(exact, { tokens, ranks, choices }, token, numbersOf(temperatures)[token]!);
      for (;;) {
        const uniform = Math.fround(random.chance(0.1) ? 0 : random.next() * 0.999);
        let below = 0;
        const isClear = all.every(({ probability }) => {
          below += probability;
          return Math.abs(uniform - below) > CLEAR || probability === 0;
        });
        if (isClear) return uniform;
      }
    });
    return {
      kernel: 'sample',
      memory: {
        out: made('i32', tokens),
        candidates: memory,
        temperatures,
        uniforms: given('f32', uniforms),
      },
      integers: { tokens, ranks, choices },
      judge: (after) =>
        equal(after.numbers('out'), sample(exact, numbersOf(temperatures), uniforms, choices)),
    };
  });
}

export function advanceCases({ random }: Making): Case[] {
  const shapes: (readonly [tokens: number, limit: number, step: number])[] = [
    [1, 4, 0],
    [5, 8, 7],
    [70, 3, 3],
    [9, 2, 5],
    [1500, 4, 1],
    [3, 0, 0],
  ];
  return shapes.map(([tokens, limit, step]): Case => {
    const whole = (count: number): Float64Array =>
      Float64Array.from({ length: count }, () => random.whole(0, 200_000));
    const [ids, positions, history, sampled] = [tokens, tokens, tokens * limit, tokens].map(whole);
    return {
      kernel: 'advance',
      memory: {
        ids: changed('i32', ids!),
        positions: changed('i32', positions!),
        history: changed('i32', history!),
        steps: changed('i32', [step]),
        sampled: given('i32', sampled!),
      },
      integers: { tokens, limit },
      once: true,
      judge: (after) => {
        const state = { ids: ids!, positions: positions!, history: history!, steps: Float64Array.of(step) };
        const next = advance(state, sampled!, limit);
        return firstOf({
          ids: equal(after.numbers('ids'), next.ids),
          positions: equal(after.numbers('positions'), next.positions),
          history: equal(after.numbers('history'), next.history),
          steps: equal(after.numbers('steps'), next.steps),
        });
      },
    };
  });
}
