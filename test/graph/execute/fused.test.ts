/**
 * @file Models before and after fusing, on two ranks whose shards differ: the same numbers where nothing is rounded, and as good as the same with roundings.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { execute } from '../../../dist/graph/execute/executor.js';
import type { InputValue } from '../../../dist/graph/execute/inputs.js';
import { importGraph } from '../../../dist/graph/import/import.js';
import type { Graph, GraphInput } from '../../../dist/graph/ir/graph.js';
import { optimize } from '../../../dist/graph/optimize.js';
import { numbers } from './graph.ts';

/** How far logits of up to 3 may be apart with roundings: an ulp of bf16, some of f32. */
const MODELS: readonly [file: string, within: number][] = [
  ['llama.pt2', 1e-5],
  ['qwen3.pt2', 1e-5],
  ['llama-float32-aten.json.gz', 1e-5],
  ['llama-bfloat16-aten.json.gz', 2 ** -6],
  ['llama-bfloat16-core.json.gz', 2 ** -6],
  ['qwen3-bfloat16-aten.json.gz', 2 ** -6],
  ['qwen3-bfloat16-core.json.gz', 2 ** -6],
];

/** Layers whose results are summed over ranks: each rank has other weights there. */
const IS_SHARD = /(o_proj|down_proj)/;

/** Weights for a rank: of graphs that come without any all of them, else those that differ between ranks. */
function weightsOf(graph: Graph, rank: number): Map<string, InputValue> {
  const made = new Map<string, InputValue>();
  for (const [i, input] of graph.inputs.entries()) {
    const { weight } = input;
    if (weight !== undefined && (graph.weights.size === 0 || IS_SHARD.test(weight)))
      made.set(weight, weightOf(input, i + (IS_SHARD.test(weight) ? 100 * rank : 0)));
  }
  return made;
}

function weightOf({ value, weight = '' }: GraphInput, seed: number): InputValue {
  const shape = value.type.kind === 'tensor' ? value.type.shape.map(Number) : [];
  const fill = (number: (i: number) => number): InputValue => ({
    shape,
    values: Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => number(i)),
  });
  const wave = (i: number): number => Math.sin(seed * 977 + i * 1.37 + (i % 13) * i);
  if (weight.endsWith('inv_freq')) return fill((i) => 10000 ** (-i / shape[0]!));
  if (/norm\.weight$/.test(weight)) return fill((i) => 1 + 0.3 * wave(i));
  return fill((i) => (value.type.kind === 'tensor' && value.type.dtype === 'i64' ? 0 : 0.15 * wave(i)));
}

describe.each(MODELS)('%s', (file, within) => {
  it.each(['float64', 'float32'] as const)('gives the same fused, in %s', async (precision) => {
    const graph = await importGraph(fileURLToPath(new URL(`../../data/graph/${file}`, import.meta.url)));
    const { variants } = optimize(graph, { fusionCapBytes: Number.POSITIVE_INFINITY, worldSize: 2 });
    const fused = variants[0]!.graph;
    expect(fused.nodes.filter(({ op }) => op === 'all_reduce_rms_norm').length).toBe(4);
    expect(fused.nodes.some(({ op }) => op === 'all_reduce')).toBe(false);

    const asked = graph.inputs.find(({ weight }) => weight === undefined)!;
    const ids = [0, 1].map((row) => Array.from({ length: 8 }, (_, i) => (row * 91 + i * 37) % 256));
    const inputs = [0, 1].map(() => ({ [asked.value.name]: ids }));
    const options = { precision, weights: [weightsOf(graph, 0), weightsOf(graph, 1)] };
    const [before, after] = [graph, fused].map((one) =>
      execute(one, inputs, options).map(([logits]) => numbers(logits)),
    ) as [number[][], number[][]];
    expect(before[0]!.length).toBe(2 * 8 * 256);
    expect(before[0]!.every(Number.isFinite)).toBe(true);
    expect(before[0]).toEqual(before[1]);
    expect(after[0]).toEqual(after[1]);
    const difference = Math.max(...before[0]!.map((logit, i) => Math.abs(logit - after[0]![i]!)));
    expect(difference).toBeLessThanOrEqual(precision === 'float64' ? 1e-12 : within);
  });
});
