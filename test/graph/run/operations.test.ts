/** @file Collectives, norms and every fused form of a graph on engines, against the reference executor; models' own kernels are tested in test/compute and test/workload. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../dist/graph/build/builder.js';
import { execute } from '../../../dist/graph/execute/executor.js';
import type { Value } from '../../../dist/graph/ir/graph.js';
import { checkRunnable } from '../../../dist/graph/run/lower.js';
import { launch } from '../../../dist/group/launch.js';
import { decodeArray } from '../../../dist/tensor/formats/array.js';
import { describeEngines, servedBy } from '../../collective/support/engines.ts';
import { program } from '../../support/program.ts';
import { everything, inputOf, TOKENS } from './everything.ts';
import type { Made } from './programs/operations.ts';

/** Two ulp of bf16, or a step of the codes: sums of squares are in another order, and a number next to a tie falls either way. */
const WITHIN: Readonly<Record<string, number>> = {
  bf16: 2 ** -7,
  f32: 2 ** -7,
  f8e4m3: 2 ** -2.9,
  i8: 2 ** -5,
  e2m1x2: 0.5,
};

describeEngines('operations of graphs', (engine) => {
  it.each(servedBy(engine, [{ ranks: 1 }, { ranks: 2 }, { ranks: 3 }]))(
    'on $ranks ranks',
    async ({ ranks }) => {
      const made = await launch<Made>(program('./programs/operations.ts', import.meta.url), {
        ranks,
        data: { engine },
      });
      const graph = everything(ranks);
      const inputs = made.map((_, rank) =>
        Object.fromEntries(
          graph.inputs.map(({ value: { name } }) => {
            const values = inputOf(name, rank);
            const shape = name === 'weight' ? [values.length] : [TOKENS, values.length / TOKENS];
            return [name, { shape, values }];
          }),
        ),
      );
      const expected = execute(graph, inputs);
      expect(Object.keys(made[0]!).length).toBeGreaterThan(30);
      for (const [rank, outputs] of made.entries()) {
        for (const [i, value] of (graph.outputs as readonly Value[]).entries()) {
          const { values, replayed } = outputs[value.name]!;
          const { dtype, values: raw } = expected[rank]![i] as { dtype: string; values: Float64Array };
          const wanted = dtype === 'e2m1x2' ? decodeArray('e2m1x2', Uint8Array.from(raw)) : raw;
          expect(replayed, `${value.name} replayed`).toBe(true);
          expect(values.length).toBe(wanted.length);
          const largest = Math.max(...Array.from(wanted, Math.abs));
          const off = values.map(
            (one, at) => Math.abs(one - wanted[at]!) / Math.max(Math.abs(wanted[at]!), largest / 16),
          );
          expect(Math.max(...off), `${value.name} ${dtype} of rank ${rank}`).toBeLessThanOrEqual(
            WITHIN[dtype]!,
          );
        }
      }
    },
  );
});

describe('what engines do not run', () => {
  it('is refused by name, before anything is allocated', () => {
    const g = new GraphBuilder('softmaxed');
    const x = g.input('x', 'bf16', [4, 8]);
    const graph = g.build([g.scope('layers.3.attention', () => g.softmax(x))]);
    expect(() => checkRunnable(graph)).toThrow(
      /^softmaxed: softmax at layers.3.attention is not run on engines, only by the reference executor \(executeGraph\); they run add, .*, top_k/,
    );
  });

  it.each(['add', 'reshape'])('are weights made by others: %s', (maker) => {
    const g = new GraphBuilder('made');
    const [x, w] = [g.input('x', 'bf16', [4, 8]), g.input('w', 'bf16', [8, 8])];
    const weight = maker === 'add' ? g.add(w, w) : g.reshape(g.reshape(w, [64]), [8, 8]);
    const graph = g.build([g.scope('layers.3.mlp', () => g.linear(x, weight))]);
    const check = () => checkRunnable(graph);
    // A reshape makes nothing.
    if (maker === 'reshape') expect(check).not.toThrow();
    else
      expect(check).toThrow(
        'made: weight of linear at layers.3.mlp is made by add; engines read it before other kernels have ended, so it must be an input of the graph',
      );
  });
});
