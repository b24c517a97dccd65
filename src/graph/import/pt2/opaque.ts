/**
 * @file A graph whose nodes are all as the file has them, names and order and all: for files that write to memory in ways that values cannot follow.
 */
import type { Graph, Operand, Value } from '../../ir/graph.ts';
import type { WeightStore } from '../../ir/weight.ts';
import { isList, isReference, type Reference, type SourceOperand } from './argument.ts';
import type { Source } from './source.ts';

/** @param note why */
export function carryThrough(source: Source, name: string, weights: WeightStore, note: string): Graph {
  const values = new Map<string, Value>();
  const define = ({ reference, json }: Reference, type: Value['type']): Value => {
    if (values.has(reference)) json.fail(`makes "${reference}", which is there already`);
    const value = { name: reference, type };
    values.set(reference, value);
    return value;
  };
  const resolve = (operand: SourceOperand): Operand => {
    if (isList(operand)) return operand.map(resolve);
    if (!isReference(operand)) return operand;
    const { reference, json } = operand;
    return (
      values.get(reference) ?? json.fail(`names "${reference}", which no input and no node before makes`)
    );
  };
  const inputs = source.inputs.map(({ reference, type, weight }) => ({
    value: define(reference, type),
    ...(weight !== undefined && { weight }),
  }));
  const nodes = source.nodes.map(({ target, args, outputs, origin }) => ({
    op: target,
    operands: Object.fromEntries([...args].map(([arg, { operand }]) => [arg, resolve(operand)])),
    outputs: outputs.map(({ reference, type }) => define(reference, type)),
    origin,
  }));
  return {
    name,
    inputs,
    nodes,
    outputs: source.outputs.map(({ operand }) => resolve(operand)),
    symbols: source.symbols.ranges(),
    weights,
    notes: [note, ...source.notes, ...source.symbols.notes],
  };
}
