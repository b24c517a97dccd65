/** @file The fusion pass on graphs made by hand: each form is found, and each change that makes it another thing is not, and is told. */
import { expect, test } from 'vitest';
import { trace } from '../../../dist/graph/build/trace.js';
import { printGraph } from '../../../dist/graph/ir/print.js';
import { optimize } from '../../../dist/graph/optimize.js';
import { formOf } from '../../../dist/graph/passes/sites.js';

test('thin line', () => {
  const graph = trace('block', (g) => {
    const tokens = g.symbol('tokens', { min: 1, max: 512 });
    const x = g.input('x', 'bf16', [tokens, 64]);
    const residual = g.input('residual', 'bf16', [tokens, 64]);
    const w = g.weight('norm', 'bf16', [64]);
    const sum = g.add(residual, g.allReduce(x));
    const wide = g.cast(sum, 'f32');
    const r = g.unary('rsqrt', g.add(g.reduce('mean', g.binary('pow', wide, 2), [-1], true), 1e-6));
    const norm = g.mul(w, g.cast(g.mul(wide, r), 'bf16'));
    return [g.linear(norm, g.weight('q', 'bf16', [32, 64])), sum];
  });
  const { decisions, misses, variants } = optimize(graph, { fusionCapBytes: Infinity, worldSize: 2 });
  expect(misses).toEqual([]);
  expect(decisions.map(({ site }) => formOf(site))).toEqual([
    'all_reduce + residual + rms_norm (weight after the cast)',
  ]);
  expect(variants.length).toBe(1);
  console.log(printGraph(variants[0]!.graph));
});
