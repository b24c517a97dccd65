/**
 * @file Patterns of operations as data: a pattern looks at an operand, follows it to the node that makes it, and from there to that node's operands.
 * Captures are what a pattern has found, by name; two places with one name have to be the same value.
 */
import { type Graph, isValue, type Node, type Operand, tensorOf, Uses, type Value } from '../ir/graph.ts';
import type { GraphDType } from '../ir/type.ts';
import { type Weight, weightNamed } from '../ir/weight.ts';
import { needed } from './rewrite.ts';

export type Captures = ReadonlyMap<string, Operand>;
/** What it adds to `found`, or undefined when the operand is something else. */
export type Pattern = (operand: Operand, found: Captures, graph: GraphIndex) => Captures | undefined;

/** A graph as patterns look at it. */
export class GraphIndex {
  readonly graph: Graph;
  readonly uses: Uses;
  /** Nodes that something needs; the others count for nothing. */
  readonly alive: ReadonlySet<Node>;
  readonly #weights = new Map<Value, string>();

  constructor(graph: Graph) {
    this.graph = graph;
    this.uses = new Uses(graph);
    this.alive = needed(graph.nodes, graph.outputs);
    for (const { value, weight } of graph.inputs) if (weight !== undefined) this.#weights.set(value, weight);
  }

  maker(operand: Operand): Node | undefined {
    return isValue(operand) ? this.uses.maker(operand) : undefined;
  }

  /** Nodes that read a value and that something needs, in order. */
  readers(value: Value): readonly Node[] {
    return this.uses.readers(value).filter((node) => this.alive.has(node));
  }

  /** What an operand is behind views that keep rows as they are, and casts that change nothing. */
  behindViews(operand: Operand): Operand {
    let at = operand;
    for (;;) {
      const node = this.maker(at);
      if (!node || !isRowView(node)) return at;
      at = node.operands.x!;
    }
  }

  /** The number that an operand is, if it is one for all calls: a constant, or a tensor of one element that the file holds or the graph fills. */
  number(operand: Operand): number | undefined {
    if (typeof operand === 'number') return operand;
    if (!isValue(operand)) return undefined;
    const node = this.uses.maker(operand);
    if (node?.op === 'full') return typeof node.operands.value === 'number' ? node.operands.value : undefined;
    if (node?.op === 'cast' || node?.op === 'reshape') return this.number(node.operands.x!);
    const name = this.#weights.get(operand);
    if (name === undefined || !this.graph.weights.has(name)) return undefined;
    return singleNumber(weightNamed(this.graph.weights, name));
  }
}

/** Whether a node gives the same rows in another shape: the last dim stays, or nothing changes at all. */
function isRowView(node: Node): boolean {
  const from = tensorOf(node.operands.x);
  const to = tensorOf(node.outputs[0]);
  if (!from || !to || from.dtype !== to.dtype) return false;
  if (node.op === 'reshape') return from.shape.at(-1) === to.shape.at(-1) && to.shape.length > 0;
  return node.op === 'cast';
}

const NUMBERS: Partial<Record<GraphDType, (view: DataView) => number>> = {
  f64: (view) => view.getFloat64(0, true),
  f32: (view) => view.getFloat32(0, true),
  i64: (view) => Number(view.getBigInt64(0, true)),
  i32: (view) => view.getInt32(0, true),
};

function singleNumber({ dtype, shape, offset, storage }: Weight): number | undefined {
  const read = NUMBERS[dtype];
  if (!read || shape.some((dim) => dim !== 1)) return undefined;
  const bytes = storage();
  const size = dtype === 'f64' || dtype === 'i64' ? 8 : 4;
  return read(new DataView(bytes.buffer, bytes.byteOffset + offset * size, size));
}

// ---------- patterns ----------

/** An operand that is not given. */
export const absent: Pattern = (operand, found) => (operand === null ? found : undefined);

/** A tensor, by a name. */
export function tensor(name: string): Pattern {
  return (operand, found) => (tensorOf(operand) ? bind(name, operand, found) : undefined);
}

/** A number that is the same for all calls, by a name. */
export function number(name: string): Pattern {
  return (operand, found, graph) => {
    const value = graph.number(operand);
    return value === undefined ? undefined : bind(name, value, found);
  };
}

/** This number; within a relative error for those that are no exact float32. */
export function exactly(wanted: number, relativeError = 0): Pattern {
  return (operand, found, graph) => {
    const value = graph.number(operand);
    if (value === undefined) return undefined;
    return Math.abs(value - wanted) <= relativeError * Math.abs(wanted) ? found : undefined;
  };
}

/** A node of an operation, whose operands are these patterns. */
export function op(name: string, operands: Readonly<Record<string, Pattern>>): Pattern {
  return (operand, found, graph) => {
    const node = graph.maker(operand);
    return node?.op === name ? matchOperands(node, operands, found, graph) : undefined;
  };
}

function matchOperands(
  node: Node,
  operands: Readonly<Record<string, Pattern>>,
  found: Captures,
  graph: GraphIndex,
): Captures | undefined {
  let captures: Captures | undefined = found;
  for (const [operandName, pattern] of Object.entries(operands)) {
    captures = pattern(node.operands[operandName] ?? null, captures, graph);
    if (!captures) return undefined;
  }
  return captures;
}

/** A node of a commutative operation, its operands in either order. */
export function either(name: string, first: Pattern, second: Pattern): Pattern {
  return oneOf(op(name, { a: first, b: second }), op(name, { a: second, b: first }));
}

/** The first of these that matches. */
export function oneOf(...patterns: readonly Pattern[]): Pattern {
  return (operand, found, graph) => {
    for (const pattern of patterns) {
      const captures = pattern(operand, found, graph);
      if (captures) return captures;
    }
    return undefined;
  };
}

/** The pattern, behind a cast to a dtype or without one. */
export function castTo(dtype: GraphDType, inner: Pattern): Pattern {
  return (operand, found, graph) => {
    const node = graph.maker(operand);
    if (node?.op === 'cast' && tensorOf(node.outputs[0])?.dtype === dtype)
      return inner(node.operands.x!, found, graph);
    return tensorOf(operand)?.dtype === dtype ? inner(operand, found, graph) : undefined;
  };
}

/** The pattern, behind a cast to whatever dtype, or without one. */
export function maybeCast(inner: Pattern): Pattern {
  return oneOf(inner, op('cast', { x: inner }));
}

function bind(name: string, operand: Operand, found: Captures): Captures | undefined {
  const before = found.get(name);
  if (before !== undefined) return Object.is(before, operand) ? found : undefined;
  return new Map(found).set(name, operand);
}

/** What matches, by a name as well. */
export function named(name: string, inner: Pattern): Pattern {
  return (operand, found, graph) => {
    const captures = inner(operand, found, graph);
    return captures && bind(name, operand, captures);
  };
}

/** A reduction over the last dim that keeps it. */
export function overRows(name: string, inner: Pattern): Pattern {
  return (operand, found, graph) => {
    const node = graph.maker(operand);
    if (node?.op !== name || node.operands.keepdim !== true) return undefined;
    const rank = tensorOf(node.operands.x)?.shape.length ?? 0;
    const dims = node.operands.dims;
    const isLast = Array.isArray(dims) && dims.length === 1 && (dims[0] === -1 || dims[0] === rank - 1);
    return isLast ? inner(node.operands.x!, found, graph) : undefined;
  };
}
