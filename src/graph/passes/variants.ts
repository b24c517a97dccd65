/**
 * @file A graph for each range of token counts: cut where a decision of any site changes, and fused at the sites that win there.
 */
import { type Graph, tensorOf } from '../ir/graph.ts';
import type { Dim } from '../ir/type.ts';
import { type Decision, fusesAt } from './decide.ts';
import { fuse } from './fuse.ts';
import type { Site } from './sites.ts';

/** The graph for token counts from `from` to below `to`. */
export interface Variant {
  readonly from: number;
  readonly to: number;
  /** Sites that are fused in it. */
  readonly fused: readonly Site[];
  readonly graph: Graph;
}

/** How many rows a site has: `times` for each token of the graph's axis, or `times` in all where there is none. */
export interface Rows {
  readonly times: number;
  /** Product of symbols: `s26`, `batch*seq`; "" for a fixed number. */
  readonly axis: string;
}

export function rowsOf(site: Site): Rows {
  const dims = tensorOf(site.sum)!.shape.slice(0, -1);
  const symbols = dims.filter((dim): dim is string => typeof dim === 'string');
  const times = dims.reduce<number>((product, dim: Dim) => product * (typeof dim === 'number' ? dim : 1), 1);
  return { times, axis: symbols.sort().join('*') };
}

/** The axis that most sites count their rows by; "" when all have a fixed number. */
export function axisOf(sites: readonly Site[]): string {
  const names = sites.map((site) => rowsOf(site).axis).filter((name) => name !== '');
  const count = (name: string): number => names.filter((other) => other === name).length;
  return names.reduce((best, name) => (count(name) > count(best) ? name : best), names[0] ?? '');
}

/**
 * Variants by increasing count on the axis, from 1 on without gaps; one, for any count, when nothing changes or no site has the axis.
 * A site whose rows are counted by something else than the axis is left unfused.
 */
export function variants(graph: Graph, decisions: readonly Decision[]): Variant[] {
  const axis = axisOf(decisions.map(({ site }) => site));
  const rows = decisions.map((decision) => ({ decision, rows: rowsOf(decision.site) }));
  const cuts = new Set([1]);
  for (const { decision, rows: own } of rows) {
    if (own.axis !== axis || axis === '') continue;
    for (const { from } of decision.ranges) cuts.add(Math.max(1, Math.ceil(from / own.times)));
  }
  const starts = [...cuts].sort((a, b) => a - b);
  const made: Variant[] = [];
  for (const [i, from] of starts.entries()) {
    const fused = rows
      .filter(({ decision, rows: own }) =>
        own.axis === ''
          ? fusesAt(decision, own.times)
          : own.axis === axis && fusesAt(decision, own.times * from),
      )
      .map(({ decision }) => decision.site);
    const to = starts[i + 1] ?? Number.POSITIVE_INFINITY;
    const last = made.at(-1);
    if (last && sameSites(last.fused, fused)) made[made.length - 1] = { ...last, to };
    else made.push({ from, to, fused, graph: fused.length === 0 ? graph : fuse(graph, fused) });
  }
  return made;
}

function sameSites(a: readonly Site[], b: readonly Site[]): boolean {
  return a.length === b.length && a.every((site, i) => site === b[i]);
}
