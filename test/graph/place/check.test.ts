/** @file The checker finds what is wrong with placements that were tampered with. */
import { expect, test } from 'vitest';
import type { Graph, Value } from '../../../dist/graph/ir/graph.js';
import { verifyPlacement } from '../../../dist/graph/place/check.js';
import { place } from '../../../dist/graph/place/place.js';
import type { PlacedBuffer, Placement } from '../../../dist/graph/place/placement.js';
import { GraphBuilder, tensorParallelBlocks } from '../support/graphs.ts';

const MESSAGE = 16 * 64 * 2;

/** x is reduced to r, and both are read afterwards. */
function twoAtOnce(): { graph: Graph; placement: Placement; x: Value; r: Value } {
  const g = new GraphBuilder();
  const x = g.node('mul', 'x', [16, 64], { a: g.input('h', [16, 64]), b: 2 });
  const r = g.allReduce('r', x);
  const graph = g.build(g.add('out', x, r));
  return { graph, placement: place(graph, { worldSize: 2 }), x, r };
}

/** The placement with a value's buffer moved. */
function moved(placement: Placement, value: Value, offset: number): Placement {
  const move = (buffer: PlacedBuffer): PlacedBuffer =>
    buffer.values.includes(value) ? { ...buffer, offset } : buffer;
  return {
    ...placement,
    buffers: placement.buffers.map(move),
    offsets: new Map(placement.offsets).set(value, offset),
    collectives: placement.collectives.map((one) => ({
      ...one,
      operands: one.operands.map((operand) =>
        operand.value === value && operand.place.where === 'arena'
          ? { ...operand, place: { ...operand.place, offset } }
          : operand,
      ),
    })),
  };
}

test('values that are needed at once on the same bytes', () => {
  const { graph, placement, x, r } = twoAtOnce();
  verifyPlacement(graph, placement);
  const at = placement.offsets.get(x)!;
  expect(() => verifyPlacement(graph, moved(placement, r, at))).toThrow(
    'the placement of test is wrong: node 2 (add) needs x, but x was overwritten',
  );
  const half = placement.offsets.get(r)! === 0 ? 256 : at + 256;
  expect(() => verifyPlacement(graph, moved(placement, r, half))).toThrow(
    'node 1 (all_reduce) writes r over x, which it reads',
  );
});

test('offsets that are not aligned, beyond the arena, or said twice and differently', () => {
  const { graph, placement, x, r } = twoAtOnce();
  const last = placement.offsets.get(x)! > placement.offsets.get(r)! ? x : r;
  expect(() => verifyPlacement(graph, moved(placement, last, MESSAGE + 16))).toThrow(
    /lies at 2064, no multiple of 256; . ends at/,
  );
  const offsets = new Map(placement.offsets).set(r, 4096);
  expect(() => verifyPlacement(graph, { ...placement, offsets })).toThrow(
    /r is said to lie at \d+ and at 4096/,
  );
});

test('operands that are not listed, and those outside without a reason', () => {
  const { graph, placement } = twoAtOnce();
  expect(() => verifyPlacement(graph, { ...placement, collectives: [] })).toThrow(
    'node 1 (all_reduce) is missing',
  );
  const [one] = placement.collectives;
  const short = [{ ...one!, operands: one!.operands.slice(1) }];
  expect(() => verifyPlacement(graph, { ...placement, collectives: short })).toThrow(
    'node 1 (all_reduce) lists other operands than it has',
  );
  const silent = one!.operands.map((operand) => ({
    ...operand,
    place: { where: 'outside', reason: '' } as const,
  }));
  expect(() =>
    verifyPlacement(graph, { ...placement, collectives: [{ ...one!, operands: silent }] }),
  ).toThrow('x is outside without a reason; r is outside without a reason');
});

test('what the caller holds may never be written by anything else', () => {
  const g = new GraphBuilder();
  const first = g.allReduce('first', g.node('mul', 'x', [16, 64], { a: g.input('h', [16, 64]), b: 2 }));
  const y = g.node('mul', 'y', [16, 64], { a: first, b: 2 });
  const result = g.allReduce('result', y);
  const graph = g.build(result);
  const placement = place(graph, { worldSize: 2 });
  // Within a run all is well: first is not read any more when the result is made. Between runs the caller would lose it.
  const shared = moved(placement, result, placement.offsets.get(first)!);
  expect(() => verifyPlacement(graph, shared)).toThrow("first lies on result, which is the caller's");
});

test('what the fused operation leaves of its input', () => {
  const g = new GraphBuilder();
  const h = g.input('h', [16, 64]);
  const x = g.node('mul', 'x', [16, 64], { a: h, b: 2 });
  const [norm] = g.fused('f', x, h, g.weight('w', [64]));
  const graph = g.build(g.add('out', norm, x));
  const placement = place(graph, { worldSize: 2 });
  verifyPlacement(graph, placement);
  const [one] = placement.collectives;
  const careless = one!.operands.map((operand, i) =>
    i === 0 ? { ...operand, place: { where: 'arena', offset: 1 << 20, bytes: MESSAGE } as const } : operand,
  );
  const buffer: PlacedBuffer = {
    offset: 1 << 20,
    bytes: MESSAGE,
    first: 0,
    last: 2,
    values: [x],
    kind: 'values',
  };
  const wrong: Placement = {
    ...placement,
    arenaBytes: 2 << 20,
    buffers: [...placement.buffers, buffer],
    offsets: new Map(placement.offsets).set(x, 1 << 20),
    collectives: [{ ...one!, operands: careless }],
  };
  expect(() => verifyPlacement(graph, wrong)).toThrow('node 2 (add) needs x, but x was overwritten');
});

test('a whole model is checked in a moment', () => {
  const graph = tensorParallelBlocks(80, 16, 64);
  const started = performance.now();
  verifyPlacement(graph, place(graph, { worldSize: 8 }));
  expect(performance.now() - started).toBeLessThan(2000);
});
