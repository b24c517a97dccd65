/** @file Which token counts are fused: by a plan whose curves can be worked out by hand, by a cap, and what that costs. */
import { expect, test } from 'vitest';
import { trace } from '../../../dist/graph/build/trace.js';
import type { Graph } from '../../../dist/graph/ir/graph.js';
import type { Dim } from '../../../dist/graph/ir/type.js';
import { optimize, variantFor } from '../../../dist/graph/optimize.js';
import { lossAt, timesAt } from '../../../dist/graph/passes/decide.js';
import { formatFusion } from '../../../dist/report/fusion-tables.js';
import { fusedPlan, ROW } from '../support/plans.ts';

function block(shape: readonly Dim[], hidden = 4096): Graph {
  return trace('block', (g) => {
    for (const dim of shape) if (typeof dim === 'string') g.symbol(dim);
    let h = g.input('h', 'bf16', [...shape, hidden]);
    const x = g.input('x', 'bf16', [...shape, hidden]);
    for (const name of ['o_proj', 'down_proj'])
      h = g.scope(name, () => g.add(h, g.rmsNorm(g.add(g.allReduce(x), h), null)));
    return [h];
  });
}

const ranges = (graph: Graph, options: Parameters<typeof optimize>[1]): [number, number, number][] =>
  optimize(graph, options).variants.map(({ from, to, fused }) => [from, to, fused.length]);

test('cut at the crossovers of the plan; what was not measured stays unfused', () => {
  // Measured from 2 rows to 512; fused below 48 and from 230 on.
  expect(ranges(block(['tokens']), { plan: fusedPlan() })).toEqual([
    [1, 2, 0],
    [2, 48, 2],
    [48, 230, 0],
    [230, 513, 2],
    [513, Number.POSITIVE_INFINITY, 0],
  ]);
});

test('the axis may count several rows at once', () => {
  // 3 rows a count: 2 rows are reached at 1, 48 at 16, 230 at 77 (231 rows), 513 at 171.
  expect(ranges(block([3, 'seq']), { plan: fusedPlan() })).toEqual([
    [1, 16, 2],
    [16, 77, 0],
    [77, 171, 2],
    [171, Number.POSITIVE_INFINITY, 0],
  ]);
});

test('a graph of one shape has one variant', () => {
  expect(ranges(block([16]), { plan: fusedPlan() })).toEqual([[1, Number.POSITIVE_INFINITY, 2]]);
  expect(ranges(block([64]), { plan: fusedPlan() })).toEqual([[1, Number.POSITIVE_INFINITY, 0]]);
});

test('the variant for a count', () => {
  const optimized = optimize(block(['tokens']), { plan: fusedPlan() });
  expect(variantFor(optimized, 47).fused).toHaveLength(2);
  expect(variantFor(optimized, 48).fused).toHaveLength(0);
  expect(() => variantFor(optimized, 0)).toThrow('tokens is 0; it is a whole number from 1 up');
});

test('another hidden size, world size or quantization was not measured, and how it would be', () => {
  for (const plan of [
    fusedPlan({ hidden: 8192 }),
    fusedPlan({ worldSize: 8 }),
    fusedPlan({ quantization: 'i8_token' }),
  ]) {
    const { decisions, variants } = optimize(block(['tokens']), { plan, worldSize: 4 });
    expect(variants).toHaveLength(1);
    expect(variants[0]!.fused).toEqual([]);
    expect(decisions[0]!.unmeasured).toBe(
      'the plan has no all_reduce_rms_norm bf16 x4 replay h4096; measure it: crossover tune --ranks 4 --operations all_reduce_rms_norm --dtype bf16 --mode replay --hidden 4096',
    );
  }
});

test('a cap is followed, and what it costs is told', () => {
  // 1 MiB are 128 rows of 8 KiB: fused up to there.
  const optimized = optimize(block(['tokens']), { plan: fusedPlan(), fusionCapBytes: 128 * ROW });
  expect(optimized.variants.map(({ from, to, fused }) => [from, to, fused.length])).toEqual([
    [1, 129, 2],
    [129, Number.POSITIVE_INFINITY, 0],
  ]);
  const [decision] = optimized.decisions;
  const losses = decision!.measured.map((one) => [one.tokens, lossAt(decision!, one)]);
  // Fused at 64 (9 against 8) and 128 (17 against 12), unfused at 256 (21 against 20) and 512 (40 against 38).
  expect(losses).toEqual([
    [2, 0],
    [32, 0],
    [64, 1],
    [128, 5],
    [256, 1],
    [512, 2],
  ]);
  expect(formatFusion(optimized, [32])).toContain(
    '  o_proj and 1 more, each: at 64 to 512 rows, up to 5.00 us (128 rows fused: 17.0, the other way 12.0)',
  );
});

test('no cap and no plan: nothing; an endless cap: everything', () => {
  expect(ranges(block(['tokens']), {})).toEqual([[1, Number.POSITIVE_INFINITY, 0]]);
  expect(ranges(block(['tokens']), { fusionCapBytes: Number.POSITIVE_INFINITY })).toEqual([
    [1, Number.POSITIVE_INFINITY, 2],
  ]);
  expect(ranges(block(['tokens']), { plan: fusedPlan(), fusionCapBytes: 0 })).toEqual([
    [1, Number.POSITIVE_INFINITY, 0],
  ]);
  expect(() => optimize(block(['tokens']), { fusionCapBytes: -1 })).toThrow(
    'fusionCapBytes is -1; it is a number of bytes, 0 or more',
  );
});

test('savings are what the curves say', () => {
  const optimized = optimize(block(['tokens']), { plan: fusedPlan() });
  expect(timesAt(optimized.decisions[0]!, 32)).toEqual({ tokens: 32, fusedUs: 5, unfusedUs: 6 });
  // Between 2 and 32 rows on log-log axes: at 8 rows, halfway, the geometric mean of the neighbours.
  const { fusedUs, unfusedUs } = timesAt(optimized.decisions[0]!, 8)!;
  expect(fusedUs).toBeCloseTo(Math.sqrt(15), 10);
  expect(unfusedUs).toBeCloseTo(Math.sqrt(30), 10);
  expect(timesAt(optimized.decisions[0]!, 1)).toBeUndefined();
  const text = formatFusion(optimized, [1, 8, 64]);
  expect(text.split('\n').slice(0, 6)).toEqual([
    'block: 8 nodes, 2 all-reduces; 2 of group "" can be fused',
    '',
    'all-reduce  form                                              hidden  fused for rows       saves us at 1  saves us at 8  saves us at 64',
    'o_proj      all_reduce + residual + rms_norm (one operation)    4096  2 to 47, 230 to 512              -           1.60               0',
    'down_proj   all_reduce + residual + rms_norm (one operation)    4096  2 to 47, 230 to 512              -           1.60               0',
    'together                                                                                               -           3.21               0',
  ]);
});

test('rows that something else counts stay unfused, and it is told', () => {
  const graph = trace('two axes', (g) => {
    const [tokens, last] = [g.symbol('tokens'), g.symbol('last')];
    const a = g.input('a', 'bf16', [tokens, 4096]);
    const b = g.input('b', 'bf16', [last, 4096]);
    const c = g.input('c', 'bf16', [tokens, 4096]);
    return [a, b, c].map((x, i) => g.scope(`site${i}`, () => g.rmsNorm(g.allReduce(x), null)));
  });
  const optimized = optimize(graph, { fusionCapBytes: Number.POSITIVE_INFINITY });
  expect(optimized.variants.map(({ fused }) => fused.length)).toEqual([2]);
  expect(formatFusion(optimized, [1])).toContain(
    "site1 stays as it is: its rows are counted by last, the graph's by tokens",
  );
});

test('a plan of several world sizes has to be told which', () => {
  const plan = fusedPlan();
  const both = { ...plan, entries: [...plan.entries, ...fusedPlan({ worldSize: 2 }).entries] };
  expect(() => optimize(block(['tokens']), { plan: both })).toThrow(
    'worldSize is missing, and the plan has 4, 2; say which one the graph is for',
  );
});
