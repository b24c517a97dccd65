/**
 * @file Whole models against what torch computed: two layers of a Llama and of a Qwen3 with random weights, as torch.export wrote them.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { execute } from '../../../dist/graph/execute/executor.js';
import type { InputValue } from '../../../dist/graph/execute/inputs.js';
import { loadWeight } from '../../../dist/graph/execute/weights.js';
import { importGraph } from '../../../dist/graph/import/import.js';
import type { Graph } from '../../../dist/graph/ir/graph.js';

const data = (name: string): string => fileURLToPath(new URL(`../../data/graph/${name}`, import.meta.url));

/** Reference logits are written with six digits. */
const WITHIN = 1e-4;

interface Reference {
  readonly input_ids: number[][];
  readonly logits: number[][][];
}

async function model(
  name: string,
): Promise<{ graph: Graph; ids: Record<string, number[][]>; logits: number[] }> {
  const graph = await importGraph(data(`${name}.pt2`));
  const reference = JSON.parse(readFileSync(data(`${name}.ref.json`), 'utf8')) as Reference;
  const asked = graph.inputs.find(({ weight }) => weight === undefined)!;
  return { graph, ids: { [asked.value.name]: reference.input_ids }, logits: reference.logits.flat(2) };
}

/** The largest difference of the first output from torch's logits. */
function error(outputs: readonly unknown[], logits: readonly number[]): number {
  const { shape, values } = outputs[0] as { shape: number[]; values: Float64Array };
  expect(shape).toEqual([2, 8, 256]);
  return Math.max(...logits.map((logit, i) => Math.abs(values[i]! - logit)));
}

/** Of the layers before each all-reduce, the columns that belong to one of two ranks; zeros elsewhere. */
function shard(graph: Graph, rank: number): Map<string, InputValue> {
  const names = [...graph.weights.keys()].filter((name) => /(o_proj|down_proj)\.inner\.weight$/.test(name));
  return new Map(
    names.map((name) => {
      const { shape, values } = loadWeight(name, graph.weights.get(name)!);
      const columns = shape[1]!;
      const isOwn = (i: number): boolean => Math.floor((2 * (i % columns)) / columns) === rank;
      return [name, { shape, values: values.map((value, i) => (isOwn(i) ? value : 0)) }];
    }),
  );
}

describe.each(['llama', 'qwen3'])('%s', (name) => {
  it.each(['float32', 'float64'] as const)(
    'gives the logits of torch, in %s, in less than 2 s',
    async (precision) => {
      const { graph, ids, logits } = await model(name);
      const start = performance.now();
      const [outputs] = execute(graph, [ids], { precision });
      expect(performance.now() - start).toBeLessThan(2000);
      expect(error(outputs!, logits)).toBeLessThan(WITHIN);
    },
  );

  it('gives them on two ranks that each hold half of the columns before an all-reduce', async () => {
    const { graph, ids, logits } = await model(name);
    expect(graph.nodes.filter(({ op }) => op === 'all_reduce').length).toBe(4);
    const weights = [shard(graph, 0), shard(graph, 1)];
    expect(weights[0]!.size).toBe(4);
    const ranks = execute(graph, [ids, ids], { weights });
    for (const outputs of ranks) expect(error(outputs, logits)).toBeLessThan(WITHIN);
    expect(ranks[0]).toEqual(ranks[1]);
  });

  it('gives something else when both ranks hold all of them', async () => {
    const { graph, ids, logits } = await model(name);
    expect(error(execute(graph, [ids, ids])[0]!, logits)).toBeGreaterThan(100 * WITHIN);
  });
});
