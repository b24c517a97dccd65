/**
 * @file The operations of language models: the package's references of them, between tensors. Sizes are those that the table of shapes finds in the
 * operands, so what does not fit is refused with the table's words. An append gives a new cache.
 */
import { CrossoverError } from '../../errors.ts';
import { attention } from '../../tensor/reference/model/attention.ts';
import { combine, expertLinear, groupExperts, route } from '../../tensor/reference/model/experts.ts';
import type { Places } from '../../tensor/reference/model/places.ts';
import { headLinear, scaledLinear } from '../../tensor/reference/model/products.ts';
import { latentAppend, type Round, rotaryAppend } from '../../tensor/reference/model/rotary.ts';
import { sample, topK } from '../../tensor/reference/model/sampling.ts';
import { siluGate } from '../../tensor/reference/model/silu-gate.ts';
import { modelSizes } from '../ir/rules-model.ts';
import type { Tensor, Unrounded } from './array.ts';
import type { Call, Implementation } from './call.ts';
import { roundNumber } from './rounding.ts';

type Values = Float64Array;

class Sizes {
  readonly #call: Call;
  readonly #sizes: ReadonlyMap<string, number>;

  /** @throws CrossoverError when shapes do not fit */
  constructor(call: Call) {
    this.#call = call;
    const { sizes, problem } = modelSizes(call.node.op, {
      tensor: (name) => (name.endsWith('_scale') ? tensorOrNone(call, name) : call.tensorIf(name)),
      int: (name) => call.int(name),
      outputs: [],
    });
    if (problem !== undefined) throw new CrossoverError(problem);
    this.#sizes = sizes;
  }

  /** A size of the table, which everything that is not optional gives. */
  of(name: string): number {
    const size = this.#sizes.get(name);
    if (size !== undefined) return size;
    throw new CrossoverError(`${this.#call.node.op} has no size ${name}`);
  }

  all<N extends string>(...names: readonly N[]): Readonly<Record<N, number>> {
    return Object.fromEntries(names.map((name) => [name, this.of(name)])) as Record<N, number>;
  }
}

/** Scales may be numbers, which have no shape. */
function tensorOrNone(call: Call, name: string): Tensor | undefined {
  const held = call.operand(name);
  return typeof held === 'number' ? undefined : held;
}

function valuesOf(call: Call, name: string): Values {
  return call.tensor(name).values;
}

function placesOf(call: Call, sizes: Sizes): Places {
  return {
    positions: valuesOf(call, 'positions'),
    rows: valuesOf(call, 'rows'),
    tables: valuesOf(call, 'tables'),
    pageSize: sizes.of('page_size'),
    pagesPerSequence: sizes.of('pages_each'),
  };
}

/** Of what is rounded on the way to a result of this dtype. */
function rounderOf(call: Call): Round {
  const dtype = call.dtype() ?? 'bf16';
  return (value) => roundNumber(value, dtype, call.precision);
}

/** Kernels are handed float32 numbers. */
function float32(call: Call, name: string): number {
  const value = call.number(name);
  return call.precision === 'float32' ? Math.fround(value) : value;
}

function tensor(values: Values, ...shape: number[]): Unrounded {
  return { shape, values };
}

function scaled(call: Call): Unrounded {
  const { outer, inner } = new Sizes(call).all('outer', 'inner');
  const { shape, values } = call.tensor('x');
  const xScale = tensorOrNone(call, 'x_scale')?.values ?? [float32(call, 'x_scale')];
  const weight = valuesOf(call, 'weight');
  const result = scaledLinear(values, weight, inner, xScale, float32(call, 'weight_scale'));
  return tensor(result, ...shape.slice(0, -1), outer);
}

function headProduct(call: Call): Unrounded {
  const { tokens, heads, outer, inner } = new Sizes(call).all('tokens', 'heads', 'outer', 'inner');
  const values = headLinear(valuesOf(call, 'x'), valuesOf(call, 'weight'), heads, outer, inner);
  return tensor(values, tokens, heads, outer);
}

function grouped(call: Call): Unrounded[] {
  const count = new Sizes(call).of('count');
  const experts = valuesOf(call, 'experts');
  const { order, offsets } = groupExperts(experts, count, call.int('start'));
  // What lies behind the last pair that is here is anything at all.
  const all = new Float64Array(experts.length);
  all.set(order);
  return [tensor(all, experts.length), tensor(offsets, count + 1)];
}

function expertProduct(call: Call): Unrounded {
  const sizes = new Sizes(call).all('tokens', 'choices', 'outer', 'inner');
  const { tokens, choices, outer, inner } = sizes;
  const x = call.tensor('x');
  const values = expertLinear({
    x: x.values,
    weight: valuesOf(call, 'weight'),
    order: valuesOf(call, 'order'),
    offsets: valuesOf(call, 'offsets'),
    choices,
    outer,
    inner,
    pairs: x.shape.length === 3,
    total: tokens * choices,
  });
  return tensor(values, tokens, choices, outer);
}

function rotary(call: Call): Unrounded[] {
  const sizes = new Sizes(call);
  const { tokens, heads, kv_heads: kvHeads, head } = sizes.all('tokens', 'heads', 'kv_heads', 'head');
  const { queries, keyCache, valueCache } = rotaryAppend(
    {
      ...placesOf(call, sizes),
      qkv: valuesOf(call, 'qkv'),
      queryNorm: call.tensorIf('query_norm')?.values,
      keyNorm: call.tensorIf('key_norm')?.values,
      epsilon: float32(call, 'epsilon'),
      table: valuesOf(call, 'table'),
      keyCache: valuesOf(call, 'key_cache'),
      valueCache: valuesOf(call, 'value_cache'),
      heads,
      kvHeads,
      head,
      rotary: 2 * sizes.of('half'),
    },
    rounderOf(call),
  );
  const shape = call.tensor('key_cache').shape;
  return [tensor(queries, tokens, heads, head), tensor(keyCache, ...shape), tensor(valueCache, ...shape)];
}

function latent(call: Call): Unrounded[] {
  const sizes = new Sizes(call);
  const { queries, cache } = latentAppend(
    {
      ...placesOf(call, sizes),
      x: valuesOf(call, 'x'),
      kv: valuesOf(call, 'kv'),
      norm: valuesOf(call, 'norm'),
      epsilon: float32(call, 'epsilon'),
      table: valuesOf(call, 'table'),
      cache: valuesOf(call, 'cache'),
      heads: sizes.of('heads'),
      latent: sizes.of('latent'),
      rotary: 2 * sizes.of('half'),
    },
    rounderOf(call),
  );
  return [tensor(queries, ...call.tensor('x').shape), tensor(cache, ...call.tensor('cache').shape)];
}

function cachedAttention(call: Call): Unrounded {
  const sizes = new Sizes(call);
  const { tokens, heads, head, rope } = sizes.all('tokens', 'heads', 'head', 'rope');
  const valueHead = sizes.of('value_head');
  const keys = call.tensor('key_cache');
  const values = attention({
    ...placesOf(call, sizes),
    query: valuesOf(call, 'query'),
    queryRope: call.tensorIf('query_rope')?.values,
    keyCache: keys.values,
    valueCache: call.tensorIf('value_cache')?.values,
    heads,
    kvHeads: keys.shape.length === 4 ? sizes.of('kv_heads') : 1,
    head,
    rope,
    valueHead,
    scale: float32(call, 'scale'),
  });
  return tensor(values, tokens, heads, valueHead);
}

function gate(call: Call): Unrounded {
  const { shape, values } = call.tensor('x');
  const inner = new Sizes(call).of('wide') / 2;
  return tensor(siluGate(values, inner), ...shape.slice(0, -1), inner);
}

function routed(call: Call): Unrounded[] {
  const { tokens, experts: count, choices } = new Sizes(call).all('tokens', 'experts', 'choices');
  const scale = float32(call, 'scale');
  const { weights, experts } = route(valuesOf(call, 'logits'), count, choices, call.bool('normalize'), scale);
  return [tensor(weights, tokens, choices), tensor(experts, tokens, choices)];
}

function combined(call: Call): Unrounded {
  const { tokens, choices, hidden } = new Sizes(call).all('tokens', 'choices', 'hidden');
  const [x, weights, experts] = ['x', 'weights', 'experts'].map((name) => valuesOf(call, name));
  const own = { choices, hidden, start: call.int('start'), count: call.int('count') };
  return tensor(combine(x!, weights!, experts!, own), tokens, hidden);
}

function largest(call: Call): Unrounded {
  const { tokens, vocabulary, choices } = new Sizes(call).all('tokens', 'vocabulary', 'choices');
  const values = topK(valuesOf(call, 'x'), vocabulary, choices, call.int('start'));
  return tensor(values, tokens, choices, 2);
}

function sampled(call: Call): Unrounded {
  const { tokens, choices } = new Sizes(call).all('tokens', 'choices');
  const [candidates, temperatures, uniforms] = ['candidates', 'temperatures', 'uniforms'].map((name) =>
    valuesOf(call, name),
  );
  return tensor(sample(candidates!, temperatures!, uniforms!, choices), tokens);
}

export const MODEL: Readonly<Record<string, Implementation>> = {
  scaled_linear: scaled,
  head_linear: headProduct,
  group_experts: grouped,
  expert_linear: expertProduct,
  rotary_append: rotary,
  latent_append: latent,
  cached_attention: cachedAttention,
  silu_gate: gate,
  route: routed,
  combine_experts: combined,
  top_k: largest,
  sample: sampled,
};
