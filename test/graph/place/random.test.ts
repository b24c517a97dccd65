/**
 * @file Random graphs: no value is ever overwritten while somebody needs it, as the checker sees it and as a run over one arena sees it; and all ranks
 * get the same offsets.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Graph, Operand, Value } from '../../../dist/graph/ir/graph.js';
import { isValue } from '../../../dist/graph/ir/graph.js';
import { verifyPlacement } from '../../../dist/graph/place/check.js';
import { placementRows } from '../../../dist/graph/place/explain.js';
import { type PlaceOptions, place } from '../../../dist/graph/place/place.js';
import { sameMemory } from '../../../dist/graph/place/views.js';
import { randomGraph, WORLD } from '../support/random-graphs.ts';
import { Simulation } from '../support/simulation.ts';

const RUNS = 1500;

const options = fc.record({
  ownInputs: fc.boolean(),
  enabled: fc.nat(9).map((n) => n > 0),
  everything: fc.boolean(),
});

test('the checker is quiet, and a run of the graph finds every value as it was written', () => {
  fc.assert(
    fc.property(
      randomGraph,
      options,
      fc.array(fc.boolean(), { minLength: 64, maxLength: 64 }),
      (random, chosen, coins) => {
        const { graph, pinned } = random;
        const placement = place(graph, { worldSize: WORLD, pinned, ...chosen });
        verifyPlacement(graph, placement);
        expect(placement.arenaBytes).toBeGreaterThanOrEqual(placement.peakBytes);
        expect(placement.arenaBytes).toBeLessThanOrEqual(placement.bytesWithoutReuse);
        let tossed = 0;
        const simulation = new Simulation(graph, placement, () => coins[tossed++ % coins.length]!);
        simulation.run(1);
        simulation.run(2);
        expect(simulation.problems).toEqual([]);
      },
    ),
    { numRuns: RUNS },
  );
});

test('with everything, what a known operation makes has a place, and two that are needed at once never overlap', () => {
  fc.assert(
    fc.property(randomGraph, fc.boolean(), ({ graph, pinned }, ownInputs) => {
      const placement = place(graph, { worldSize: WORLD, pinned, ownInputs, everything: true });
      const placed = (value: Value): boolean => placement.offsets.has(value);
      for (const { value, weight } of graph.inputs)
        expect([value.name, placed(value)]).toEqual([value.name, ownInputs && weight === undefined]);
      for (const node of graph.nodes) {
        const isView = [...sameMemory(node).values()].some((operand) => !placed(operand));
        for (const value of isView || node.op.startsWith('vendor.') ? [] : node.outputs)
          expect([value.name, placed(value)]).toEqual([value.name, true]);
      }
      for (const [i, a] of placement.buffers.entries()) {
        for (const b of placement.buffers.slice(i + 1)) {
          const meet = a.first <= b.last && b.first <= a.last;
          const over = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
          expect(meet && over).toBe(false);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('the simulation and the checker notice values that are overwritten', () => {
  // Every buffer is moved to the beginning of the arena: wrong as soon as two of them are needed at once.
  let noticed = 0;
  fc.assert(
    fc.property(randomGraph, ({ graph }) => {
      const placement = place(graph, { worldSize: WORLD });
      const crowded = placement.buffers.some((a) =>
        placement.buffers.some((b) => a !== b && a.first <= b.last && b.first <= a.last),
      );
      const isPlain = placement.buffers.every(({ kind }) => kind === 'values');
      fc.pre(crowded && isPlain);
      const heaped = {
        ...placement,
        buffers: placement.buffers.map((buffer) => ({ ...buffer, offset: 0 })),
        offsets: new Map([...placement.offsets.keys()].map((value) => [value, 0])),
        collectives: placement.collectives.map((one) => ({
          ...one,
          operands: one.operands.map((operand) =>
            operand.place.where === 'arena'
              ? { ...operand, place: { ...operand.place, offset: 0 } }
              : operand,
          ),
        })),
      };
      const simulation = new Simulation(graph, heaped, () => true);
      simulation.run(1);
      simulation.run(2);
      if (simulation.problems.length > 0) {
        noticed++;
        expect(() => verifyPlacement(graph, heaped)).toThrow(/is wrong: /);
      }
    }),
    { numRuns: 300 },
  );
  expect(noticed).toBeGreaterThan(100);
});

test('offsets depend on the graph alone: not on the order of keys or maps, nor on which rank made the objects', () => {
  fc.assert(
    fc.property(randomGraph, options, ({ graph, pinned }, chosen) => {
      const symbols = new Map([...graph.symbols.keys()].map((name) => [name, 64] as const));
      const here = placed(graph, { worldSize: WORLD, symbols, pinned, ...chosen });
      const there = placed(shuffled(graph), {
        ...chosen,
        pinned: pinned.toReversed(),
        symbols: new Map([...symbols].toReversed()),
        worldSize: WORLD,
      });
      expect(there).toEqual(here);
    }),
    { numRuns: 300 },
  );
});

function placed(graph: Graph, chosen: PlaceOptions): unknown {
  const placement = place(graph, chosen);
  const { arenaBytes, peakBytes, bytesWithoutReuse, staged, buffers } = placement;
  const named = buffers.map((buffer) => ({ ...buffer, values: buffer.values.map(({ name }) => name) }));
  return { rows: placementRows(placement), named, arenaBytes, peakBytes, bytesWithoutReuse, staged };
}

/** The same graph of other objects, with keys and maps in another order. */
function shuffled(graph: Graph): Graph {
  const copies = new Map<Value, Value>();
  const copied = (value: Value): Value => {
    const copy = copies.get(value) ?? { type: value.type, name: value.name };
    copies.set(value, copy);
    return copy;
  };
  const deep = (operand: Operand): Operand =>
    Array.isArray(operand) ? operand.map(deep) : isValue(operand) ? copied(operand) : operand;
  return {
    ...graph,
    inputs: graph.inputs.map((input) => ({ ...input, value: copied(input.value) })),
    nodes: graph.nodes.map(({ op, operands, outputs, origin }) => ({
      origin,
      outputs: outputs.map(copied),
      operands: Object.fromEntries(
        Object.entries(operands)
          .toReversed()
          .map(([name, operand]) => [name, deep(operand)]),
      ),
      op,
    })),
    outputs: graph.outputs.map(deep),
    symbols: new Map([...graph.symbols].toReversed()),
  };
}
