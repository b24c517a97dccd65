/**
 * @file Which nodes have to run for the outputs of a graph, and after which of them a value is of no use any more.
 */
import { type Graph, inputsOf, type Node, type Value, valuesIn } from '../ir/graph.ts';

export interface Step {
  readonly node: Node;
  /** Values that nothing behind reads, the node's own included. */
  readonly done: readonly Value[];
}

export interface Schedule {
  readonly steps: readonly Step[];
  /** All that is read, by a step or by the caller. */
  readonly needed: ReadonlySet<Value>;
}

/** Nodes that outputs depend on, in order: the others are not run. */
export function scheduleOf(graph: Graph): Schedule {
  const results = new Set<Value>(graph.outputs.flatMap((operand) => [...valuesIn(operand)]));
  const needed = new Set(results);
  const steps: Step[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((value) => needed.has(value))) continue;
    const done = new Set<Value>();
    for (const value of node.outputs) if (!needed.has(value)) done.add(value);
    for (const value of inputsOf(node)) {
      // Met for the first time from behind: this is its last reader.
      if (!needed.has(value)) done.add(value);
      needed.add(value);
    }
    steps.push({ node, done: [...done] });
  }
  return { steps: steps.reverse(), needed };
}
