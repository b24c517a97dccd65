/**
 * @file Rebuilding a graph after a pass: other values in place of some, nodes in an order in which they can run, and without those that nothing needs
 * any more.
 */
import { CrossoverError } from '../../errors.ts';
import { type Graph, inputsOf, isValue, type Node, type Operand, type Value, valuesIn } from '../ir/graph.ts';
import { OPERATIONS } from '../ir/operations.ts';
import { verify } from '../ir/verify.ts';

export interface Rewrite {
  /** What stands where these values stood. */
  readonly substitutes: ReadonlyMap<Value, Value>;
  /** New nodes, each before the node at which it is to stand. */
  readonly inserted: ReadonlyMap<Node, readonly Node[]>;
}

/**
 * The rewritten graph, without the nodes that nothing needs.
 * @param pass for the message when the result is wrong @throws CrossoverError when it is
 */
export function rewrite(graph: Graph, { substitutes, inserted }: Rewrite, pass: string): Graph {
  const replace = (operand: Operand): Operand => {
    if (Array.isArray(operand)) return operand.map(replace);
    return isValue(operand) ? (substitutes.get(operand) ?? operand) : operand;
  };
  const outputs = graph.outputs.map(replace);
  const all = graph.nodes.flatMap((node) => [...(inserted.get(node) ?? []), withOperands(node, replace)]);
  const alive = needed(all, outputs);
  const result = { ...graph, nodes: inOrder(all.filter((node) => alive.has(node))), outputs };
  verify(result, pass);
  return result;
}

function withOperands(node: Node, replace: (operand: Operand) => Operand): Node {
  const entries = Object.entries(node.operands);
  const changed = entries.map(([name, operand]) => [name, replace(operand)] as const);
  return changed.every(([, operand], i) => operand === entries[i]![1])
    ? node
    : { ...node, operands: Object.fromEntries(changed) };
}

/** Nodes that outputs need, and those that are there for what they do, as any may that is not understood; with all that these read. */
export function needed(nodes: readonly Node[], outputs: readonly Operand[]): Set<Node> {
  const wanted = new Set<Value>(outputs.flatMap((operand) => [...valuesIn(operand)]));
  const alive = new Set<Node>();
  // Makers stand before readers in a graph; what was inserted may stand anywhere, so until nothing is added.
  for (let size = -1; size !== alive.size; ) {
    size = alive.size;
    for (const node of [...nodes].reverse()) {
      const isNeeded = !Object.hasOwn(OPERATIONS, node.op) || node.outputs.some((value) => wanted.has(value));
      if (!isNeeded || alive.has(node)) continue;
      alive.add(node);
      for (const value of inputsOf(node)) wanted.add(value);
    }
  }
  return alive;
}

/** Every node as early as it stands, and behind those that make what it reads. */
function inOrder(nodes: readonly Node[]): Node[] {
  const makers = new Map<Value, Node>();
  for (const node of nodes) for (const value of node.outputs) makers.set(value, node);
  const sorted = new Set<Node>();
  for (const start of nodes) {
    // Depth first without recursion: a graph may be tens of thousands of nodes deep.
    const path = [start];
    const entered = new Set<Node>();
    for (let node = path.at(-1); node; node = path.at(-1)) {
      if (sorted.has(node)) {
        path.pop();
        continue;
      }
      const missing = [...inputsOf(node)]
        .map((value) => makers.get(value))
        .filter((maker) => maker && !sorted.has(maker));
      if (missing.length === 0) {
        sorted.add(node);
        path.pop();
      } else if (entered.has(node)) {
        throw new CrossoverError(`${node.op} would depend on itself`);
      } else {
        entered.add(node);
        path.push(...(missing as Node[]));
      }
    }
  }
  return [...sorted];
}
