/**
 * @file What is run, and when values are let go.
 */
import { describe, expect, it } from 'vitest';
import { scheduleOf } from '../../../dist/graph/execute/schedule.js';
import { GraphBuilder } from '../support/graphs.ts';

describe('schedule', () => {
  const graph = new GraphBuilder();
  const x = graph.input('x', [2]);
  const w = graph.weight('w', [2]);
  const a = graph.add('a', x, w);
  const dead = graph.add('dead', a, w);
  const b = graph.add('b', a, a);
  const fused = graph.fused('c', b, x, w);
  const built = graph.build([a, 3], fused[0]);

  it('leaves out what no output needs', () => {
    const { steps, needed } = scheduleOf(built);
    expect(steps.map(({ node }) => node.outputs[0]!.name)).toEqual(['a', 'b', 'c_norm']);
    expect(needed.has(dead)).toBe(false);
  });

  it('lets go of a value after its last reader, never of an output, and at once of what nothing reads', () => {
    const done = scheduleOf(built).steps.map((step) => step.done.map(({ name }) => name).sort());
    expect(done).toEqual([[], [], ['b', 'c_sum', 'w', 'x']]);
  });
});
