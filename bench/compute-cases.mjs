/**
 * @file The kernels of a decode step of a model on one of two ranks, in its shapes: operands as compute-program.mjs allocates them, and the bytes that have to be read and
 * written.
 */
import { splitOf } from '../dist/workload/models/split.js';

export const RANKS = 2;
const PAGE = 16;
/** Routings that calls rotate through. */
const ROUTINGS = 24;

/** What a decode step of a model on one of two ranks runs, a case each; `bytes` are those that have to be read and written. */
export function casesOf(config, count, places) {
  const split = splitOf(config, { worldSize: RANKS });
  const { hidden, head: size, moe } = config;
  const bf16 = (elements) => 2 * elements;
  const one = (kernel, shape, memory, operands) => ({
    model: config.name,
    kernel,
    shape,
    memory,
    operands: { ...operands, tokens: count },
    bytes: Object.values(memory).reduce((sum, bytes) => sum + bytes, 0),
  });
  const linear = (outer, inner) =>
    one(
      'linear',
      `${outer} x ${inner}`,
      { out: bf16(count * outer), x: bf16(count * inner), weight: bf16(outer * inner), bias: 0 },
      { outer, inner },
    );
  const { heads, kvHeads } = split;
  const pages = Math.ceil(places / PAGE);
  const cache = bf16(count * pages * PAGE * kvHeads * size);
  // Every token has a sequence of its own, that is as long as it may be.
  const sequences = {
    positions: new Int32Array(count).fill(places - 1),
    rows: Int32Array.from({ length: count }, (_, t) => t),
    tables: Int32Array.from({ length: count * pages }, (_, i) => i),
  };
  const attention = {
    given: [sequences],
    ...one(
      'attention',
      `${heads} / ${kvHeads} heads of ${size}, ${places} places`,
      {
        out: bf16(count * heads * size),
        query: bf16(count * heads * size),
        queryRope: 0,
        keyCache: cache,
        valueCache: cache,
        positions: 4 * count,
        rows: 4 * count,
        tables: 4 * count * pages,
        scratch: 0,
      },
      {
        heads,
        kvHeads,
        head: size,
        rope: 0,
        valueHead: size,
        pageSize: PAGE,
        pagesPerSequence: pages,
        places,
        scale: size ** -0.5,
      },
    ),
  };
  const append = {
    given: [sequences],
    ...one(
      'rotary_append',
      `${heads} / ${kvHeads} heads of ${size}`,
      {
        queries: bf16(count * heads * size),
        keyCache: cache,
        valueCache: cache,
        qkv: bf16(count * (heads + 2 * kvHeads) * size),
        queryNorm: config.headNorms ? bf16(size) : 0,
        keyNorm: config.headNorms ? bf16(size) : 0,
        table: 4 * places * size,
        positions: 4 * count,
        rows: 4 * count,
        tables: 4 * count * pages,
      },
      { heads, kvHeads, head: size, rotary: size, pageSize: PAGE, pagesPerSequence: pages, epsilon: 1e-6 },
    ),
    bytes: 2 * bf16(count * (heads + 2 * kvHeads) * size),
  };
  const candidates = one(
    'top_k',
    `of ${split.vocabulary}`,
    { out: 8 * count, x: bf16(count * split.vocabulary), scratch: 0 },
    { vocabulary: split.vocabulary, choices: 1, start: 0 },
  );
  const gate = (inner) =>
    one('silu_gate', `${inner}`, { out: bf16(count * inner), x: bf16(2 * count * inner) }, { inner });
  return [
    linear((heads + 2 * kvHeads) * size, hidden),
    append,
    attention,
    linear(hidden, heads * size),
    ...(moe
      ? [linear(moe.experts, hidden), ...expertCases(config, split, count, one)]
      : [linear(2 * split.inner, hidden), gate(split.inner), linear(hidden, split.inner)]),
    linear(split.vocabulary, hidden),
    candidates,
  ];
}

/** Tokens go to experts at random: all experts are as likely. */
function expertCases({ hidden, moe }, split, tokens, one) {
  const { experts: count, choices } = moe;
  const inner = split.expertInner;
  const pairs = tokens * choices;
  const bf16 = (elements) => 2 * elements;
  const routings = Array.from({ length: ROUTINGS }, (_, seed) => routing(tokens, count, choices, seed + 1));
  const met = routings.reduce((sum, { met }) => sum + met, 0) / ROUTINGS;
  const given = (...names) =>
    routings.map((all) => Object.fromEntries(names.map((name) => [name, all[name]])));
  const lists = { order: 4 * pairs, offsets: 4 * (count + 1) };
  const product = (outer, width, ofPairs) => {
    const x = bf16((ofPairs ? pairs : tokens) * width);
    const out = bf16(pairs * outer);
    return {
      ...one(
        'expert_linear',
        `${outer} x ${width}`,
        { out, x, ...lists },
        { choices, count, outer, inner: width, pairs: ofPairs, experts: count },
      ),
      common: { weight: bf16(count * outer * width) },
      given: given('order', 'offsets'),
      bytes: out + x + bf16(met * outer * width),
    };
  };
  const chosen = { weights: 4 * pairs, experts: 4 * pairs };
  return [
    one(
      'route',
      `${count}, ${choices} each`,
      { ...chosen, logits: bf16(tokens * count) },
      { count, choices, normalize: 1, scale: 1 },
    ),
    {
      ...one(
        'group_experts',
        `${count}, ${choices} each`,
        { ...lists, experts: 4 * pairs },
        { choices, count, start: 0 },
      ),
      given: given('experts'),
    },
    product(2 * inner, hidden, 0),
    {
      ...one(
        'silu_gate',
        `${inner}, pairs`,
        { out: bf16(pairs * inner), x: bf16(2 * pairs * inner) },
        { inner },
      ),
      operands: { inner, tokens: pairs },
    },
    product(hidden, inner, 1),
    {
      ...one(
        'combine',
        `${hidden}`,
        { out: bf16(tokens * hidden), x: bf16(pairs * hidden), ...chosen },
        { choices, hidden, start: 0, count },
      ),
      given: given('experts'),
    },
  ];
}

/** Experts of tokens, each `choices` of its own; pairs by expert, as group_experts writes them; and how many experts have any. */
function routing(tokens, count, choices, seed) {
  let state = seed;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const experts = Int32Array.from(
    Array.from({ length: tokens }, () => {
      const all = Array.from({ length: count }, (_, i) => i);
      return Array.from({ length: choices }, () => all.splice(random(all.length), 1)[0]);
    }).flat(),
  );
  const order = Int32Array.from(experts, (_, pair) => pair).sort((a, b) => experts[a] - experts[b] || a - b);
  const offsets = new Int32Array(count + 1);
  for (const expert of experts) offsets[expert + 1]++;
  for (let e = 0; e < count; e++) offsets[e + 1] += offsets[e];
  return { experts, order, offsets, met: new Set(experts).size };
}
