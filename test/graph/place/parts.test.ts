/** @file Parts that differ between ranks: padded to the largest in the heap, or as they are outside, with the numbers that decided. */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../../dist/graph/ir/graph.js';
import { verifyPlacement } from '../../../dist/graph/place/check.js';
import { type PlaceOptions, place } from '../../../dist/graph/place/place.js';
import type { Placement } from '../../../dist/graph/place/placement.js';
import { makePlanEntry } from '../../../dist/plan/entry.js';
import type { PlanKey } from '../../../dist/plan/key.js';
import { compilePlan, type PlanIndex } from '../../../dist/plan/lookup.js';
import { curve, samplePlan } from '../../plan/samples.ts';
import { GraphBuilder } from '../support/graphs.ts';

const KIB = 1024;
/** Bytes of a token: 512 elements of bf16. */
const TOKEN = KIB;

/** Data-parallel attention: gather the tokens of all ranks, work on them, reduce them back to their ranks. */
function dataParallel(): Graph {
  const g = new GraphBuilder();
  const own = g.symbol('own', 0);
  const all = g.symbol('all', 0);
  const x = g.node('mul', 'x', [own, 512], { a: g.input('h', [own, 512]), b: 2 });
  const gathered = g.node('all_gather', 'gathered', [all, 512], { x, dim: 0, group: '' }, 'moe.in');
  const worked = g.node('mul', 'worked', [all, 512], { a: gathered, b: 2 });
  const back = { x: worked, dim: 0, reduce: 'sum', group: '' };
  const out = g.node('reduce_scatter', 'back', [own, 512], back, 'moe.out');
  return g.build(g.add('result', out, out));
}

function placed(sizes: readonly number[], options: Partial<PlaceOptions> = {}): Placement {
  const graph = dataParallel();
  const placement = place(graph, { worldSize: 4, unequal: new Map([['own', sizes]]), ...options });
  verifyPlacement(graph, placement);
  return placement;
}

/** A plan with one measured time a kind of buffers. */
function planOf(times: { readonly inside?: number; readonly outside?: number }, worldSize = 4): PlanIndex {
  const entries = (['all_gather', 'reduce_scatter'] as const).flatMap((operation) =>
    ([true, false] as const).flatMap((registered) => {
      const us = registered ? times.inside : times.outside;
      const key: PlanKey = { operation, dtype: 'bf16', worldSize, mode: 'eager', registered };
      return us === undefined ? [] : [makePlanEntry(key, [curve('direct', { [KIB]: us, [1024 * KIB]: us })])];
    }),
  );
  return compilePlan(samplePlan(entries));
}

describe('without measurements', () => {
  test('padded when that adds at most what would be copied: up to twice the sum', () => {
    const placement = placed([64, 32, 16, 16]);
    const [gather, scatter] = placement.collectives;
    expect(gather!.parts).toEqual({
      layout: 'padded',
      basis: 'bytes',
      parts: [64, 32, 16, 16].map((tokens) => tokens * TOKEN),
      paddedBytes: 256 * TOKEN,
      summedBytes: 128 * TOKEN,
      why: 'parts of 64 KiB, 32 KiB, 16 KiB, 16 KiB are 256 KiB padded, 128 KiB as they are: padding adds 128 KiB, outside the heap 128 KiB would be copied; not measured',
    });
    expect(gather!.bytes).toBe(256 * TOKEN);
    expect(gather!.operands.map(({ place }) => [place.where, place.bytes])).toEqual([
      ['arena', 64 * TOKEN],
      ['arena', 256 * TOKEN],
    ]);
    // The sum of the tokens has no bound of its own: what it is padded to is one.
    expect(scatter!.operands.map(({ place }) => [place.where, place.bytes])).toEqual([
      ['arena', 256 * TOKEN],
      ['arena', 64 * TOKEN],
    ]);
  });

  test('left out when it adds more', () => {
    const placement = placed([64, 31, 16, 16]);
    const [gather] = placement.collectives;
    expect(gather!.parts).toMatchObject({ layout: 'left out', basis: 'bytes', summedBytes: 127 * TOKEN });
    expect(gather!.bytes).toBe(127 * TOKEN);
    expect(gather!.operands.map(({ place }) => [place.where, place.bytes])).toEqual([
      ['outside', 64 * TOKEN],
      ['outside', 127 * TOKEN],
    ]);
    expect(gather!.operands[0]!.place).toMatchObject({
      reason: expect.stringContaining('padding adds 129 KiB, outside the heap 127 KiB would be copied'),
    });
    expect(placement.arenaBytes).toBe(0);
  });

  test('nothing to decide when parts are equal, have no bound, or nothing is placed', () => {
    expect(placed([64, 64, 64, 64]).collectives[0]!.parts).toBeUndefined();
    expect(placed([64, 1, 1, 1], { enabled: false }).collectives[0]!.parts).toBeUndefined();
    const graph = dataParallel();
    const placement = place(graph, { worldSize: 4 });
    expect(placement.collectives.map(({ parts }) => parts)).toEqual([undefined, undefined]);
    expect(placement.staged.unbounded).toBe(4);
  });
});

describe('with measurements', () => {
  test('the faster of the two is taken, whatever the bytes say', () => {
    const even = [64, 32, 16, 16];
    const uneven = [64, 1, 1, 1];
    const insideFaster = planOf({ inside: 10, outside: 20 });
    const outsideFaster = planOf({ inside: 20, outside: 10 });
    expect(placed(uneven, { plan: insideFaster }).collectives[0]!.parts).toMatchObject({
      layout: 'padded',
      basis: 'measured',
      paddedUs: expect.closeTo(10),
      outsideUs: expect.closeTo(20),
      why: 'parts of 64 KiB, 1 KiB, 1 KiB, 1 KiB are 256 KiB padded, 67 KiB as they are: measured 10 us padded in the heap, 20 us as they are outside of it',
    });
    expect(placed(even, { plan: outsideFaster }).collectives.map(({ parts }) => parts?.layout)).toEqual([
      'left out',
      'left out',
    ]);
  });

  test('buffers outside that were not measured are not taken for those inside', () => {
    const { parts } = placed([64, 32, 16, 16], { plan: planOf({ inside: 10 }) }).collectives[0]!;
    expect(parts).toMatchObject({
      layout: 'padded',
      basis: 'bytes',
      paddedUs: expect.closeTo(10),
      outsideUs: undefined,
    });
    const other = placed([64, 32, 16, 16], { plan: planOf({ inside: 20, outside: 10 }, 8) }).collectives[0]!;
    expect(other.parts).toMatchObject({ layout: 'padded', basis: 'bytes' });
  });
});
