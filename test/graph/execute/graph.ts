/**
 * @file Graphs written by hand, with every part in sight, and what is read out of their results.
 */
import type { Graph, GraphInput, Node, Operand, Value } from '../../../dist/graph/ir/graph.js';
import { type Dim, type GraphDType, type SymbolRange, tensorType } from '../../../dist/graph/ir/type.js';
import type { Weight } from '../../../dist/graph/ir/weight.js';

export function value(name: string, shape: readonly Dim[], dtype: GraphDType = 'f32'): Value {
  return { name, type: tensorType(dtype, shape) };
}

export function node(op: string, operands: Record<string, Operand>, ...outputs: Value[]): Node {
  return { op, operands, outputs, origin: 'model.layers.0' };
}

export interface Parts {
  inputs?: readonly GraphInput[];
  nodes?: readonly Node[];
  outputs: readonly Operand[];
  symbols?: Record<string, SymbolRange>;
  weights?: Record<string, Weight>;
}

export function graph({ inputs = [], nodes = [], outputs, symbols = {}, weights = {} }: Parts): Graph {
  return {
    name: 'test',
    inputs,
    nodes,
    outputs,
    symbols: new Map(Object.entries(symbols)),
    weights: new Map(Object.entries(weights)),
    notes: [],
  };
}

/** A graph that gives its inputs as they are. */
export function identity(symbols: Record<string, SymbolRange>, ...inputs: Value[]): Graph {
  return graph({ inputs: inputs.map((one) => ({ value: one })), outputs: inputs, symbols });
}

/** The numbers of an output. */
export function numbers(output: unknown): number[] {
  return [...(output as { values: Float64Array }).values];
}

/** An input of two numbers. */
export const X: Value = value('x', [2]);
