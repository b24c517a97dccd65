/**
 * @file Graphs written by hand: values and nodes as plain objects, in the order in which they are asked for.
 */
import type { Graph, GraphInput, Node, Operand, Value } from '../../../dist/graph/ir/graph.js';
import {
  type Dim,
  type GraphDType,
  type SymbolRange,
  tensorType,
  type ValueType,
} from '../../../dist/graph/ir/type.js';

export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly #inputs: GraphInput[] = [];
  readonly #symbols = new Map<string, SymbolRange>();
  readonly #name: string;

  constructor(name = 'test') {
    this.#name = name;
  }

  /** A symbol of sizes; without `max` it has no bound. */
  symbol(name: string, min = 1, max = Number.POSITIVE_INFINITY): string {
    this.#symbols.set(name, { min, max });
    return name;
  }

  /** What the caller gives. */
  input(name: string, shape: readonly Dim[], dtype: GraphDType = 'bf16'): Value {
    const value = tensor(name, shape, dtype);
    this.#inputs.push({ value });
    return value;
  }

  /** What the file holds. */
  weight(name: string, shape: readonly Dim[], dtype: GraphDType = 'bf16'): Value {
    const value = tensor(name, shape, dtype);
    this.#inputs.push({ value, weight: name });
    return value;
  }

  /** A node with one result. */
  node(
    op: string,
    name: string,
    shape: readonly Dim[],
    operands: Record<string, Operand>,
    origin = '',
    dtype: GraphDType = 'bf16',
  ): Value {
    return this.nodeOf(op, [tensor(name, shape, dtype)], operands, origin)[0]!;
  }

  /** A node with any number of results. */
  nodeOf(op: string, outputs: readonly Value[], operands: Record<string, Operand>, origin = ''): Value[] {
    this.nodes.push({ op, operands, outputs, origin });
    return [...outputs];
  }

  /** Sum over all ranks. */
  allReduce(name: string, x: Value, origin = ''): Value {
    return this.node('all_reduce', name, shapeOf(x), { x, reduce: 'sum', group: '' }, origin);
  }

  add(name: string, a: Value, b: Value): Value {
    return this.node('add', name, shapeOf(a), { a, b });
  }

  norm(name: string, x: Value, weight: Value): Value {
    const settings = { epsilon: 1e-6, weight_bias: 0, cast_before_weight: true };
    return this.node('rms_norm', name, shapeOf(x), { x, weight, ...settings });
  }

  linear(name: string, x: Value, weight: Value): Value {
    const out = (weight.type as { shape: readonly Dim[] }).shape[0]!;
    return this.node('linear', name, [...shapeOf(x).slice(0, -1), out], { x, weight });
  }

  /** The norm and the sum of the fused operation. */
  fused(name: string, x: Value, residual: Value, weight: Value, origin = ''): [norm: Value, sum: Value] {
    const settings = { epsilon: 1e-6, weight_bias: 0, cast_before_weight: true };
    const outputs = [tensor(`${name}_norm`, shapeOf(x)), tensor(`${name}_sum`, shapeOf(x))];
    const operands = { x, residual, weight, ...settings, quantization: 'none', group: '' };
    const [norm, sum] = this.nodeOf('all_reduce_rms_norm', outputs, operands, origin);
    return [norm!, sum!];
  }

  build(...outputs: Operand[]): Graph {
    return {
      name: this.#name,
      inputs: this.#inputs,
      nodes: this.nodes,
      outputs,
      symbols: this.#symbols,
      weights: new Map(),
      notes: [],
    };
  }
}

export function tensor(name: string, shape: readonly Dim[], dtype: GraphDType = 'bf16'): Value {
  return { name, type: tensorType(dtype, shape) };
}

export function scalar(name: string, kind: Exclude<ValueType['kind'], 'tensor'>): Value {
  return { name, type: { kind } };
}

export function shapeOf({ type }: Value): readonly Dim[] {
  return type.kind === 'tensor' ? type.shape : [];
}

/** `layers` blocks of a transformer whose two linear layers are cut by columns and rows: norm, up, down, all-reduce, add, each twice. */
export function tensorParallelBlocks(
  layers: number,
  tokens: Dim,
  hidden: number,
  graph = new GraphBuilder(),
): Graph {
  let residual = graph.input('hidden_states', [tokens, hidden]);
  for (let layer = 0; layer < layers; layer++) {
    for (const part of ['attention', 'mlp']) {
      const name = `${part}${layer}`;
      const origin = `model.layers.${layer}.${part}`;
      const gain = graph.weight(`${name}_gain`, [hidden]);
      const up = graph.weight(`${name}_up`, [2 * hidden, hidden]);
      const down = graph.weight(`${name}_down`, [hidden, 2 * hidden]);
      const normed = graph.norm(`${name}_normed`, residual, gain);
      const partial = graph.linear(`${name}_partial`, graph.linear(`${name}_wide`, normed, up), down);
      const reduced = graph.allReduce(`${name}_reduced`, partial, origin);
      residual = graph.add(`${name}_out`, reduced, residual);
    }
  }
  return graph.build(residual);
}
