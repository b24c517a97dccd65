/**
 * @file Operations of models in the reference executor: against the same written with plain operations, over shards, and what is refused.
 */
import { describe, expect, it } from 'vitest';
import type { GraphBuilder } from '../../../dist/graph/build/builder.js';
import * as model from '../../../dist/graph/build/model.js';
import { trace } from '../../../dist/graph/build/trace.js';
import { execute } from '../../../dist/graph/execute/executor.js';
import type { InputValue } from '../../../dist/graph/execute/inputs.js';
import { tensorOf, type Value } from '../../../dist/graph/ir/graph.js';
import type { GraphDType } from '../../../dist/graph/ir/type.js';
import { Random } from '../../collective/support/random.ts';
import { numbers } from './graph.ts';

const random = new Random(5);

function normals(count: number): Float64Array {
  return Float64Array.from({ length: count }, () => random.normal());
}

type Given = Readonly<Record<string, { dtype: GraphDType; shape: number[]; values: ArrayLike<number> }>>;

function floats(...shape: number[]): Given[string] {
  return { dtype: 'f64', shape, values: normals(shape.reduce((a, b) => a * b, 1)) };
}

function ints(values: number[], ...shape: number[]): Given[string] {
  return { dtype: 'i32', shape: shape.length > 0 ? shape : [values.length], values };
}

/** Builds and runs a graph of the given inputs, without rounding; the numbers of each output. */
function run(
  given: Given,
  body: (g: GraphBuilder, inputs: Readonly<Record<string, Value>>) => Value[],
): number[][] {
  const graph = trace('test', (g) =>
    body(
      g,
      Object.fromEntries(
        Object.entries(given).map(([name, { dtype, shape }]) => [name, g.input(name, dtype, shape)]),
      ),
    ),
  );
  const inputs = Object.fromEntries(
    Object.entries(given).map(([name, { shape, values }]): [string, InputValue] => [name, { shape, values }]),
  );
  return execute(graph, [inputs], { precision: 'float64' })[0]!.map(numbers);
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i]!, 10);
}

describe('attention over a cache', () => {
  const [tokens, heads, kvHeads, head, half] = [7, 4, 2, 6, 2];
  const given: Given = {
    qkv: floats(tokens, (heads + 2 * kvHeads) * head),
    table: {
      dtype: 'f32',
      shape: [8, half, 2],
      values: Array.from({ length: 16 }, (_, i) => [0.6 + i / 100, 0.8 - i / 100]).flat(),
    },
    positions: ints([...Array(tokens).keys()]),
    rows: ints(Array(tokens).fill(1)),
    tables: ints([0, 0, 0, 0, 4, 1, 3, 2], 2, 4),
    keyCache: floats(5, 2, kvHeads, head),
    valueCache: floats(5, 2, kvHeads, head),
  };

  /** The same with plain operations, of one whole sequence: rotation of halves, then causal attention. */
  function plainly(g: GraphBuilder, qkv: Value, table: Value): Value {
    const cut = (x: Value, dim: number, start: number, end: number, shape: number[]): Value =>
      g.node('slice', { x, dim, start, end, step: 1 }, [{ kind: 'tensor', dtype: 'f64', shape }])[0]!;
    const angle = (which: number): Value => {
      const rows = cut(g.cast(table, 'f64'), 0, 0, tokens, [tokens, half, 2]);
      return g.reshape(cut(rows, 2, which, which + 1, [tokens, half, 1]), [tokens, 1, half]);
    };
    const rotated = (x: Value, count: number): Value => {
      const part = (start: number, end: number): Value => cut(x, 2, start, end, [tokens, count, end - start]);
      const [a, b, rest] = [part(0, half), part(half, 2 * half), part(2 * half, head)];
      const first = g.binary('sub', g.mul(a, angle(0)), g.mul(b, angle(1)));
      const second = g.add(g.mul(b, angle(0)), g.mul(a, angle(1)));
      const type = { kind: 'tensor' as const, dtype: 'f64' as const, shape: [tokens, count, head] };
      return g.node('cat', { xs: [first, second, rest], dim: 2 }, [type])[0]!;
    };
    const part = (from: number, count: number): Value =>
      g.reshape(cut(qkv, 1, from * head, (from + count) * head, [tokens, count * head]), [
        tokens,
        count,
        head,
      ]);
    const [query, key, value] = [
      rotated(part(0, heads), heads),
      rotated(part(heads, kvHeads), kvHeads),
      part(heads + kvHeads, kvHeads),
    ].map((x) => g.permute(x, [1, 0, 2]));
    const [out] = g.node(
      'attention',
      { query: query!, key: key!, value: value!, mask: null, causal: true, scale: 0.3, grouped: true },
      [{ kind: 'tensor', dtype: 'f64', shape: [heads, tokens, head] }],
    );
    return g.permute(out!, [1, 0, 2]);
  }

  it('is causal attention of the whole sequence, whatever the pages', () => {
    const [cached, plain] = run(given, (g, { qkv, table, positions, rows, tables, keyCache, valueCache }) => {
      const places = { positions: positions!, rows: rows!, tables: tables! };
      const caches = { keyCache: keyCache!, valueCache: valueCache! };
      const { queries, ...appended } = model.rotaryAppend(g, {
        qkv: qkv!,
        table: table!,
        heads,
        ...places,
        ...caches,
      });
      const out = model.cachedAttention(g, {
        query: queries,
        ...appended,
        ...places,
        scale: 0.3,
        valueHead: head,
      });
      return [out, plainly(g, qkv!, table!)];
    });
    expectClose(cached!, plain!);
  });

  it('leaves the places of others alone, and norms queries and keys where it is told to', () => {
    const [before, after, queries] = run(
      { ...given, norm: { dtype: 'f64', shape: [head], values: [1, 2, 3, 4, 5, 6] } },
      (g, { qkv, table, positions, rows, tables, keyCache, valueCache, norm }) => {
        const before = g.mul(keyCache!, 1);
        const appended = model.rotaryAppend(g, {
          ...{ qkv: qkv!, table: table!, heads, queryNorm: norm, epsilon: 0 },
          ...{
            positions: positions!,
            rows: rows!,
            tables: tables!,
            keyCache: keyCache!,
            valueCache: valueCache!,
          },
        });
        return [before, appended.keyCache, appended.queries];
      },
    );
    // Page 0 is nobody's of sequence 1, and its last page has one place of 2.
    const page = 2 * kvHeads * head;
    expectClose(after!.slice(0, page), before!.slice(0, page));
    expectClose(after!.slice(2.5 * page, 3 * page), before!.slice(2.5 * page, 3 * page));
    // Rotation keeps lengths but for the table's, whose cosines and sines are not of an angle.
    const row = [...normalsOf(given.qkv!).slice(0, head)];
    const rms = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / head);
    expectClose(
      queries!.slice(2 * half, head),
      row.slice(2 * half).map((x, i) => (x / rms) * (2 * half + i + 1)),
    );
  });

  it('latent attention is attention with keys whose first elements are the values', () => {
    const [latent, rotary] = [4, 2];
    const width = latent + rotary;
    const [cached, plain] = run(
      {
        ...{ query: floats(3, 2, latent), rope: floats(3, 2, rotary), cache: floats(2, 4, width) },
        ...{ positions: ints([0, 1, 2]), rows: ints([0, 0, 0]), tables: ints([1], 1, 1) },
      },
      (g, { query, rope, cache, positions, rows, tables }) => {
        const out = model.cachedAttention(g, {
          ...{ query: query!, queryRope: rope, keyCache: cache!, scale: 0.5, valueHead: latent },
          ...{ positions: positions!, rows: rows!, tables: tables! },
        });
        const type = (...shape: number[]) => [{ kind: 'tensor' as const, dtype: 'f64' as const, shape }];
        const [whole] = g.node('cat', { xs: [query!, rope!], dim: 2 }, type(3, 2, width));
        const [page] = g.node('select', { x: cache!, dim: 0, index: 1 }, type(4, width));
        const [key] = g.node('slice', { x: page!, dim: 0, start: 0, end: 3, step: 1 }, type(3, width));
        const [value] = g.node('slice', { x: key!, dim: 1, start: 0, end: latent, step: 1 }, type(3, latent));
        const operands = { key: g.reshape(key!, [1, 3, width]), value: g.reshape(value!, [1, 3, latent]) };
        const settings = { mask: null, causal: true, scale: 0.5, grouped: true };
        const [out2] = g.node(
          'attention',
          { query: g.permute(whole!, [1, 0, 2]), ...operands, ...settings },
          type(2, 3, latent),
        );
        return [out, g.permute(out2!, [1, 0, 2])];
      },
    );
    expectClose(cached!, plain!);
  });

  it('latent_append pairs neighbours and writes them apart', () => {
    const [queries, cache] = run(
      {
        x: { dtype: 'f64', shape: [1, 1, 4], values: [1, 10, 2, 20] },
        kv: { dtype: 'f64', shape: [1, 6], values: [3, 4, 1, 10, 2, 20] },
        norm: { dtype: 'f64', shape: [2], values: [1, 2] },
        table: { dtype: 'f32', shape: [2, 2, 2], values: [9, 9, 9, 9, 0, 1, 1, 0] },
        ...{ positions: ints([1]), rows: ints([0]), tables: ints([0], 1, 1) },
        cache: { dtype: 'f64', shape: [1, 2, 6], values: new Float64Array(12) },
      },
      (g, { x, kv, norm, table, positions, rows, tables, cache }) => {
        const operands = { x: x!, kv: kv!, norm: norm!, table: table!, cache: cache!, epsilon: 0 };
        const places = { positions: positions!, rows: rows!, tables: tables! };
        const appended = model.latentAppend(g, { ...operands, ...places });
        return [appended.queries, appended.cache];
      },
    );
    // The first pair by a quarter turn, the second not at all.
    expect(queries).toEqual([-10, 2, 1, 20]);
    const rms = Math.sqrt(12.5);
    expectClose(cache!, [0, 0, 0, 0, 0, 0, 3 / rms, 8 / rms, -10, 2, 1, 20]);
  });
});

function normalsOf({ values }: Given[string]): number[] {
  return Array.from(values);
}

describe('experts', () => {
  const [tokens, count, choices, hidden, inner] = [5, 6, 2, 3, 4];
  const given: Given = {
    x: floats(tokens, hidden),
    logits: floats(tokens, count),
    up: floats(count, 2 * inner, hidden),
    down: floats(count, hidden, inner),
  };

  /** The experts from `start` on of as many as there are weights. */
  function experts(
    g: GraphBuilder,
    x: Value,
    logits: Value,
    up: Value,
    down: Value,
    start: number,
    own: number,
  ): Value {
    const routed = model.route(g, logits, { choices, normalize: true, scale: 2 });
    const groups = model.groupExperts(g, routed.experts, { count: own, start });
    const wide = model.expertLinear(g, { x, weight: up, choices, experts: count, ...groups });
    const narrow = model.expertLinear(g, {
      x: model.siluGate(g, wide),
      weight: down,
      choices,
      experts: count,
      ...groups,
    });
    return model.combineExperts(g, { x: narrow, ...routed, start, count: own });
  }

  it('give the weighted sum of the largest, and shards of them sum up to it', () => {
    const part = (g: GraphBuilder, x: Value, start: number, end: number): Value => {
      const shape = tensorOf(x)!.shape.with(0, end - start);
      return g.node('slice', { x, dim: 0, start, end, step: 1 }, [
        { kind: 'tensor', dtype: 'f64', shape },
      ])[0]!;
    };
    const [whole, sum] = run(given, (g, { x, logits, up, down }) => {
      const shard = (start: number, end: number): Value =>
        experts(g, x!, logits!, part(g, up!, start, end), part(g, down!, start, end), start, end - start);
      return [experts(g, x!, logits!, up!, down!, 0, count), g.add(shard(0, 2), shard(2, 6))];
    });
    expectClose(whole!, sum!);
    const values = Object.fromEntries(Object.entries(given).map(([name, one]) => [name, normalsOf(one)]));
    const dot = (a: number[], b: number[]): number => a.reduce((total, one, i) => total + one * b[i]!, 0);
    const expected = Array.from({ length: tokens }, (_, t) => {
      const logits = values.logits!.slice(t * count, (t + 1) * count);
      const best = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, choices);
      const total = best.reduce((all, e) => all + Math.exp(logits[e]!), 0);
      const x = values.x!.slice(t * hidden, (t + 1) * hidden);
      return Array.from({ length: hidden }, (_, i) =>
        best.reduce((all, e) => {
          const row = (o: number): number[] =>
            values.up!.slice((e * 2 * inner + o) * hidden, (e * 2 * inner + o + 1) * hidden);
          const gated = Array.from({ length: inner }, (_, o) => {
            const gate = dot(row(o), x);
            return (gate / (1 + Math.exp(-gate))) * dot(row(o + inner), x);
          });
          const at = (e * hidden + i) * inner;
          return all + ((2 * Math.exp(logits[e]!)) / total) * dot(values.down!.slice(at, at + inner), gated);
        }, 0),
      );
    });
    expectClose(whole!, expected.flat());
  });
});

describe('sampling', () => {
  it('takes the largest of all ranks, or draws', () => {
    const [first, drawn, certain] = run(
      {
        x: { dtype: 'f64', shape: [2, 4], values: [1, 3, 3, 2, 5, Number.NaN, -Infinity, 5] },
        uniforms: { dtype: 'f32', shape: [2], values: [0.7, 0] },
        hot: { dtype: 'f32', shape: [2], values: [1, 1] },
        cold: { dtype: 'f32', shape: [2], values: [0, 0] },
      },
      (g, { x, uniforms, hot, cold }) => {
        const candidates = model.topK(g, x!, { choices: 3, start: 100 });
        const drawn = model.sample(g, { candidates, temperatures: hot!, uniforms: uniforms! });
        return [candidates, drawn, model.sample(g, { candidates, temperatures: cold!, uniforms: uniforms! })];
      },
    );
    expect(first).toEqual([3, 101, 3, 102, 2, 103, 5, 100, 5, 103, -Infinity, 102]);
    // exp(3), exp(3) and exp(2): 0.42, 0.42 and 0.16 of all.
    expect(drawn).toEqual([102, 100]);
    expect(certain).toEqual([101, 100]);
  });
});

describe('products', () => {
  it('of codes have their scales, and a shard of a table gives zeros for what it has not', () => {
    const [scaled, rows, heads] = run(
      {
        codes: { dtype: 'f8e4m3', shape: [2, 2], values: [1, 2, 3, 4] },
        weight: { dtype: 'f8e4m3', shape: [1, 2], values: [10, 1] },
        scales: { dtype: 'f32', shape: [2, 1], values: [0.5, 2] },
        table: { dtype: 'f64', shape: [2, 1], values: [7, 8] },
        ids: ints([3, 5, 4, 6]),
        x: { dtype: 'f64', shape: [1, 2, 1], values: [1, 2] },
        w: { dtype: 'f64', shape: [2, 2, 1], values: [1, 2, 3, 4] },
      },
      (g, { codes, weight, scales, table, ids, x, w }) => [
        model.scaledLinear(g, codes!, weight!, { x: scales!, weight: 3 }),
        model.embeddingShard(g, table!, ids!, 4),
        model.headLinear(g, x!, w!),
      ],
    );
    expect(scaled).toEqual([12 * 0.5 * 3, 34 * 2 * 3]);
    expect(rows).toEqual([0, 8, 7, 0]);
    expect(heads).toEqual([1, 2, 6, 8]);
  });
});

describe('what does not fit is refused', () => {
  const refusal = (body: (g: GraphBuilder) => Value[]): string => {
    try {
      trace('test', body);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };

  it('when the graph is built, with the names of what is wrong', () => {
    expect(
      refusal((g) => [
        model.headLinear(g, g.input('x', 'bf16', ['n', 4, 8]), g.input('w', 'bf16', [3, 2, 8])),
      ]),
    ).toMatch('weight is bf16[3, 2, 8], and must be bf16[heads, outer, inner], with heads 4, inner 8');
    expect(refusal((g) => [model.topK(g, g.input('x', 'bf16', ['n', 100]), { choices: 65 })])).toMatch(
      /top_k.*choices must be 1 to 64/,
    );
    expect(
      refusal((g) => [model.groupExperts(g, g.input('e', 'f32', ['n', 2]), { count: 8 }).order]),
    ).toMatch('experts is f32[n, 2], and must be i32[tokens, choices]');
    expect(
      refusal((g) =>
        g.node('silu_gate', { x: g.input('x', 'bf16', ['n', 8]) }, [
          { kind: 'tensor', dtype: 'bf16', shape: ['n', 5] },
        ]),
      ),
    ).toMatch('the output is bf16[n, 5], and must be bf16[..., wide//2], with wide 8');
  });

  it('a cache whose heads do not fit, and a rotary table that is too long', () => {
    const build = (wide: number, half: number): string =>
      refusal((g) => {
        const cache = (name: string): Value => g.input(name, 'bf16', ['pages', 16, 2, 8]);
        const i32 = (name: string, ...shape: (number | string)[]): Value => g.input(name, 'i32', shape);
        return [
          model.rotaryAppend(g, {
            qkv: g.input('qkv', 'bf16', ['n', wide]),
            table: g.input('table', 'f32', [64, half, 2]),
            ...{ positions: i32('p', 'n'), rows: i32('r', 'n'), tables: i32('t', 's', 4) },
            ...{ keyCache: cache('k'), valueCache: cache('v'), heads: 4 },
          }).queries,
        ];
      });
    expect(build(64, 4)).toBe('');
    expect(build(60, 4)).toMatch(
      'qkv is bf16[n, 60], and must be bf16[tokens, (heads + 2*kv_heads)*head], with heads 4, kv_heads 2, head 8',
    );
    expect(build(64, 5)).toMatch('table has more than half of a head');
  });

  it('when it runs: places and pages that are not there', () => {
    const attend = (position: number, row: number, page: number): number[][] =>
      run(
        {
          ...{ query: floats(1, 1, 2), cache: floats(2, 4, 1, 2) },
          ...{ positions: ints([position]), rows: ints([row]), tables: ints([page], 1, 1) },
        },
        (g, { query, cache, positions, rows, tables }) => [
          model.cachedAttention(g, {
            ...{ query: query!, keyCache: cache!, valueCache: g.mul(cache!, 1), scale: 1, valueHead: 2 },
            ...{ positions: positions!, rows: rows!, tables: tables! },
          }),
        ],
      );
    expect(() => attend(3, 0, 1)).not.toThrow();
    expect(() => attend(4, 0, 1)).toThrow(/positions hold 4; 1 pages of 4 places hold 0 to 3/);
    expect(() => attend(0, 1, 1)).toThrow(/rows hold 1; there are 1 sequences/);
    expect(() => attend(0, 0, 2)).toThrow(/tables hold page 2; the cache has 2/);
  });
});
