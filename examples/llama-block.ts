/**
 * @file Two layers of Llama-3.1-8B as one of four ranks has them, for any number of tokens, written down as Hugging Face's code computes them: norms in
 * primitive operations, plain all-reduces. Prints the graph as JSON, for `crossover fuse`.
 *
 *   $ crossover run examples/llama-block.ts --ranks 1 > llama-block.json
 *   $ crossover fuse llama-block.json --plan results/4xh200/plan-4-gpus.json
 */
import { type GraphBuilder, type GraphValue, graphToJson, trace } from 'crossover';

const RANKS = 4;
const HIDDEN = 4096;
const HEAD = 128;
const HEADS = 32 / RANKS;
const KEY_HEADS = 8 / RANKS;
const INNER = 14336 / RANKS;
const EPSILON = 1e-5;

export default function main(): void {
  const graph = trace('llama-block', (g) => {
    let hidden = g.input('hidden', 'bf16', [g.symbol('tokens', { min: 1, max: 8192 }), HIDDEN]);
    for (const layer of [0, 1])
      hidden = g.scope(`layers.${layer}`, () => block(g, hidden, `layers.${layer}`));
    return [norm(g, hidden, 'norm')];
  });
  console.log(JSON.stringify(graphToJson(graph)));
}

function block(g: GraphBuilder, hidden: GraphValue, name: string): GraphValue {
  const x = g.scope('input_layernorm', () => norm(g, hidden, `${name}.input_layernorm`));
  const y = g.scope('self_attn.o_proj', () => {
    const mine = linear(g, attention(g, x, name), `${name}.self_attn.o_proj`, HIDDEN);
    return g.allReduce(mine, 'sum', 'tp');
  });
  const sum = g.add(hidden, y);
  const z = g.scope('post_attention_layernorm', () => norm(g, sum, `${name}.post_attention_layernorm`));
  const out = g.scope('mlp.down_proj', () => {
    const gate = g.unary('silu', linear(g, z, `${name}.mlp.gate_proj`, INNER));
    const mine = linear(
      g,
      g.mul(gate, linear(g, z, `${name}.mlp.up_proj`, INNER)),
      `${name}.mlp.down_proj`,
      HIDDEN,
    );
    return g.allReduce(mine, 'sum', 'tp');
  });
  return g.add(sum, out);
}

/** Rotary embedding is left out: it changes nothing here. */
function attention(g: GraphBuilder, x: GraphValue, name: string): GraphValue {
  const heads = (which: string, count: number): GraphValue => {
    const flat = linear(g, x, `${name}.self_attn.${which}_proj`, count * HEAD);
    return g.permute(g.reshape(flat, ['tokens', count, HEAD]), [1, 0, 2]);
  };
  const [query, key, value] = [heads('q', HEADS), heads('k', KEY_HEADS), heads('v', KEY_HEADS)] as const;
  const operands = { query, key, value, mask: null, causal: true, scale: null, grouped: true };
  const [mixed] = g.node('attention', operands, [query.type]);
  return g.reshape(g.permute(mixed!, [1, 0, 2]), ['tokens', HEADS * HEAD]);
}

/** LlamaRMSNorm: in float32, rounded before the weight is multiplied. */
function norm(g: GraphBuilder, x: GraphValue, name: string): GraphValue {
  const wide = g.cast(x, 'f32');
  const variance = g.reduce('mean', g.binary('pow', wide, 2), [-1], true);
  const normal = g.mul(wide, g.unary('rsqrt', g.add(variance, EPSILON)));
  return g.mul(g.weight(`${name}.weight`, 'bf16', [HIDDEN]), g.cast(normal, 'bf16'));
}

function linear(g: GraphBuilder, x: GraphValue, name: string, out: number): GraphValue {
  const inner = x.type.kind === 'tensor' ? Number(x.type.shape.at(-1)) : 0;
  return g.linear(x, g.weight(`${name}.weight`, 'bf16', [out, inner]));
}
