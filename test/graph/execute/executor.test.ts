/**
 * @file The executor around its operations: what is run and what is not, and what errors say.
 */
import { describe, expect, it } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { execute } from '../../../dist/graph/execute/executor.js';
import { graph, node, numbers, value, X } from './graph.ts';

describe('nodes', () => {
  const y = value('y', [2]);
  const z = value('z', [2]);

  it('that no output needs are not run, unknown ones and collectives included', () => {
    const nodes = [
      node('torch.ops.aten.erfinv.default', { self: X }, z),
      node('all_reduce', { x: z, reduce: 'sum', group: '' }, value('w', [2])),
      node('neg', { x: X }, y),
    ];
    const run = graph({ inputs: [{ value: X }], nodes, outputs: [y] });
    expect(numbers(execute(run, [{ x: [1, 2] }])[0]![0])).toEqual([-1, -2]);
  });

  it('that are unknown and needed are named', () => {
    const nodes = [node('torch.ops.aten.erfinv.default', { self: X }, z)];
    const run = graph({ inputs: [{ value: X }], nodes, outputs: [z] });
    expect(() => execute(run, [{ x: [1, 2] }])).toThrow(
      'operation "torch.ops.aten.erfinv.default" at model.layers.0 is unknown; the reference executor cannot run it',
    );
    expect(() => execute(run, [{ x: [1, 2] }])).toThrow(CrossoverError);
  });

  it('do not share arrays with the caller', () => {
    const given = Float64Array.of(1, 2);
    const nodes = [
      node('reshape', { x: X, shape: [2] }, y),
      node('all_reduce', { x: y, reduce: 'sum', group: '' }, z),
    ];
    const run = graph({ inputs: [{ value: X }], nodes, outputs: [X, y, z, z] });
    const ranks = execute(run, [{ x: given }, { x: given }]);
    const arrays = ranks.flatMap((outs) => outs.map((out) => (out as { values: Float64Array }).values));
    expect(new Set([given, ...arrays]).size).toBe(9);
  });

  it('are blamed, with the shapes of their operands', () => {
    const b = value('b', [3]);
    const nodes = [node('add', { a: X, b }, y)];
    const run = graph({ inputs: [{ value: X }, { value: b }], nodes, outputs: [y] });
    const message =
      '%y = add at model.layers.0 of a f32[2], b f32[3]: shapes [2] and [3] cannot be broadcast';
    expect(() => execute(run, [{ x: [1, 2], b: [1, 2, 3] }])).toThrow(message);
    const two = [
      { x: [1, 2], b: [1, 2, 3] },
      { x: [1, 2], b: [1, 2, 3] },
    ];
    expect(() => execute(run, two)).toThrow('b f32[3] on rank 0: shapes');
  });

  it('must make what the graph says', () => {
    const short = value('short', [3]);
    const wrong = graph({ inputs: [{ value: X }], nodes: [node('neg', { x: X }, short)], outputs: [short] });
    expect(() => execute(wrong, [{ x: [1, 2] }])).toThrow('dim 0 of the result %short is 2; it must be 3');
    const half = value('half', [2], 'bf16');
    const cast = graph({
      inputs: [{ value: X }],
      nodes: [node('reshape', { x: X, shape: [2] }, half)],
      outputs: [half],
    });
    expect(() => execute(cast, [{ x: [1, 2] }])).toThrow('the result is f32[2]; %half is bf16[2]');
  });

  it('meet in groups that hold every rank once', () => {
    const nodes = [node('all_reduce', { x: X, reduce: 'sum', group: 'tp' }, y)];
    const run = graph({ inputs: [{ value: X }], nodes, outputs: [y] });
    const ranks = [{ x: [1, 2] }, { x: [3, 4] }];
    for (const lists of [[[0]], [[0, 1, 1]], [[0], [2]]]) {
      expect(() => execute(run, ranks, { groups: { tp: lists } })).toThrow(
        'name each of the ranks 0 to 1 once',
      );
    }
    const alone = execute(run, ranks, { groups: { tp: [[1], [0]] } });
    expect(alone.map(([out]) => numbers(out))).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('give ranks that differ in shape no sum', () => {
    const x = value('x', ['s']);
    const nodes = [node('all_reduce', { x, reduce: 'sum', group: '' }, value('y', ['s']))];
    const run = graph({ inputs: [{ value: x }], nodes, outputs: [nodes[0]!.outputs[0]!] });
    expect(() => execute(run, [{ x: [1] }, { x: [1, 2] }])).toThrow(
      'ranks give f32[1] and f32[2]; all must give the same',
    );
  });
});
