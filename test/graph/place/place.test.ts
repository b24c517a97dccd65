/** @file What is placed and what is not, in graphs written by hand. */
import { describe, expect, test } from 'vitest';
import type { Graph, Value } from '../../../dist/graph/ir/graph.js';
import { verifyPlacement } from '../../../dist/graph/place/check.js';
import { placementRows } from '../../../dist/graph/place/explain.js';
import { type PlaceOptions, place } from '../../../dist/graph/place/place.js';
import type { Placement } from '../../../dist/graph/place/placement.js';
import { GraphBuilder, tensor, tensorParallelBlocks } from '../support/graphs.ts';

const WORLD = { worldSize: 4 };

function placed(graph: Graph, options: Partial<PlaceOptions> = {}): Placement {
  const placement = place(graph, { ...WORLD, ...options });
  verifyPlacement(graph, placement);
  return placement;
}

/** Reasons by value. */
function reasons(placement: Placement): Record<string, string> {
  return Object.fromEntries(
    placementRows(placement).flatMap(({ value, reason }) => (reason === undefined ? [] : [[value, reason]])),
  );
}

function offset(placement: Placement, value: Value): number | undefined {
  return placement.offsets.get(value);
}

describe('reuse', () => {
  test('two layers of a tensor-parallel model need the room of one all-reduce', () => {
    const graph = tensorParallelBlocks(2, 16, 64);
    const placement = placed(graph);
    const message = 16 * 64 * 2;
    expect(placement.arenaBytes).toBe(message);
    expect(placement.peakBytes).toBe(message);
    expect(placement.bytesWithoutReuse).toBe(8 * message);
    expect(placement.staged).toEqual({ operands: 0, bytes: 0, unbounded: 0 });
    expect(placement.collectives.map(({ node, bytes }) => [node.origin, bytes])).toEqual([
      ['model.layers.0.attention', message],
      ['model.layers.0.mlp', message],
      ['model.layers.1.attention', message],
      ['model.layers.1.mlp', message],
    ]);
    const rows = placementRows(placement);
    expect(rows.map(({ value, role, inPlaceOf }) => [value, role, inPlaceOf]).slice(0, 2)).toEqual([
      ['attention0_partial', 'read', undefined],
      ['attention0_reduced', 'written', 'attention0_partial'],
    ]);
    expect(rows[0]!.sharedWith).toEqual(['mlp0_partial', 'attention1_partial', 'mlp1_partial']);
  });

  test('fused, the sum lives across layers and is not overwritten', () => {
    const g = new GraphBuilder();
    let x = g.linear('p0', g.input('h', [16, 64]), g.weight('w0', [64, 64]));
    let residual = g.input('residual', [16, 64]);
    for (let layer = 1; layer < 5; layer++) {
      const [norm, sum] = g.fused(`f${layer}`, x, residual, g.weight(`g${layer}`, [64]));
      x = g.linear(`p${layer}`, norm, g.weight(`w${layer}`, [64, 64]));
      residual = sum;
    }
    const graph = g.build(x, residual);
    const placement = placed(graph);
    const message = 16 * 64 * 2;
    // The norm in place of what was reduced, two sums in turn, and the last sum, which the caller gets.
    expect(placement.bytesWithoutReuse).toBe(12 * message);
    expect(placement.peakBytes).toBe(4 * message);
    expect(placement.arenaBytes).toBe(placement.peakBytes);
    for (const { operands } of placement.collectives) {
      const [read, norm, sum] = operands.map(({ value }) => offset(placement, value));
      expect(norm).toBe(read);
      expect(sum).not.toBe(read);
    }
  });

  test('a first result that is read at the very end keeps its bytes', () => {
    const g = new GraphBuilder();
    const w = g.weight('w', [64, 64]);
    const first = g.allReduce('r0', g.linear('p0', g.input('h', [16, 64]), w));
    let x = first;
    for (let i = 1; i < 6; i++) x = g.allReduce(`r${i}`, g.linear(`p${i}`, x, w));
    const placement = placed(g.build(g.add('out', x, first)));
    const others = placement.buffers.filter(({ values }) => !values.includes(first));
    const home = placement.buffers.find(({ values }) => values.includes(first))!;
    for (const { offset, bytes } of others)
      expect(offset + bytes <= home.offset || offset >= home.offset + home.bytes).toBe(true);
  });

  test('an operand that is read again is left alone; so is one of which a view is', () => {
    const g = new GraphBuilder();
    const x = g.node('mul', 'x', [16, 64], { a: g.input('h', [16, 64]), b: 2 });
    const r = g.allReduce('r', x);
    const y = g.node('mul', 'y', [16, 64], { a: r, b: 2 });
    const part = g.node('slice', 'part', [4, 64], { x: y, dim: 0, start: 0, end: 4, step: 1 });
    const s = g.allReduce('s', y);
    const placement = placed(g.build(g.add('a', x, r), g.add('b', s, s), g.add('c', part, part)));
    expect(offset(placement, r)).not.toBe(offset(placement, x));
    expect(offset(placement, s)).not.toBe(offset(placement, y));
    // A slice has no buffer of its own here: no collective touches it.
    expect(offset(placement, part)).toBeUndefined();
  });

  test('a reshape is the same bytes; a result of the graph is never in place and shares with nobody', () => {
    const g = new GraphBuilder();
    const x = g.node('mul', 'x', [16, 64], { a: g.input('h', [16, 64]), b: 2 });
    const flat = g.node('reshape', 'flat', [1024], { x, shape: [-1] });
    const r = g.allReduce('r', flat);
    const y = g.node('mul', 'y', [1024], { a: r, b: 2 });
    const result = g.allReduce('result', y);
    const placement = placed(g.build(result));
    expect(offset(placement, flat)).toBe(offset(placement, x));
    expect(offset(placement, r)).toBe(offset(placement, x));
    expect(placement.buffers.find(({ values }) => values.includes(result))).toMatchObject({
      first: -1,
      last: 5,
      values: [result],
    });
    expect(placementRows(placement).at(-1)).toMatchObject({ value: 'result', sharedWith: [] });
  });

  test('pinned values have their memory to themselves', () => {
    const graph = tensorParallelBlocks(2, 16, 64);
    const placement = placed(graph, { pinned: ['mlp0_reduced'] });
    const rows = placementRows(placement).filter(({ value }) => value === 'mlp0_reduced');
    expect(rows[0]).toMatchObject({ inPlaceOf: undefined, sharedWith: [] });
    expect(() => place(graph, { ...WORLD, pinned: ['mlp9'] })).toThrow(
      'pinned names mlp9, which is no value of the graph test',
    );
  });
});

describe('what cannot be placed says why', () => {
  test('placement that is off changes nothing and reports every operand', () => {
    const graph = tensorParallelBlocks(2, 16, 64);
    const placement = placed(graph, { enabled: false });
    expect(placement).toMatchObject({ buffers: [], arenaBytes: 0, bytesWithoutReuse: 0 });
    expect(placement.offsets.size).toBe(0);
    expect(placement.staged).toEqual({ operands: 8, bytes: 8 * 16 * 64 * 2, unbounded: 0 });
    expect(new Set(Object.values(reasons(placement)))).toEqual(
      new Set(['placement is off (option enabled)']),
    );
  });

  test("the caller's memory, weights, results of unknown operations, and views of them", () => {
    const g = new GraphBuilder();
    const x = g.input('x', [16, 64]);
    const flat = g.node('reshape', 'flat', [1024], { x, shape: [-1] });
    const w = g.weight('w', [16, 64]);
    const o = g.node('vendor.linear', 'o', [16, 64], { x });
    const results = [x, flat, w, o].map((value) => g.allReduce(`r_${value.name}`, value));
    const graph = g.build(
      ...results.map((value) => g.node('mul', `m_${value.name}`, [16, 64], { a: value, b: 2 })),
    );
    const mine = "it is the caller's memory; let the executor allocate inputs (option ownInputs)";
    const weight = 'it is a weight, which stays where it was loaded';
    const unknown = 'vendor.linear makes it, which is not understood here: its memory is its own business';
    expect(reasons(placed(graph))).toEqual({ x: mine, flat: `a view of x: ${mine}`, w: weight, o: unknown });
    const own = placed(graph, { ownInputs: true });
    expect(reasons(own)).toEqual({ w: weight, o: unknown });
    expect(own.staged).toEqual({ operands: 2, bytes: 2 * 2048, unbounded: 0 });
    // For ever: the caller fills it between runs.
    expect(own.buffers.find(({ values }) => values.includes(x))).toMatchObject({
      first: -1,
      last: graph.nodes.length,
    });
  });

  test('what the fused operation would overwrite although it is needed gets room for a copy', () => {
    const g = new GraphBuilder();
    const h = g.input('h', [16, 64]);
    const x = g.node('mul', 'x', [16, 64], { a: h, b: 2 });
    const w = g.weight('w', [64]);
    const [, sum] = g.fused('f', x, h, w);
    const [last] = g.fused('g', sum, x, w);
    const placement = placed(g.build(g.add('out', last, x)));
    const [first, second] = placement.collectives;
    expect(first!.operands[0]!.place).toEqual({
      where: 'outside',
      bytes: 2048,
      reason:
        'all_reduce_rms_norm may overwrite what it reads, and x is needed beside that: it works on a copy',
      copyTo: expect.any(Number),
    });
    expect(placement.buffers.filter(({ kind }) => kind === 'copy')).toMatchObject([
      { first: 1, last: 1, bytes: 2048 },
    ]);
    expect(second!.operands[0]!.place).toMatchObject({ where: 'arena' });
    // Where nothing is placed the copy is still needed, wherever it lies.
    const off = placed(g.build(g.add('out', last, x)), { enabled: false });
    expect(off.collectives[0]!.operands[0]!.place).toMatchObject({ where: 'outside', copyTo: null });
    expect(off.collectives[1]!.operands[0]!.place).not.toHaveProperty('copyTo');
  });

  test('a result of an unknown operation may be a view of what it read, which is kept', () => {
    const g = new GraphBuilder();
    const first = g.allReduce('first', g.node('mul', 'x', [16, 64], { a: g.input('h', [16, 64]), b: 2 }));
    const view = g.node('vendor.view', 'view', [16, 64], { first });
    const second = g.allReduce('second', g.node('mul', 'y', [16, 64], { a: view, b: 2 }));
    const placement = placed(g.build(g.add('out', second, view)));
    expect(offset(placement, second)).not.toBe(offset(placement, first));
  });

  test('collectives that are not understood are left alone and named', () => {
    const g = new GraphBuilder();
    const x = g.input('x', [16, 64]);
    const placement = placed(
      g.build(g.node('torch.ops._c10d_functional.all_to_all_single', 'y', [16, 64], { x }, 'moe')),
    );
    expect(placement.collectives).toEqual([]);
    expect(placement.notes).toEqual([
      'torch.ops._c10d_functional.all_to_all_single at moe is not understood: nothing is known of what it reaches for, and x is left where it is',
    ]);
  });
});

describe('sizes that are symbols', () => {
  const blocks = (max?: number): Graph => {
    const g = new GraphBuilder();
    return tensorParallelBlocks(1, g.symbol('s26', 2, max), 64, g);
  };

  test('are placed at the largest value: of the graph, or the one that is given', () => {
    expect(placed(blocks(100)).arenaBytes).toBe(100 * 64 * 2);
    expect(placed(blocks(100), { symbols: new Map([['s26', 32]]) }).arenaBytes).toBe(32 * 64 * 2);
    expect(placed(blocks(), { symbols: new Map([['s26', 32]]) }).arenaBytes).toBe(32 * 64 * 2);
  });

  test('without a largest value cannot be placed, and say what to give', () => {
    const placement = placed(blocks());
    expect(placement.arenaBytes).toBe(0);
    expect(placement.staged).toEqual({ operands: 4, bytes: 0, unbounded: 4 });
    expect(reasons(placement).mlp0_reduced).toBe(
      'its size s26 has no bound; give the largest s26 (option symbols)',
    );
  });

  test('in any order of the symbols, offsets are the same: ranks need not build their options alike', () => {
    const build = (names: readonly string[]): Graph => {
      const g = new GraphBuilder();
      for (const name of names) g.symbol(name);
      const [a, b] = (['a', 'b'] as const).map((name) => g.input(name, [name, 64]));
      const sums = [a!, b!].map((x) =>
        g.allReduce(`r_${x.name}`, g.node('mul', `m_${x.name}`, [x.name, 64], { a: x, b: 2 })),
      );
      return g.build(
        ...sums.map((x) => g.node('mul', `out_${x.name}`, [x.name.slice(2), 64], { a: x, b: 2 })),
      );
    };
    const sizes: [string, number][] = [
      ['a', 10],
      ['b', 30],
    ];
    const here = placementRows(placed(build(['a', 'b']), { symbols: new Map(sizes) }));
    const there = placementRows(placed(build(['b', 'a']), { symbols: new Map(sizes.toReversed()) }));
    expect(there).toEqual(here);
    expect(here.map(({ offset }) => offset)).toEqual(expect.arrayContaining([0]));
  });

  test('wrong options are refused', () => {
    const graph = blocks(100);
    const refuse =
      (options: Partial<PlaceOptions>): (() => Placement) =>
      () =>
        place(graph, { ...WORLD, ...options });
    expect(refuse({ symbols: new Map([['s0', 4]]) })).toThrow(
      'symbols names s0, which is no symbol of the graph; it has s26',
    );
    expect(refuse({ symbols: new Map([['s26', 1]]) })).toThrow(
      'symbols gives s26 1; the graph needs at least 2',
    );
    expect(refuse({ symbols: new Map([['s26', 2.5]]) })).toThrow(
      'symbols gives s26 2.5; use a whole number from 0 up',
    );
    expect(refuse({ unequal: new Map([['s26', [4, 4]]]) })).toThrow(
      'unequal gives s26 2 sizes; give one for each of 4 ranks',
    );
    expect(refuse({ worldSize: 0 })).toThrow('worldSize is 0; use a whole number from 1 up');
  });
});

describe('everything', () => {
  test('what no collective reaches for has a place also, and gives it up after its last use', () => {
    const graph = tensorParallelBlocks(2, 16, 64);
    const placement = placed(graph, { everything: true });
    const message = 16 * 64 * 2;
    for (const { op, outputs } of graph.nodes)
      for (const value of outputs) expect([op, typeof offset(placement, value)]).toEqual([op, 'number']);
    // The residual, what is added to it, the wide product, and the last sum, which the caller gets and nothing else may lie on.
    expect(placement.peakBytes).toBe(5 * message);
    expect(placement.arenaBytes).toBeLessThanOrEqual(6 * message);
    expect(graph.inputs.some(({ value }) => placement.offsets.has(value))).toBe(false);
    const owned = placed(graph, { everything: true, ownInputs: true });
    expect(
      graph.inputs.filter(({ value }) => owned.offsets.has(value)).map(({ value }) => value.name),
    ).toEqual(['hidden_states']);
  });

  test('a cache stays where it is through appends, and its memory is kept', () => {
    const g = new GraphBuilder();
    const qkv = g.input('qkv', [4, 8]);
    const empty = (name: string): Value =>
      g.node('full', name, [2, 16, 1, 2], { shape: [2, 16, 1, 2], value: 0 });
    const [keys, values] = [empty('keys'), empty('values')];
    const caches = ['keys_1', 'values_1'].map((name) => tensor(name, [2, 16, 1, 2]));
    const operands = { qkv, key_cache: keys, value_cache: values, heads: 2 };
    const [queries] = g.nodeOf('rotary_append', [tensor('queries', [4, 2, 2]), ...caches], operands);
    const graph = g.build(g.add('out', queries!, queries!), caches[0]!);
    const placement = placed(graph, { everything: true });
    const [k, v] = caches.map((cache) => offset(placement, cache));
    expect([k, v]).toEqual([offset(placement, keys), offset(placement, values)]);
    expect(k).not.toBe(v);
    // The caller gets the keys, so they are kept between runs.
    const buffer = placement.buffers.find((one) => one.values.includes(keys))!;
    expect([buffer.first, buffer.last]).toEqual([-1, graph.nodes.length]);
  });
});
