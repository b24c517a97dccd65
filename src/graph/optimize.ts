/**
 * @file What the graph pass does, in one call: finds the all-reduces that can be fused, decides by a plan for which token counts they are, makes a
 * graph for each range, and gives what its collectives touch a place in the symmetric heap.
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
import { type PlaceOptions, place } from './place/place.ts';
import type { Placement } from './place/placement.ts';

export interface OptimizeOptions extends SiteOptions {
  /** What was measured: `loadPlan`. Without it nothing is fused, unless a cap says so. */
  readonly plan?: Plan | PlanIndex | undefined;
  /** Ranks of the tensor-parallel group; the plan's by default, when it is of one world size. */
  readonly worldSize?: number | undefined;
  /** How the graph will be run; replay by default, as serving engines do. */
  readonly mode?: Mode | undefined;
  /** Largest message that is fused, bytes, whatever the plan says; what that costs is told. Infinity fuses all. */
  readonly fusionCapBytes?: number | undefined;
  /**
   * How what collectives touch is put into the symmetric heap; the world size, the plan and the bound of the axis are known already. False for not
   * at all.
   */
  readonly place?: Partial<PlaceOptions> | false | undefined;
}

/** A graph for a range of counts on the axis, and where its buffers lie. */
export interface PlacedVariant extends Variant {
  /** Absent when it was not asked for, or the world size is not known. */
  readonly placement?: Placement | undefined;
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
  readonly variants: readonly PlacedVariant[];
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
  const axis = axisOf(able);
  const placed = (variant: Variant): PlacedVariant => {
    if (worldSize === undefined || options.place === false) return variant;
    // A variant's counts end where the next one's begin.
    const bound =
      graph.symbols.has(axis) && Number.isFinite(variant.to) ? new Map([[axis, variant.to - 1]]) : [];
    const symbols = new Map([...bound, ...(options.place?.symbols ?? [])]);
    return { ...variant, placement: place(variant.graph, { plan, ...options.place, worldSize, symbols }) };
  };
  return {
    graph,
    group,
    worldSize,
    axis,
    decisions,
    misses: [...misses, ...views],
    variants: variants(graph, decisions).map(placed),
  };
}

/** The variant for a count on the axis, 1 or more. */
export function variantFor(optimized: Optimized, count: number): PlacedVariant {
  const variant = optimized.variants.find(({ from, to }) => count >= from && count < to);
  if (variant) return variant;
  throw new CrossoverError(`${optimized.axis || 'tokens'} is ${count}; it is a whole number from 1 up`);
}

function worldSizeOf({ entries }: Plan): number {
  const sizes = [...new Set(entries.map(({ key }) => key.worldSize))];
  if (sizes.length === 1) return sizes[0]!;
  throw new CrossoverError(
    `worldSize is missing, and the plan has ${sizes.join(', ') || 'none'}; say which one the graph is for`,
  );
}
