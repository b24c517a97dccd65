/**
 * @file What the graph pass does, in one call: finds the all-reduces that can be fused, decides by a plan for which token counts they are, and makes a
 * graph for each range.
 */
import { CrossoverError } from '../errors.ts';
import type { Mode } from '../operations.ts';
import { compilePlan, PlanIndex } from '../plan/lookup.ts';
import type { Plan } from '../plan/plan.ts';
import type { Graph } from './ir/graph.ts';
import { verify } from './ir/verify.ts';
import { type Decision, decide } from './passes/decide.ts';
import { canFuse } from './passes/fuse.ts';
import { findSites, type Miss, type SiteOptions } from './passes/sites.ts';
import { axisOf, type Variant, variants } from './passes/variants.ts';

export interface OptimizeOptions extends SiteOptions {
  /** What was measured: `loadPlan`. Without it nothing is fused, unless a cap says so. */
  readonly plan?: Plan | PlanIndex | undefined;
  /** Ranks of the tensor-parallel group; the plan's by default, when it is of one world size. */
  readonly worldSize?: number | undefined;
  /** How the graph will be run; replay by default, as serving engines do. */
  readonly mode?: Mode | undefined;
  /** Largest message that is fused, bytes, whatever the plan says; what that costs is told. Infinity fuses all. */
  readonly fusionCapBytes?: number | undefined;
}

export interface Optimized {
  readonly graph: Graph;
  readonly group: string;
  readonly worldSize: number | undefined;
  /** What token counts are counted by: `s26`; "" when every call has the same. */
  readonly axis: string;
  /** Of every all-reduce that can be fused. */
  readonly decisions: readonly Decision[];
  /** Of every one that cannot. */
  readonly misses: readonly Miss[];
  /** A graph for each range of counts on the axis. */
  readonly variants: readonly Variant[];
}

/**
 * Optimizes a graph. The graph itself is not changed.
 * @throws CrossoverError for a graph that is wrong, and for options that do not fit the plan
 */
export function optimize(graph: Graph, options: OptimizeOptions = {}): Optimized {
  verify(graph);
  const { group, sites, misses } = findSites(graph, options);
  const able = sites.filter((site) => canFuse(site, graph));
  const plan = options.plan && (options.plan instanceof PlanIndex ? options.plan : compilePlan(options.plan));
  const worldSize = options.worldSize ?? (plan && worldSizeOf(plan.plan));
  if (options.fusionCapBytes !== undefined && !(options.fusionCapBytes >= 0))
    throw new CrossoverError(
      `fusionCapBytes is ${options.fusionCapBytes}; it is a number of bytes, 0 or more`,
    );
  const decisions = able.map((site) =>
    decide(site, {
      plan,
      worldSize: worldSize ?? 0,
      mode: options.mode ?? 'replay',
      capBytes: options.fusionCapBytes,
    }),
  );
  const views = sites
    .filter((site) => !able.includes(site))
    .map(({ allReduce }) => ({ allReduce, reason: 'a view on the way has a shape of several symbols' }));
  return {
    graph,
    group,
    worldSize,
    axis: axisOf(able),
    decisions,
    misses: [...misses, ...views],
    variants: variants(graph, decisions),
  };
}

/** The variant for a count on the axis, 1 or more. */
export function variantFor(optimized: Optimized, count: number): Variant {
  const variant = optimized.variants.find(({ from, to }) => count >= from && count < to);
  if (variant) return variant;
  throw new CrossoverError(`${optimized.axis || 'tokens'} is ${count}; it is a whole number from 1 up`);
}

function worldSizeOf({ entries }: Plan): number {
  const sizes = [...new Set(entries.map(({ key }) => key.worldSize))];
  if (sizes.length === 1) return sizes[0]!;
  throw new CrossoverError(
    `the plan has world sizes ${sizes.join(', ') || '(none)'}; say which one the graph is for: worldSize (--ranks)`,
  );
}
