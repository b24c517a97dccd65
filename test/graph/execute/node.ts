/**
 * @file Graphs of one node, run on one rank or several: what a case of a table says of an operation, and what comes out.
 */
import { type ExecuteOptions, execute } from '../../../dist/graph/execute/executor.js';
import type { Graph, GraphInput, Operand, Value } from '../../../dist/graph/ir/graph.js';
import { type GraphDType, tensorType } from '../../../dist/graph/ir/type.js';
import { verify } from '../../../dist/graph/ir/verify.js';

/** Numbers in lists, as deep as there are dims. */
export type Nested = number | boolean | readonly Nested[];

/** A tensor of a case, given or expected. */
export interface Example {
  readonly dtype: GraphDType;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** A tensor that differs by rank. */
export interface Each {
  readonly each: readonly Example[];
}

export type CaseOperand = Example | Each | number | boolean | string | null | readonly CaseOperand[];

export interface Case {
  /** What it shows, for the name of the test. */
  readonly shows: string;
  readonly op: string;
  readonly operands: Readonly<Record<string, CaseOperand>>;
  readonly gives: readonly (Example | Each)[];
  /** How far results may be from what is expected; they are the same by default. */
  readonly within?: number;
  readonly options?: ExecuteOptions;
}

/** A tensor from nested lists: `t('f32', [[1, 2], [3, 4]])`. */
export function t(dtype: GraphDType, nested: Nested): Example {
  const shape: number[] = [];
  for (let at = nested; Array.isArray(at); at = at[0]) shape.push(at.length);
  return { dtype, shape, values: flat(nested) };
}

/** A tensor from its values in order: `shaped('f32', [0, 3])`. */
export function shaped(dtype: GraphDType, shape: readonly number[], values: readonly number[] = []): Example {
  return { dtype, shape, values };
}

/** One tensor for each rank. */
export function each(...examples: readonly Example[]): Each {
  return { each: examples };
}

function flat(nested: Nested): number[] {
  return Array.isArray(nested) ? nested.flatMap(flat) : [Number(nested)];
}

function isExample(operand: CaseOperand): operand is Example {
  return typeof operand === 'object' && operand !== null && 'dtype' in operand;
}

function isEach(operand: CaseOperand): operand is Each {
  return typeof operand === 'object' && operand !== null && 'each' in operand;
}

/** Runs one node; for each rank, its outputs. */
export function runNode(
  op: string,
  operands: Readonly<Record<string, CaseOperand>>,
  outputs: readonly Pick<Example, 'dtype' | 'shape'>[],
  options: ExecuteOptions = {},
): Example[][] {
  const inputs: GraphInput[] = [];
  const given: (readonly Example[])[] = [];
  const add = (examples: readonly Example[]): Value => {
    const value = { name: `x${inputs.length}`, type: tensorType(examples[0]!.dtype, examples[0]!.shape) };
    inputs.push({ value });
    given.push(examples);
    return value;
  };
  const made = (operand: CaseOperand): Operand => {
    if (Array.isArray(operand)) return operand.map(made);
    if (isEach(operand)) return add(operand.each);
    if (isExample(operand)) return add([operand]);
    return operand as Operand;
  };
  const graph: Graph = {
    name: op,
    inputs,
    nodes: [
      {
        op,
        operands: Object.fromEntries(
          Object.entries(operands).map(([name, operand]) => [name, made(operand)]),
        ),
        outputs: outputs.map(({ dtype, shape }, i) => ({ name: `out${i}`, type: typeOf(op, dtype, shape) })),
        origin: 'here',
      },
    ],
    outputs: [],
    symbols: new Map(),
    weights: new Map(),
    notes: [],
  };
  verify(graph);
  const ranks = Math.max(1, ...given.map((examples) => examples.length));
  const inputsOf = (rank: number) =>
    Object.fromEntries(given.map((examples, i) => [`x${i}`, examples[rank] ?? examples[0]!]));
  const results = execute(
    { ...graph, outputs: graph.nodes[0]!.outputs },
    Array.from({ length: ranks }, (_, rank) => inputsOf(rank)),
    options,
  );
  return results.map((outs) => outs.map(toExample));
}

/** `size` is the only operation that gives no tensor; cases write its result as i64[]. */
function typeOf(op: string, dtype: GraphDType, shape: readonly number[]): Value['type'] {
  return op === 'size' ? { kind: 'int' } : tensorType(dtype, shape);
}

function toExample(output: unknown): Example {
  if (typeof output === 'number') return { dtype: 'i64', shape: [], values: [output] };
  const { dtype, shape, values } = output as { dtype: GraphDType; shape: number[]; values: Float64Array };
  return { dtype, shape, values: [...values] };
}
