/**
 * @file Kernels of routing.cu: mixtures of experts around their products.
 */
import { atMost, blocksFor, isWhole, PACK } from './shape.ts';
import type { ComputeTable, ModelSources } from './target.ts';

const source = 'routing.cu';
const THREADS = 128;
const WARP = 32;
/** Logits that a lane of a warp may have, in the names of the kernels. */
const LOGITS_A_LANE = [2, 4, 16];
const MOST_EXPERTS = 512;
/** Pairs of a thread of `group_experts`, as far as its block can have the threads. */
const PAIRS_A_THREAD = 4;
const MOST_THREADS = 1024;
/** Up to here, `combine` reads rows before it knows whether it needs them. */
const EARLY_TOKENS = 16;

export const ROUTING: ComputeTable = {
  route: {
    run({ weights, experts, logits, tokens, count, choices, normalize, scale }, target) {
      atMost('route', 'count', count, MOST_EXPERTS);
      atMost('route', 'choices', choices, WARP);
      if (tokens === 0) return;
      const lanes = LOGITS_A_LANE.find((logits) => count <= WARP * logits)!;
      target.launch({
        source,
        kernel: `route_${lanes}`,
        grid: [blocksFor(tokens * WARP, THREADS)],
        block: THREADS,
        params: {
          addresses: [weights, experts, logits],
          integers: [tokens, count, choices, normalize],
          floats: [scale],
        },
      });
    },
  },

  group_experts: {
    run({ order, offsets, experts, tokens, choices, count, start }, target) {
      // Without tokens, there may be nowhere to write that.
      if (offsets === 0) return;
      const pairs = tokens * choices;
      const warps = Math.ceil(pairs / (WARP * PAIRS_A_THREAD));
      target.launch({
        source,
        kernel: 'group_experts',
        grid: [count],
        block: Math.min(MOST_THREADS, WARP * Math.max(1, warps)),
        params: { addresses: [order, offsets, experts], integers: [pairs, count, start] },
      });
    },
  },

  combine: {
    run({ out, x, weights, experts, tokens, choices, hidden, start, count }, target) {
      if (tokens === 0) return;
      const whole = isWhole(hidden);
      target.launch({
        source,
        kernel: 'combine',
        grid: [blocksFor(tokens * (whole ? hidden / PACK : hidden), THREADS)],
        block: THREADS,
        params: {
          addresses: [out, x, weights, experts],
          integers: [tokens, choices, hidden, start, count, whole ? 1 : 0, tokens <= EARLY_TOKENS ? 1 : 0],
        },
      });
    },
  },
};

export const ROUTING_SOURCES: ModelSources = { [source]: [[]] };
