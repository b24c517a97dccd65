/**
 * @file The graph pass on a model that is written down here: two tensor-parallel layers, optimized by a plan, explained, and run on two ranks with
 * fused and with unfused all-reduces. The results are equal, number by number.
 *
 *   $ node --experimental-strip-types examples/graph.ts        (Node 22.6 and up; or: crossover run examples/graph.ts --ranks 1)
 */
import {
  executeGraph,
  formatFusion,
  formatPlacement,
  type GraphBuilder,
  type GraphValue,
  optimize,
  printGraph,
  trace,
  variantFor,
} from 'crossover';

const RANKS = 2;
const HIDDEN = 64;
const INNER = 128;
const LAYERS = 2;

/** What one rank has of a layer: a shard of the attention's output projection (attention itself left out) and of the MLP. */
function layer(g: GraphBuilder, x: GraphValue, residual: GraphValue, name: string): GraphValue[] {
  return g.scope(name, () => {
    const norm = (y: GraphValue, which: string): GraphValue[] => {
      // The all-reduce, the residual and the norm, as model code has them. Nobody mentions fusion or symmetric memory.
      const sum = g.add(residual, g.allReduce(y));
      residual = sum;
      return [g.rmsNorm(sum, weight(g, `${name}.${which}`, [HIDDEN]))];
    };
    const shard = HIDDEN / RANKS;
    const attention = g.linear(
      g.linear(x, weight(g, `${name}.v_proj`, [shard, HIDDEN])),
      weight(g, `${name}.o_proj`, [HIDDEN, shard]),
    );
    const [y] = norm(attention, 'post_attention_norm');
    const gate = g.unary('silu', g.linear(y!, weight(g, `${name}.gate_proj`, [INNER / RANKS, HIDDEN])));
    const up = g.linear(y!, weight(g, `${name}.up_proj`, [INNER / RANKS, HIDDEN]));
    const [z] = norm(
      g.linear(g.mul(gate, up), weight(g, `${name}.down_proj`, [HIDDEN, INNER / RANKS])),
      'input_norm',
    );
    return [z!, residual];
  });
}

function weight(g: GraphBuilder, name: string, shape: number[]): GraphValue {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return g.weight(
    name,
    'bf16',
    shape,
    Float64Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + name.length) / 8),
  );
}

export default function main(): void {
  const model = trace('two layers', (g) => {
    const tokens = g.symbol('tokens', { min: 1, max: 512 });
    let x = g.input('x', 'bf16', [tokens, HIDDEN]);
    let residual = g.input('residual', 'bf16', [tokens, HIDDEN]);
    for (let i = 0; i < LAYERS; i++)
      [x, residual] = layer(g, x, residual, `layers.${i}`) as [GraphValue, GraphValue];
    return [x, residual];
  });

  // With a plan (loadPlan) token ranges come from measurements; here all that can be fused is, so that the example runs anywhere.
  const optimized = optimize(model, { worldSize: RANKS, fusionCapBytes: Number.POSITIVE_INFINITY });
  const variant = variantFor(optimized, 16);
  console.log(
    `${formatFusion(optimized, [16])}\n\n${formatPlacement(variant.placement!)}\n\n${printGraph(variant.graph)}\n`,
  );

  const shape = [16, HIDDEN];
  const wave = (phase: number): number[] =>
    Array.from({ length: 16 * HIDDEN }, (_, i) => Math.sin(i * 0.37 + phase));
  const input = {
    x: { dtype: 'bf16', shape, values: wave(0) },
    residual: { dtype: 'bf16', shape, values: wave(1) },
  } as const;
  const inputs = Array.from({ length: RANKS }, () => input);
  const [unfused, fused] = [model, variant.graph].map((graph) => JSON.stringify(executeGraph(graph, inputs)));
  console.log(
    `run on ${RANKS} ranks: fused and unfused ${fused === unfused ? 'give the same numbers' : 'DIFFER'}`,
  );
  if (fused !== unfused) throw new Error('fused and unfused differ');
}

// Run by node itself rather than by "crossover run".
if (process.argv[1] === import.meta.filename) main();
