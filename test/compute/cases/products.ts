/**
 * @file Products with weights: plain, of codes, and one a head.
 */
import { headLinear, linear, scaledLinear } from '../../../dist/tensor/reference/model/products.js';
import {
  type Case,
  given,
  givenNormals,
  type Making,
  made,
  normals,
  numbersOf,
  rowsOf,
  someOf,
} from '../support/case.ts';
import { ARITHMETIC, gamma, near } from '../support/judge.ts';

/** Columns of a matrix that has `width`. */
function columnsAt(values: Float64Array, width: number, columns: readonly number[]): Float64Array {
  const rows = values.length / width;
  return Float64Array.from(
    { length: rows * columns.length },
    (_, i) => values[Math.floor(i / columns.length) * width + columns[i % columns.length]!]!,
  );
}

const absolute = (values: Float64Array): Float64Array => values.map(Math.abs);

export function linearCases(making: Making): Case[] {
  const { random, engine, large } = making;
  const shapes: (readonly [tokens: number, outer: number, inner: number])[] = [
    [1, 64, 128],
    [2, 96, 256],
    [3, 8, 8],
    [5, 128, 64],
    [8, 72, 136],
    [16, 64, 512],
    [17, 200, 72],
    [33, 128, 96],
    [64, 64, 64],
    [70, 136, 80],
    [4, 7, 5],
    [1, 1, 1],
    [9, 33, 17],
    [0, 64, 64],
  ];
  if (large) {
    for (const tokens of [1, 2, 4, 7, 8, 12, 16, 24, 32, 48, 64, 70, 128, 200, 512, 2000])
      shapes.push([tokens, random.pick([1024, 4096, 6144, 1280]), random.pick([2048, 4096, 3584])]);
    shapes.push([1, 128_256 / 8, 4096], [64, 152_064 / 8, 3584], [5, 4096, 14_336], [130, 4096, 14_336]);
    shapes.push([3, 2880, 5120], [6, 512, 7168], [100, 24_576, 1536]);
  }
  return shapes.map(([tokens, outer, inner], i): Case => {
    const x = givenNormals(random, 'bf16', tokens * inner);
    const weight = givenNormals(random, 'bf16', outer * inner, 1 / Math.sqrt(inner));
    const bias = i % 3 === 1 ? given('bf16', normals(random, outer)) : undefined;
    return {
      kernel: 'linear',
      memory: { out: made('bf16', tokens * outer), x, weight, ...(bias && { bias }) },
      integers: { tokens, outer, inner },
      odd: outer % 8 !== 0 || inner % 8 !== 0,
      judge: (after) => {
        const columns = someOf(random, outer, large ? 24 : 128);
        const seen = someOf(random, tokens, 128);
        const [a, b] = [rowsOf(x, inner, seen), rowsOf(weight, inner, columns)];
        const c = bias && columnsAt(numbersOf(bias), outer, columns);
        const magnitude = linear(absolute(a), absolute(b), inner, c && absolute(c));
        const slack = magnitude.map((sum) => sum * gamma(inner + 1, ARITHMETIC[engine].sum));
        const out = columnsAt(rowsOf(after.memory('out'), outer, seen), outer, columns);
        return near('bf16', out, linear(a, b, inner, c), slack);
      },
    };
  });
}

/** Rows that hold what is no number stay apart from the others. */
export function linearSpecialCases({ random, engine }: Making): Case[] {
  return [2, 5, 40].map((tokens): Case => {
    const [outer, inner] = [64, 128];
    const values = normals(random, tokens * inner);
    values[3] = Number.NaN;
    values[inner + 5] = Number.POSITIVE_INFINITY;
    const x = given('bf16', values);
    const weight = given('bf16', normals(random, outer * inner));
    return {
      kernel: 'linear',
      memory: { out: made('bf16', tokens * outer), x, weight },
      integers: { tokens, outer, inner },
      judge: (after) => {
        const [a, b] = [numbersOf(x), numbersOf(weight)];
        const slack = linear(absolute(a), absolute(b), inner).map(
          (sum) => sum * gamma(inner + 1, ARITHMETIC[engine].sum),
        );
        return near('bf16', after.numbers('out'), linear(a, b, inner), slack);
      },
    };
  });
}

export function scaledLinearCases(making: Making): Case[] {
  const { random, engine, large } = making;
  const shapes: (readonly [tokens: number, outer: number, inner: number])[] = [
    [1, 16, 16],
    [2, 48, 64],
    [5, 128, 256],
    [16, 64, 128],
    [17, 80, 208],
    [70, 112, 96],
    [33, 16, 512],
    [0, 16, 16],
  ];
  if (large) {
    for (const tokens of [1, 4, 8, 16, 31, 64, 128, 1000])
      shapes.push([tokens, random.pick([1024, 4096, 6144]), random.pick([2048, 4096, 14_336])]);
  }
  return shapes.flatMap(([tokens, outer, inner], i) =>
    (large || i % 2 === 0 ? [0, 1] : [i % 4 === 1 ? 0 : 1]).map((scalePerToken): Case => {
      const x = givenNormals(random, 'f8e4m3', tokens * inner, random.pick([4, 100]));
      const weight = givenNormals(random, 'f8e4m3', outer * inner, 4);
      const scales = Array.from({ length: scalePerToken ? tokens : 1 }, () => random.next() + 1e-3);
      const xScale = given('f32', scales);
      const weightScale = given('f32', [random.next() * 0.01 + 1e-4]);
      return {
        kernel: 'scaled_linear',
        memory: { out: made('bf16', tokens * outer), x, weight, xScale, weightScale },
        integers: { tokens, outer, inner, scalePerToken },
        judge: (after) => {
          const columns = someOf(random, outer, large ? 24 : 128);
          const [a, b] = [numbersOf(x), rowsOf(weight, inner, columns)];
          const [ofX, ofWeight] = [numbersOf(xScale), numbersOf(weightScale)[0]!];
          const { codes, codesTogether } = ARITHMETIC[engine];
          const slack = scaledLinear(absolute(a), absolute(b), inner, ofX, ofWeight).map(
            (sum) => sum * gamma(inner / codesTogether + 3, codes),
          );
          const out = columnsAt(after.numbers('out'), outer, columns);
          return near('bf16', out, scaledLinear(a, b, inner, ofX, ofWeight), slack);
        },
      };
    }),
  );
}

export function headLinearCases({ random, engine, large }: Making): Case[] {
  const shapes: (readonly [tokens: number, heads: number, outer: number, inner: number])[] = [
    [1, 1, 64, 64],
    [3, 4, 32, 128],
    [5, 16, 64, 16],
    [17, 3, 128, 64],
    [40, 2, 16, 512],
    [0, 4, 64, 64],
    [2, 3, 7, 5],
    ...(large
      ? ([
          [1, 16, 512, 128],
          [7, 16, 128, 512],
          [64, 32, 512, 128],
          [100, 8, 128, 512],
        ] as const)
      : []),
  ];
  return shapes.map(([tokens, heads, outer, inner]): Case => {
    const x = givenNormals(random, 'bf16', tokens * heads * inner);
    const weight = givenNormals(random, 'bf16', heads * outer * inner, 1 / Math.sqrt(inner));
    return {
      kernel: 'head_linear',
      memory: { out: made('bf16', tokens * heads * outer), x, weight },
      integers: { tokens, heads, outer, inner },
      odd: outer % 8 !== 0 || inner % 8 !== 0,
      judge: (after) => {
        const [a, b] = [numbersOf(x), numbersOf(weight)];
        const slack = headLinear(absolute(a), absolute(b), heads, outer, inner).map(
          (sum) => sum * gamma(inner, ARITHMETIC[engine].sum),
        );
        return near('bf16', after.numbers('out'), headLinear(a, b, heads, outer, inner), slack);
      },
    };
  });
}
