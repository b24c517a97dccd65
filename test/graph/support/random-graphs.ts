/**
 * @file Random graphs of element-wise operations, views, operations that nobody understands, appends to caches, and collectives. Every tensor is [n, 8] or [8, n] in
 * bf16, so that it is n cells of 16 bytes.
 */
import fc from 'fast-check';
import { cacheProblem } from '../../../dist/graph/ir/caches.js';
import type { Graph, Value } from '../../../dist/graph/ir/graph.js';
import { GraphBuilder, shapeOf, tensor } from './graphs.ts';

export const WORLD = 2;
/** Of the longest tensor. */
const MOST_CELLS = 96;

const OPS = [
  'mul',
  'add',
  'reshape',
  'slice',
  'permute',
  'expand',
  'cast',
  'vendor.op',
  'vendor.pair',
  'all_reduce',
  'all_reduce',
  'broadcast',
  'all_gather',
  'reduce_scatter',
  'fused',
  'fused',
  'append',
] as const;

interface Step {
  readonly op: (typeof OPS)[number];
  /** Which of the values so far, from the last one back. */
  readonly a: number;
  readonly b: number;
  readonly size: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  op: fc.constantFrom(...OPS),
  a: fc.nat(6),
  b: fc.nat(20),
  size: fc.integer({ min: 1, max: 40 }),
});

export interface RandomGraph {
  readonly graph: Graph;
  /** Names of values to pin. */
  readonly pinned: readonly string[];
}

export const randomGraph: fc.Arbitrary<RandomGraph> = fc
  .record({
    inputs: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 }),
    steps: fc.array(step, { minLength: 1, maxLength: 24 }),
    results: fc.array(fc.nat(30), { minLength: 1, maxLength: 3 }),
    pinned: fc.array(fc.nat(30), { maxLength: 1 }),
  })
  .map(({ inputs, steps, results, pinned }) => {
    const builder = new GraphBuilder('random');
    const values: Value[] = [builder.weight('w', [16, 8])];
    for (const [i, n] of inputs.entries()) values.push(builder.input(`in${i}`, [n, 8]));
    for (const [i, one] of steps.entries()) {
      const made = run(builder, values, one, `v${i}`);
      // Caches that were appended to may not be read any more.
      if (cacheProblem(builder.build(), ({ op }) => op) === undefined) values.push(...made);
      else builder.nodes.pop();
    }
    const pick = (back: number): Value => values[Math.max(0, values.length - 1 - back)]!;
    const kept = results
      .map(pick)
      .filter((value) => cacheProblem(builder.build(value), String) === undefined);
    return { graph: builder.build(...kept), pinned: pinned.map((back) => pick(back).name) };
  });

export function cellsOf(value: Value): number {
  return shapeOf(value).reduce<number>((product, dim) => product * Number(dim), 1) / 8;
}

function run(
  builder: GraphBuilder,
  values: readonly Value[],
  { op, a, b, size }: Step,
  name: string,
): Value[] {
  const x = values[Math.max(0, values.length - 1 - a)]!;
  const n = cellsOf(x);
  const shape = shapeOf(x);
  const like = values.filter((value) => String(shapeOf(value)) === String(shape));
  const y = like[b % like.length]!;
  const rows = Math.min(size, n);
  switch (op) {
    case 'mul':
      return [builder.node('mul', name, shape, { a: x, b: 3 })];
    case 'add':
      return [builder.add(name, x, y)];
    case 'reshape': {
      const other = shape[0] === 8 ? [n, 8] : [8, n];
      return [builder.node('reshape', name, other, { x, shape: other })];
    }
    case 'slice':
      return shape[0] === n
        ? [builder.node('slice', name, [rows, 8], { x, dim: 0, start: 0, end: rows, step: 1 })]
        : [];
    case 'permute':
      return [builder.node('permute', name, shape.toReversed(), { x, dims: [1, 0] })];
    case 'expand':
      return [builder.node('expand', name, shape, { x, shape: [-1, -1] })];
    case 'cast':
      return [builder.node('cast', name, shape, { x })];
    case 'vendor.op':
      return [builder.node('vendor.op', name, shape, { first: x, rest: [y, 1] })];
    case 'vendor.pair':
      return builder.nodeOf('vendor.pair', [tensor(`${name}_a`, shape), tensor(`${name}_b`, shape)], {
        x: [y, x],
      });
    case 'all_reduce':
      return [builder.allReduce(name, x)];
    case 'broadcast':
      return [builder.node('broadcast', name, shape, { x, root: 0, group: '' })];
    case 'all_gather':
      if (shape[0] !== n || n * WORLD > MOST_CELLS) return [];
      return [builder.node('all_gather', name, [n * WORLD, 8], { x, dim: 0, group: '' })];
    case 'reduce_scatter':
      if (shape[0] !== n || n % WORLD !== 0) return [];
      return [builder.node('reduce_scatter', name, [n / WORLD, 8], { x, dim: 0, reduce: 'sum', group: '' })];
    case 'fused':
      return builder.fused(name, x, y, builder.weight(`${name}_w`, [8]));
    case 'append':
      return builder.nodeOf('latent_append', [tensor(name, shape), tensor(`${name}_cache`, shape)], {
        kv: y,
        cache: x,
      });
    default:
      return op satisfies never;
  }
}
