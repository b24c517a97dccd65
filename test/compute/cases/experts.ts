/**
 * @file Mixture of experts: routes, groups, products and their sum.
 */
import { combine, expertLinear, groupExperts, route } from '../../../dist/tensor/reference/model/experts.js';
import {
  type Case,
  distinct,
  GUARD,
  given,
  givenNormals,
  type Making,
  made,
  normals,
  numbersOf,
  rowsOf,
  someOf,
} from '../support/case.ts';
import { ARITHMETIC, equal, FUNCTION, firstOf, gamma, near, UNIT } from '../support/judge.ts';

export function routeCases({ random, large }: Making): Case[] {
  const shapes: (readonly [tokens: number, count: number, choices: number])[] = [
    [1, 8, 2],
    [5, 16, 4],
    [70, 128, 8],
    [33, 64, 6],
    [3, 1, 1],
    [4, 5, 5],
    [9, 60, 4],
    [2, 256, 8],
    [0, 8, 2],
    ...(large
      ? ([
          [2000, 128, 8],
          [512, 512, 10],
        ] as const)
      : []),
  ];
  return shapes.map(([tokens, count, choices], i): Case => {
    const values = normals(random, tokens * count, 2);
    // Few values, so that many are equal; one row of all the same.
    for (let at = 0; at < values.length; at++) if (i % 2 === 0) values[at] = Math.round(values[at]!);
    for (let at = 0; at < Math.min(count, values.length); at++) if (i % 3 === 0) values[at] = 1.5;
    const logits = given('bf16', values);
    const normalize = i % 2;
    const scale = Math.fround(i % 3 === 2 ? 2.5 : 1);
    return {
      kernel: 'route',
      memory: { weights: made('f32', tokens * choices), experts: made('i32', tokens * choices), logits },
      integers: { tokens, count, choices, normalize },
      floats: { scale },
      odd: count < choices || count === 1,
      judge: (after) => {
        const { weights, experts } = route(numbersOf(logits), count, choices, normalize === 1, scale);
        const slack = weights.map((weight) => weight * (16 * FUNCTION + gamma(count, UNIT)));
        return firstOf({
          experts: equal(after.numbers('experts'), experts),
          weights: near('f32', after.numbers('weights'), weights, slack),
        });
      },
    };
  });
}

/** Which expert each pair goes to, among `all`; some experts get nothing. */
function expertsOf({ random }: Making, tokens: number, choices: number, all: number): number[] {
  const popular = distinct(random, Math.max(choices, Math.ceil(all * 0.6)), all);
  return Array.from({ length: tokens }, () =>
    distinct(random, choices, popular.length).map((at) => popular[at]!),
  ).flat();
}

export function groupExpertsCases(making: Making): Case[] {
  const { random, large } = making;
  const shapes: (readonly [tokens: number, choices: number, count: number, all: number])[] = [
    [1, 2, 8, 8],
    [5, 4, 4, 16],
    [70, 8, 128, 128],
    [33, 6, 16, 64],
    [7, 1, 1, 4],
    [64, 4, 1, 60],
    [0, 2, 8, 8],
    [300, 3, 5, 7],
    ...(large
      ? ([
          [2000, 8, 128, 128],
          [4096, 8, 32, 256],
          [8192, 4, 60, 60],
        ] as const)
      : []),
  ];
  return shapes.flatMap(([tokens, choices, count, all]) => {
    // The last shard, and one that nobody goes to.
    const starts = [all - count, ...(count < all ? [random.whole(0, all - count), all] : [])];
    return starts.map((start): Case => {
      const pairs = expertsOf(making, tokens, choices, all);
      return {
        kernel: 'group_experts',
        memory: {
          order: made('i32', tokens * choices),
          offsets: made('i32', count + 1),
          experts: given('i32', pairs),
        },
        integers: { tokens, choices, count, start },
        judge: (after) => {
          const { order, offsets } = groupExperts(pairs, count, start);
          // Without tokens there is nothing to write, and offsets need not be.
          if (tokens === 0) return undefined;
          return firstOf({
            offsets: equal(after.numbers('offsets'), offsets),
            order: equal(after.numbers('order').subarray(0, order.length), order),
          });
        },
      };
    });
  });
}

export function expertLinearCases(making: Making): Case[] {
  const { random, engine, large } = making;
  const shapes: (readonly [
    tokens: number,
    choices: number,
    count: number,
    all: number,
    outer: number,
    inner: number,
  ])[] = [
    [1, 2, 8, 8, 64, 32],
    [5, 4, 4, 16, 32, 64],
    [33, 6, 16, 32, 16, 48],
    [70, 8, 16, 16, 24, 32],
    [17, 2, 3, 4, 128, 128],
    [40, 1, 2, 2, 64, 64],
    [3, 2, 2, 6, 7, 5],
    [0, 2, 4, 4, 32, 32],
    ...(large
      ? ([
          [1, 8, 32, 128, 1536, 2048],
          [16, 8, 32, 128, 768, 2048],
          [100, 4, 15, 60, 2816, 2048],
          [600, 8, 16, 128, 512, 768],
        ] as const)
      : []),
  ];
  return shapes.flatMap(([tokens, choices, count, all, outer, inner]) =>
    [0, 1].map((pairs): Case => {
      const start = random.whole(0, all - count);
      const total = tokens * choices;
      const groups = groupExperts(expertsOf(making, tokens, choices, all), count, start);
      const order = new Float64Array(total).fill(-1);
      order.set(groups.order);
      const x = givenNormals(random, 'bf16', (pairs ? total : tokens) * inner);
      const weight = givenNormals(random, 'bf16', count * outer * inner, 1 / Math.sqrt(inner));
      return {
        kernel: 'expert_linear',
        memory: {
          out: made('bf16', total * outer),
          x,
          weight,
          order: given('i32', order),
          offsets: given('i32', groups.offsets),
        },
        integers: { tokens, choices, count, outer, inner, pairs, experts: all },
        odd: outer % 8 !== 0 || inner % 8 !== 0,
        judge: (after) => {
          // Of every expert the same columns, all where there are few.
          const columns = someOf(random, outer, large ? 24 : 128);
          const wide = columns.length;
          const ofAll = Array.from(
            { length: count * wide },
            (_, i) => Math.floor(i / wide) * outer + columns[i % wide]!,
          );
          const operands = {
            ...{ x: numbersOf(x), weight: rowsOf(weight, inner, ofAll) },
            ...{ order: groups.order, offsets: groups.offsets },
            ...{ choices, outer: wide, inner, pairs: pairs === 1, total },
          };
          const exact = expertLinear(operands);
          const slack = expertLinear({
            ...operands,
            x: operands.x.map(Math.abs),
            weight: operands.weight.map(Math.abs),
          }).map((sum) => sum * gamma(inner, ARITHMETIC[engine].sum));
          const out = after.memory('out');
          const here = new Set(groups.order);
          for (let pair = 0; pair < total; pair++) {
            const row = (values: Float64Array): Float64Array =>
              values.subarray(pair * wide, (pair + 1) * wide);
            const left = out.bytes.subarray(2 * pair * outer, 2 * (pair + 1) * outer);
            const own = rowsOf(out, outer, [pair]);
            const problem = here.has(pair)
              ? near(
                  'bf16',
                  Float64Array.from(columns, (column) => own[column]!),
                  row(exact),
                  row(slack),
                )
              : left.some((byte) => byte !== GUARD)
                ? 'was written, and its expert is not here'
                : undefined;
            if (problem !== undefined) return `pair ${pair}: ${problem}`;
          }
          return undefined;
        },
      };
    }),
  );
}

export function combineCases(making: Making): Case[] {
  const { random, large } = making;
  const shapes: (readonly [tokens: number, choices: number, hidden: number, count: number, all: number])[] = [
    [1, 2, 64, 8, 8],
    [5, 4, 32, 4, 16],
    [70, 8, 24, 16, 128],
    [33, 1, 8, 3, 9],
    [3, 2, 7, 4, 4],
    [4, 3, 16, 0, 9],
    [0, 2, 8, 4, 4],
    ...(large
      ? ([
          [512, 8, 4096, 32, 128],
          [3, 8, 7168, 256, 256],
        ] as const)
      : []),
  ];
  return shapes.map(([tokens, choices, hidden, count, all]): Case => {
    const start = random.whole(0, all - count);
    const experts = expertsOf(making, tokens, choices, all);
    const isHere = (pair: number): boolean => experts[pair]! >= start && experts[pair]! < start + count;
    // What other experts would have made is anything at all.
    const values = normals(random, tokens * choices * hidden).map((value, i) =>
      isHere(Math.floor(i / hidden)) ? value : Number.NaN,
    );
    const x = given('bf16', values);
    const weights = given(
      'f32',
      Float64Array.from({ length: tokens * choices }, () => random.next()),
    );
    return {
      kernel: 'combine',
      memory: { out: made('bf16', tokens * hidden), x, weights, experts: given('i32', experts) },
      integers: { tokens, choices, hidden, start, count },
      odd: hidden % 8 !== 0 || count === 0,
      judge: (after) => {
        const shape = { choices, hidden, start, count };
        const [a, b] = [numbersOf(x), numbersOf(weights)];
        const slack = combine(a.map(Math.abs), b, experts, shape).map(
          (sum) => sum * gamma(choices + 1, UNIT),
        );
        return near('bf16', after.numbers('out'), combine(a, b, experts, shape), slack);
      },
    };
  });
}
