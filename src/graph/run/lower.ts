/**
 * @file Which operations of graphs engines run, and how.
 */
import { CrossoverError } from '../../errors.ts';
import type { Graph } from '../ir/graph.ts';
import { COLLECTIVES } from './lower/collectives.ts';
import { MODEL } from './lower/model.ts';
import { LOCAL_NORMS, NORMS } from './lower/norms.ts';
import type { Site } from './site.ts';

/** Enqueues a node, or records it while the engine captures. */
export type Lower = (site: Site) => void;

/** Another shape of the same memory: there is nothing to do. */
const VIEWS: Readonly<Record<string, Lower>> = { reshape: () => {} };

const ALL: ReadonlyMap<string, Lower> = new Map(
  [MODEL, NORMS, COLLECTIVES, VIEWS].flatMap((table) => Object.entries(table)),
);

/** What is left of collectives when ranks do not meet: the norm, and otherwise nothing. Results are wrong then, and take as long as they do anyway. */
const ALONE: ReadonlyMap<string, Lower> = new Map(
  [
    Object.fromEntries(Object.keys(COLLECTIVES).map((op): [string, Lower] => [op, () => {}])),
    LOCAL_NORMS,
  ].flatMap((table) => Object.entries(table)),
);

export function lowerOf(op: string, alone: boolean = false): Lower {
  const found = (alone ? ALONE.get(op) : undefined) ?? ALL.get(op);
  if (found) return found;
  throw new CrossoverError(`engines do not run "${op}"; they run ${[...ALL.keys()].sort().join(', ')}`);
}

/** @throws CrossoverError that names the first node that no engine runs */
export function checkRunnable(graph: Graph): void {
  for (const { op, origin } of graph.nodes) {
    if (ALL.has(op)) continue;
    throw new CrossoverError(
      `${graph.name}: ${op}${origin ? ` at ${origin}` : ''} is not run on engines, only by the reference executor (executeGraph); they run ${[...ALL.keys()].sort().join(', ')}`,
    );
  }
}
