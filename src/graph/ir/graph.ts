/**
 * @file The graph: nodes in an order in which they can run, each an operation on named operands that makes new values. A value is made once
 * (SSA) and never changes: what writes in place in a file is a new value here.
 *
 * Operations that operations.ts lists are understood; every other name is carried through as it came, with its operands, and passes leave it alone.
 */
import type { SymbolRange, TensorType, ValueType } from './type.ts';
import type { WeightStore } from './weight.ts';

/** What a node or the caller gives. Told apart by identity; `name` is unique in its graph, for people and files. */
export interface Value {
  readonly name: string;
  readonly type: ValueType;
}

export type Constant = number | string | boolean | null;

/** A value, a constant, or a list of them, as deep as it came. */
export type Operand = Value | Constant | readonly Operand[];

export interface Node {
  /** A name of operations.ts, or the foreign name of an operation unknown here: `torch.ops.aten.erf.default`. */
  readonly op: string;
  /** By name, in the order of the operation's signature. Absent ones have their default. */
  readonly operands: Readonly<Record<string, Operand>>;
  readonly outputs: readonly Value[];
  /** Where it stands in the model, for messages: `model.layers.0.self_attn.o_proj`; empty where nothing is known. */
  readonly origin: string;
}

/** Who gives an input: the caller at every call, or the file, once (weight, buffer, constant). */
export interface GraphInput {
  readonly value: Value;
  /** Name in `weights` of what the file holds; absent for what the caller gives. */
  readonly weight?: string | undefined;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly GraphInput[];
  readonly nodes: readonly Node[];
  readonly outputs: readonly Operand[];
  /** Symbols of sizes, by name. */
  readonly symbols: ReadonlyMap<string, SymbolRange>;
  /** What the file holds of weights; empty when it is a graph only. */
  readonly weights: WeightStore;
  /** What an importer had to say, a sentence each. */
  readonly notes: readonly string[];
}

/** A tensor operand of known type. Throws nothing: undefined for everything else. */
export function tensorOf(operand: Operand | undefined): TensorType | undefined {
  return isValue(operand) && operand.type.kind === 'tensor' ? operand.type : undefined;
}

export function isValue(operand: Operand | undefined): operand is Value {
  return typeof operand === 'object' && operand !== null && !Array.isArray(operand);
}

/** Values in an operand, in order. */
export function* valuesIn(operand: Operand): Generator<Value> {
  if (Array.isArray(operand)) for (const one of operand) yield* valuesIn(one);
  else if (isValue(operand)) yield operand;
}

/** Values that a node reads, in order, with repetition. */
export function* inputsOf(node: Node): Generator<Value> {
  for (const operand of Object.values(node.operands)) yield* valuesIn(operand);
}

/** Who makes and who reads each value of one graph. A snapshot: make it anew for a new graph. */
export class Uses {
  readonly #makers = new Map<Value, Node>();
  readonly #readers = new Map<Value, Node[]>();
  readonly #results = new Set<Value>();

  constructor(graph: Graph) {
    for (const node of graph.nodes) {
      for (const value of node.outputs) this.#makers.set(value, node);
      for (const value of new Set(inputsOf(node))) {
        const readers = this.#readers.get(value);
        if (readers) readers.push(node);
        else this.#readers.set(value, [node]);
      }
    }
    for (const operand of graph.outputs) for (const value of valuesIn(operand)) this.#results.add(value);
  }

  /** The node that makes it; undefined for inputs of the graph. */
  maker(value: Value): Node | undefined {
    return this.#makers.get(value);
  }

  /** Nodes that read it, each once, in order. */
  readers(value: Value): readonly Node[] {
    return this.#readers.get(value) ?? [];
  }

  /** Whether the caller gets it. */
  isResult(value: Value): boolean {
    return this.#results.has(value);
  }
}
