/**
 * @file Rows of tables, random weights, the gate: what is done element by element.
 */
import { randomWeight } from '../../../dist/engine/compute-random.js';
import { embedding } from '../../../dist/tensor/reference/model/embedding.js';
import { fill } from '../../../dist/tensor/reference/model/fill.js';
import { siluGate } from '../../../dist/tensor/reference/model/silu-gate.js';
import { type Case, given, type Making, type Memory, made, normals, numbersOf } from '../support/case.ts';
import { equal, FUNCTION, identical, near } from '../support/judge.ts';

export function embeddingCases({ random, large }: Making): Case[] {
  const shapes = [
    [5, 8, 10],
    [1, 64, 1],
    [70, 128, 33],
    [17, 7, 5],
    [3, 1, 4],
    [0, 16, 4],
    [33, 200, 9],
    ...(large
      ? [
          [4096, 4096, 1000],
          [3, 18432, 20],
          [1000, 2880, 64],
        ]
      : []),
  ] as const;
  return shapes.map(([tokens, hidden, rows], i): Case => {
    const start = i % 3 === 0 ? 0 : random.whole(1, 1000);
    // One in three is of another shard: before, just behind, or far away.
    const ids = Array.from({ length: tokens }, () =>
      random.chance(0.3)
        ? random.pick([
            start + rows,
            start + rows + random.whole(0, 100_000),
            0,
            Math.max(0, start - 1),
            2 ** 31 - 1,
          ])
        : start + random.whole(0, rows - 1),
    );
    // Any bits, NaN among them: rows are moved.
    const bytes = Uint8Array.from({ length: 2 * rows * hidden }, () => random.whole(0, 255));
    const table: Memory = { dtype: 'bf16', bytes, written: false };
    // The reference moves numbers, which stand for codes here.
    const codes = Float64Array.from(new Uint16Array(bytes.buffer));
    return {
      kernel: 'embedding',
      memory: { out: made('bf16', tokens * hidden), table, ids: given('i32', ids) },
      integers: { tokens, hidden, rows, start },
      odd: hidden % 8 !== 0,
      judge: (after) => {
        const expected = Uint16Array.from(embedding(codes, ids, hidden, start));
        return identical(after.bytes('out'), new Uint8Array(expected.buffer));
      },
    };
  });
}

export function siluGateCases({ random, large }: Making): Case[] {
  const shapes = [
    [1, 8],
    [3, 64],
    [70, 16],
    [2, 1],
    [5, 7],
    [4, 129],
    [0, 8],
    [9, 1024],
    ...(large
      ? [
          [1, 14336],
          [300, 12288],
          [4096, 768],
        ]
      : []),
  ] as const;
  return shapes.map(([tokens, inner], i): Case => {
    const values = normals(random, 2 * tokens * inner, i % 2 === 0 ? 1 : 12);
    for (let at = 0; at < values.length; at++)
      if (random.chance(0.05)) values[at] = random.pick([0, -0, 1000, -1000, 88, -88, Number.NaN, 1e-30]);
    const x = given('bf16', values);
    return {
      kernel: 'silu_gate',
      memory: { out: made('bf16', tokens * inner), x },
      integers: { tokens, inner },
      odd: inner % 8 !== 0,
      judge: (after) => {
        const numbers = numbersOf(x);
        const exact = siluGate(numbers, inner);
        // Beyond 88 the exponential of float32 is infinite, where the exact result is next to nothing.
        const tiny = 1e-36;
        const slack = exact.map((value, at) => {
          const factor = numbers[Math.floor(at / inner) * 2 * inner + (at % inner) + inner]!;
          return Math.abs(value) * FUNCTION * 16 + Math.abs(factor) * tiny;
        });
        return near('bf16', after.numbers('out'), exact, slack);
      },
    };
  });
}

export function fillCases({ random, large }: Making): Case[] {
  const shapes = [
    [4, 8, 8],
    [1, 1, 1],
    [3, 7, 20],
    [16, 64, 100],
    [5, 33, 65],
    [2, 16, 131_072],
    [0, 8, 8],
    ...(large
      ? [
          [4096, 512, 4096],
          [100, 14_336, 14_336],
        ]
      : []),
  ] as const;
  return shapes.map(([rows, columns, wholeColumns]): Case => {
    // Rows so far down that numbers of elements go beyond 2^32.
    const row = random.pick([0, 3, 70_000]);
    const column = random.whole(0, wholeColumns - columns);
    const seed = random.pick([0, 1, random.whole(0, 2 ** 31 - 1)]);
    const scale = Math.fround(random.pick([1, 0.02, 1e-3]));
    const part = { rows, columns, wholeColumns, row, column, seed };
    return {
      kernel: 'fill',
      memory: { out: made('bf16', rows * columns) },
      integers: part,
      floats: { scale },
      odd: columns % 8 !== 0,
      judge: (after) => {
        // Every element where there are few, else some of them.
        const step = Math.max(1, Math.floor((rows * columns) / 3000));
        const actual = after.numbers('out').filter((_, i) => i % step === 0);
        const whole = step === 1 ? fill({ ...part, scale }) : undefined;
        const expected = actual.map((_, n) => {
          const [r, c] = [Math.floor((n * step) / columns), (n * step) % columns];
          const one = randomWeight((row + r) * wholeColumns + column + c, seed, scale);
          if (whole && whole[n] !== one) throw new Error(`references differ: ${whole[n]} and ${one}`);
          return one;
        });
        return equal(actual, numbersOf(given('bf16', expected)));
      },
    };
  });
}
