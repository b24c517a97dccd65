/**
 * @file Operations of models as kernels of an engine: names of the graph's operands into names of engine/compute.ts.
 */
import type { ComputeName, ComputeOperands } from '../../../engine/compute.ts';
import type { Lower, Site } from '../site.ts';

/** Enqueues a kernel that wants scratch memory. */
function withScratch<N extends ComputeName>(site: Site, kernel: N, operands: ComputeOperands<N>): void {
  const { engine } = site.comm;
  const scratch = site.scratch(engine.scratchBytes(kernel, operands));
  engine.compute(kernel, { ...operands, scratch });
}

function embedding(site: Site): void {
  site.expect('weight', 'bf16');
  site.expect('indices', 'i32');
  const [rows, hidden] = site.shape('weight') as [number, number];
  site.comm.engine.compute('embedding', {
    out: site.out(),
    table: site.at('weight'),
    ids: site.at('indices'),
    tokens: site.lead('indices') * site.last('indices'),
    hidden,
    rows,
    start: site.number('start', 0),
  });
}

function linear(site: Site): void {
  site.expect('x', 'bf16');
  site.expect('weight', 'bf16');
  const [outer, inner] = site.shape('weight') as [number, number];
  site.comm.engine.compute('linear', {
    out: site.out(),
    x: site.at('x'),
    weight: site.at('weight'),
    bias: site.at('bias'),
    tokens: site.lead('x'),
    outer,
    inner,
  });
}

function scaledLinear(site: Site): void {
  site.expect('x', 'f8e4m3');
  site.expect('weight', 'f8e4m3');
  site.expect('x_scale', 'f32');
  site.expect('weight_scale', 'f32');
  const [outer, inner] = site.shape('weight') as [number, number];
  site.comm.engine.compute('scaled_linear', {
    out: site.out(),
    x: site.at('x'),
    weight: site.at('weight'),
    xScale: site.at('x_scale'),
    weightScale: site.at('weight_scale'),
    tokens: site.lead('x'),
    outer,
    inner,
    scalePerToken: site.shape('x_scale').length > 1 ? 1 : 0,
  });
}

function headLinear(site: Site): void {
  site.expect('x', 'bf16');
  const [heads, outer, inner] = site.shape('weight') as [number, number, number];
  site.comm.engine.compute('head_linear', {
    out: site.out(),
    x: site.at('x'),
    weight: site.at('weight'),
    tokens: site.shape('x')[0]!,
    heads,
    outer,
    inner,
  });
}

function groupExperts(site: Site): void {
  const [tokens, choices] = site.shape('experts') as [number, number];
  site.comm.engine.compute('group_experts', {
    order: site.out(0),
    offsets: site.out(1),
    experts: site.at('experts'),
    tokens,
    choices,
    count: site.number('count'),
    start: site.number('start'),
  });
}

function expertLinear(site: Site): void {
  site.expect('x', 'bf16');
  site.expect('weight', 'bf16');
  const [count, outer, inner] = site.shape('weight') as [number, number, number];
  site.comm.engine.compute('expert_linear', {
    out: site.out(),
    x: site.at('x'),
    weight: site.at('weight'),
    order: site.at('order'),
    offsets: site.at('offsets'),
    tokens: site.shape('x')[0]!,
    choices: site.number('choices'),
    count,
    outer,
    inner,
    pairs: site.shape('x').length === 3 ? 1 : 0,
    experts: site.number('experts'),
  });
}

/** Where tokens stand and where their pages are. */
function places(site: Site): { positions: number; rows: number; tables: number; pagesPerSequence: number } {
  for (const name of ['positions', 'rows', 'tables']) site.expect(name, 'i32');
  return {
    positions: site.at('positions'),
    rows: site.at('rows'),
    tables: site.at('tables'),
    pagesPerSequence: site.last('tables'),
  };
}

function rotaryAppend(site: Site): void {
  site.expect('qkv', 'bf16');
  site.expect('key_cache', 'bf16');
  const [, pageSize, kvHeads, head] = site.shape('key_cache') as [number, number, number, number];
  site.comm.engine.compute('rotary_append', {
    queries: site.out(0),
    keyCache: site.at('key_cache'),
    valueCache: site.at('value_cache'),
    qkv: site.at('qkv'),
    queryNorm: site.at('query_norm'),
    keyNorm: site.at('key_norm'),
    table: site.at('table'),
    ...places(site),
    tokens: site.lead('qkv'),
    heads: site.number('heads'),
    kvHeads,
    head,
    rotary: 2 * site.shape('table')[1]!,
    pageSize,
    epsilon: site.number('epsilon'),
  });
}

function latentAppend(site: Site): void {
  site.expect('x', 'bf16');
  site.expect('cache', 'bf16');
  const [tokens, heads, rotary] = site.shape('x') as [number, number, number];
  site.comm.engine.compute('latent_append', {
    queries: site.out(0),
    cache: site.at('cache'),
    x: site.at('x'),
    kv: site.at('kv'),
    norm: site.at('norm'),
    table: site.at('table'),
    ...places(site),
    tokens,
    heads,
    latent: site.last('kv') - rotary,
    rotary,
    pageSize: site.shape('cache')[1]!,
    epsilon: site.number('epsilon'),
  });
}

function cachedAttention(site: Site): void {
  site.expect('query', 'bf16');
  site.expect('key_cache', 'bf16');
  const [tokens, heads, head] = site.shape('query') as [number, number, number];
  const cache = site.shape('key_cache');
  const operands = {
    out: site.out(),
    query: site.at('query'),
    queryRope: site.at('query_rope'),
    keyCache: site.at('key_cache'),
    valueCache: site.at('value_cache'),
    ...places(site),
    scratch: 0,
    tokens,
    heads,
    kvHeads: cache.length === 4 ? cache[2]! : 1,
    head,
    rope: site.has('query_rope') ? site.last('query_rope') : 0,
    valueHead: site.number('value_head'),
    pageSize: cache[1]!,
    places: Math.min(site.places, cache[1]! * site.last('tables')),
    scale: site.number('scale'),
  };
  withScratch(site, site.prompt ? 'prefill_attention' : 'attention', operands);
}

function siluGate(site: Site): void {
  site.expect('x', 'bf16');
  site.comm.engine.compute('silu_gate', {
    out: site.out(),
    x: site.at('x'),
    tokens: site.lead('x'),
    inner: site.last('x') / 2,
  });
}

function route(site: Site): void {
  site.expect('logits', 'bf16');
  site.comm.engine.compute('route', {
    weights: site.out(0),
    experts: site.out(1),
    logits: site.at('logits'),
    tokens: site.lead('logits'),
    count: site.last('logits'),
    choices: site.number('choices'),
    normalize: site.number('normalize'),
    scale: site.number('scale'),
  });
}

function combineExperts(site: Site): void {
  const [tokens, choices, hidden] = site.shape('x') as [number, number, number];
  site.comm.engine.compute('combine', {
    out: site.out(),
    x: site.at('x'),
    weights: site.at('weights'),
    experts: site.at('experts'),
    tokens,
    choices,
    hidden,
    start: site.number('start'),
    count: site.number('count'),
  });
}

function topK(site: Site): void {
  site.expect('x', 'bf16');
  withScratch(site, 'top_k', {
    out: site.out(),
    x: site.at('x'),
    scratch: 0,
    tokens: site.lead('x'),
    vocabulary: site.last('x'),
    choices: site.number('choices'),
    start: site.number('start'),
  });
}

function sample(site: Site): void {
  const [all, choices] = site.shape('candidates') as [number, number];
  const tokens = site.last('temperatures');
  site.comm.engine.compute('sample', {
    out: site.out(),
    candidates: site.at('candidates'),
    temperatures: site.at('temperatures'),
    uniforms: site.at('uniforms'),
    tokens,
    ranks: tokens === 0 ? 1 : all / tokens,
    choices,
  });
}

export const MODEL: Readonly<Record<string, Lower>> = {
  embedding,
  linear,
  scaled_linear: scaledLinear,
  head_linear: headLinear,
  group_experts: groupExperts,
  expert_linear: expertLinear,
  rotary_append: rotaryAppend,
  latent_append: latentAppend,
  cached_attention: cachedAttention,
  silu_gate: siluGate,
  route,
  combine_experts: combineExperts,
  top_k: topK,
  sample,
};
