/**
 * @file Graphs as functions: what the function does with a builder becomes the graph.
 */
import type { Graph, Value } from '../ir/graph.ts';
import { GraphBuilder } from './builder.ts';

/**
 * The graph of what `body` does, which gives back the graph's outputs.
 *
 * ```ts
 * const block = trace('block', (g) => {
 *   const x = g.input('x', 'bf16', [g.symbol('tokens'), 4096]);
 *   return [g.rmsNorm(g.allReduce(g.linear(x, g.weight('o_proj', 'bf16', [4096, 4096]))), null)];
 * });
 * ```
 * @throws CrossoverError when types do not fit
 */
export function trace(name: string, body: (g: GraphBuilder) => readonly Value[]): Graph {
  const builder = new GraphBuilder(name);
  return builder.build(body(builder));
}
