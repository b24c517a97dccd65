/** @file Caches that are read when they should not be any more. */
import { expect, test } from 'vitest';
import { cacheProblem } from '../../../dist/graph/ir/caches.js';
import type { Operand, Value } from '../../../dist/graph/ir/graph.js';
import { nodeText } from '../../../dist/graph/ir/verify.js';
import { GraphBuilder, tensor } from '../support/graphs.ts';

const CACHE = [4, 16, 6];

/** A graph that appends to a cache, and what happens to be wrong with what `body` does with it. */
function problem(body: (g: GraphBuilder, cache: Value) => Operand[]): string | undefined {
  const g = new GraphBuilder();
  const results = body(g, g.input('cache', CACHE));
  return cacheProblem(g.build(...results), nodeText);
}

function append(
  g: GraphBuilder,
  cache: Value,
  name: string,
  kv: Value = g.input(`kv_${name}`, [3, 6]),
): Value {
  return g.nodeOf('latent_append', [tensor(`q_${name}`, [3, 2, 2]), tensor(name, CACHE)], { kv, cache })[1]!;
}

test('read through the new value, and appended to again, all is well', () => {
  const said = problem((g, cache) => {
    const before = g.node('mul', 'before', CACHE, { a: cache, b: 2 });
    const first = append(g, cache, 'first');
    return [append(g, first, 'second'), before];
  });
  expect(said).toBeUndefined();
});

test('the old value read afterwards, by a node, by another append, or by the caller', () => {
  const old = 'whose memory %q_new, %new = latent_append has appended to; read the cache that it gives';
  expect(problem((g, cache) => [append(g, cache, 'new'), g.add('sum', cache, cache)])).toBe(
    `%sum = add reads %cache, ${old}`,
  );
  expect(problem((g, cache) => [append(g, cache, 'new'), append(g, cache, 'again')])).toBe(
    `%q_again, %again = latent_append reads %cache, ${old}`,
  );
  expect(problem((g, cache) => [append(g, cache, 'new'), cache])).toBe(`the caller reads %cache, ${old}`);
});

test('a view that was made before, and one of what nobody understands', () => {
  for (const op of ['reshape', 'slice', 'vendor.view']) {
    const said = problem((g, cache) => {
      const view = g.node(op, 'view', CACHE, { x: cache });
      return [append(g, cache, 'new'), view];
    });
    expect(said).toMatch(/^the caller reads %view, whose memory %q_new/);
  }
  const copied = problem((g, cache) => {
    const copy = g.node('cast', 'copy', CACHE, { x: cache }, '', 'f32');
    return [append(g, cache, 'new'), copy];
  });
  expect(copied).toBeUndefined();
});

test('a weight, and the same memory twice', () => {
  expect(problem((g) => [append(g, g.weight('w', CACHE), 'new')])).toBe(
    '%q_new, %new = latent_append appends to %w, a weight, which stays as it is',
  );
  expect(problem((g, cache) => [append(g, cache, 'new', cache)])).toBe(
    '%q_new, %new = latent_append appends to %cache and reads %cache beside it, which may be the same memory',
  );
});
