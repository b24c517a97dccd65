/**
 * @file Random models around collectives: whatever the pass fuses, the verifier is quiet, the collectives stay in order and every rank gets the same
 * numbers as before. And any operand of a chain may be exchanged for another value: then it is either not matched, or still the same.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GraphBuilder } from '../../../dist/graph/build/builder.js';
import { trace } from '../../../dist/graph/build/trace.js';
import { execute } from '../../../dist/graph/execute/executor.js';
import { type Graph, isValue, type Node, type Operand, type Value } from '../../../dist/graph/ir/graph.js';
import { graphToJson, parseGraph } from '../../../dist/graph/ir/json.js';
import { isCollective } from '../../../dist/graph/ir/operations.js';
import { sameType } from '../../../dist/graph/ir/type.js';
import { verify } from '../../../dist/graph/ir/verify.js';
import { optimize } from '../../../dist/graph/optimize.js';
import { needed } from '../../../dist/graph/passes/rewrite.js';
import { verifyPlacement } from '../../../dist/graph/place/check.js';
import {
  NORM_SPELLINGS,
  type NormSpelling,
  QUANTIZATION_SPELLINGS,
  type QuantizationSpelling,
} from '../support/chains.ts';

const RUNS = Number(process.env.CROSSOVER_FUZZ ?? 300);
const HIDDEN = 32;
const TOKENS = 4;
const RANKS = 2;
const NORMS = Object.keys(NORM_SPELLINGS) as NormSpelling[];
const QUANTIZATIONS = Object.keys(QUANTIZATION_SPELLINGS) as QuantizationSpelling[];

/** One step of a model, over what is there so far; numbers choose among it. */
interface Step {
  readonly kind: 'linear' | 'silu' | 'scale' | 'add' | 'chain' | 'gather' | 'bare';
  readonly a: number;
  readonly b: number;
  readonly norm: NormSpelling;
  readonly quantization: QuantizationSpelling | undefined;
  readonly residual: boolean;
  readonly swapped: boolean;
  readonly viewed: boolean;
  readonly keepRaw: boolean;
  readonly scaled: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('linear', 'silu', 'scale', 'add', 'chain', 'chain', 'chain', 'gather', 'bare'),
  a: fc.nat(50),
  b: fc.nat(50),
  norm: fc.constantFrom(...NORMS),
  quantization: fc.option(fc.constantFrom(...QUANTIZATIONS), { nil: undefined }),
  residual: fc.boolean(),
  swapped: fc.boolean(),
  viewed: fc.boolean(),
  keepRaw: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  scaled: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});
const model = fc.record({
  dtype: fc.constantFrom('bf16', 'f32', 'f16'),
  symbolic: fc.boolean(),
  steps: fc.array(step, { minLength: 1, maxLength: 8 }),
});
type Model = { dtype: 'bf16' | 'f32' | 'f16'; symbolic: boolean; steps: Step[] };

function build({ dtype, symbolic, steps }: Model): Graph {
  return trace('random', (g) => {
    const rows = symbolic ? g.symbol('tokens', { min: 1, max: 64 }) : TOKENS;
    const shape = [rows, HIDDEN];
    const values: Value[] = [g.input('x', dtype, shape), g.input('y', dtype, shape)];
    const extra: Value[] = [];
    for (const [i, one] of steps.entries()) {
      const a = values[one.a % values.length]!;
      const b = values[one.b % values.length]!;
      g.scope(`step${i}`, () => {
        switch (one.kind) {
          case 'linear':
            values.push(g.linear(a, weight(g, `w${i}`, dtype, [HIDDEN, HIDDEN])));
            break;
          case 'silu':
            values.push(g.unary('silu', a));
            break;
          case 'scale':
            values.push(g.mul(a, 0.5));
            break;
          case 'add':
            values.push(g.add(a, b));
            break;
          case 'bare':
            values.push(g.allReduce(a));
            break;
          case 'gather':
            extra.push(g.allGather(a, RANKS));
            break;
          case 'chain':
            values.push(...chain(g, one, a, b, weight(g, `w${i}`, dtype, [HIDDEN]), extra));
            break;
          default:
            one.kind satisfies never;
        }
      });
    }
    return [...values.slice(-3), ...extra];
  });
}

/** All-reduce to norm and quantization, spelled as the step says. */
function chain(g: GraphBuilder, one: Step, a: Value, b: Value, w: Value, extra: Value[]): Value[] {
  const shape = a.type.kind === 'tensor' ? a.type.shape : [];
  let y = g.allReduce(a);
  if (one.keepRaw) extra.push(g.unary('neg', y));
  if (one.viewed) y = g.reshape(g.reshape(y, [1, ...shape]), shape);
  if (one.scaled) y = g.mul(y, 0.25);
  const h = one.residual ? (one.swapped ? g.add(b, y) : g.add(y, b)) : y;
  const norm = NORM_SPELLINGS[one.norm](g, h, w);
  if (one.quantization) {
    const { codes, scales }: { codes: Value; scales?: Value } = QUANTIZATION_SPELLINGS[one.quantization][1](
      g,
      norm,
    );
    extra.push(codes, ...(scales ? [scales] : []));
  }
  return one.swapped ? [norm, h] : [h, norm];
}

function weight(g: GraphBuilder, name: string, dtype: Model['dtype'], shape: number[]): Value {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return g.weight(
    name,
    dtype,
    shape,
    Float64Array.from({ length: count }, (_, i) => Math.sin(1.3 * i + name.length) / 3),
  );
}

/** Everything that every rank gets, flat. Without rounding, so that only what is computed can differ. */
function run(graph: Graph, dtype: Model['dtype']): number[][] {
  const inputs = Array.from({ length: RANKS }, (_, rank) => {
    const values = (phase: number): number[] =>
      Array.from({ length: TOKENS * HIDDEN }, (_, i) => 2 * Math.sin(0.7 * i + phase + rank));
    const shape = [TOKENS, HIDDEN];
    return { x: { dtype, shape, values: values(0) }, y: { dtype, shape, values: values(9) } };
  });
  return execute(graph, inputs, { precision: 'float64' }).map((outputs) => outputs.flatMap(numbersIn));
}

function numbersIn(output: unknown): number[] {
  if (Array.isArray(output)) return output.flatMap(numbersIn);
  return typeof output === 'object' && output !== null && 'values' in output
    ? [...(output.values as Float64Array)]
    : [];
}

/** Equal but for rounding in float64; codes may step over where that decides a tie. */
function same(before: readonly number[][], after: readonly number[][]): boolean {
  let steps = 0;
  for (const [rank, list] of before.entries()) {
    if (list.length !== after[rank]!.length) return false;
    for (const [i, value] of list.entries()) {
      const difference = Math.abs(value - after[rank]![i]!);
      if (Object.is(value, after[rank]![i]) || difference <= 1e-9 * Math.max(1, Math.abs(value))) continue;
      // One step of f8e4m3 is an eighth at most; of i8 it is 1.
      if (difference > Math.max(1, Math.abs(value) / 7)) return false;
      steps++;
    }
  }
  return steps <= 2;
}

/** Those that something needs. */
const collectives = (graph: Graph): number =>
  [...needed(graph.nodes, graph.outputs)].filter(({ op }) => isCollective(op)).length;

test('fusing changes nothing but speed', () => {
  let fused = 0;
  fc.assert(
    fc.property(model, (one) => {
      const graph = build(one);
      const { variants, decisions, misses } = optimize(graph, {
        fusionCapBytes: Number.POSITIVE_INFINITY,
        worldSize: RANKS,
      });
      const allReduces = graph.nodes.filter(({ op }) => op === 'all_reduce').length;
      expect(decisions.length + misses.length).toBe(allReduces);
      for (const variant of variants) {
        verify(variant.graph);
        verifyPlacement(variant.graph, variant.placement!);
        // One collective in place of each that there was.
        expect(collectives(variant.graph)).toBe(collectives(graph));
        expect(same(run(graph, one.dtype), run(variant.graph, one.dtype))).toBe(true);
        expect(graphToJson(parseGraph(JSON.parse(JSON.stringify(graphToJson(variant.graph)))))).toEqual(
          graphToJson(variant.graph),
        );
      }
      fused += decisions.length;
    }),
    { numRuns: RUNS },
  );
  // Most chains are spelled so that they match.
  expect(fused).toBeGreaterThan(RUNS / 2);
});

test('any operand exchanged for another value of its type: not matched, or still the same', () => {
  let changed = 0;
  fc.assert(
    fc.property(model, fc.nat(1000), fc.nat(1000), (one, at, by) => {
      const graph = exchange(build(one), at, by);
      const before = graph && runnable(graph, one.dtype);
      if (!before) return;
      changed++;
      const { variants } = optimize(graph, { fusionCapBytes: Number.POSITIVE_INFINITY, worldSize: RANKS });
      for (const variant of variants) expect(same(before, run(variant.graph, one.dtype))).toBe(true);
    }),
    { numRuns: RUNS },
  );
  expect(changed).toBeGreaterThan(RUNS / 3);
});

/** What the graph gives, unless the exchange made it one of NaN that no code is for. */
function runnable(graph: Graph, dtype: Model['dtype']): number[][] | undefined {
  try {
    return run(graph, dtype);
  } catch (error) {
    if (/NaN is no i8|Infinity is no i8/.test((error as Error).message)) return undefined;
    throw error;
  }
}

/** The graph with one operand exchanged for an earlier value of the same type, or a number for another. */
function exchange(graph: Graph, at: number, by: number): Graph | undefined {
  const index = at % graph.nodes.length;
  const node = graph.nodes[index]!;
  const known = [
    ...graph.inputs.map(({ value }) => value),
    ...graph.nodes.slice(0, index).flatMap(({ outputs }) => outputs),
  ];
  for (const [name, operand] of Object.entries(node.operands)) {
    const other = replacement(operand, known, by);
    if (other === undefined) continue;
    const nodes = graph.nodes.with(index, {
      ...node,
      operands: { ...node.operands, [name]: other },
    } satisfies Node);
    return { ...graph, nodes };
  }
  return undefined;
}

function replacement(operand: Operand, known: readonly Value[], by: number): Operand | undefined {
  if (typeof operand === 'number') return operand * 1.5 + 0.25;
  if (!isValue(operand)) return undefined;
  const others = known.filter((value) => value !== operand && sameType(value.type, operand.type));
  return others[by % Math.max(1, others.length)];
}
