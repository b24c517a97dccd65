/**
 * @file Which operations of graphs engines run, and how.
 */
import { CrossoverError } from '../../errors.ts';
import { type Graph, isValue, type Node, Uses } from '../ir/graph.ts';
import { sameMemory } from '../place/views.ts';
import { COLLECTIVES } from './lower/collectives.ts';
import { MODEL } from './lower/model.ts';
import { LOCAL_NORMS, NORMS } from './lower/norms.ts';
import type { Lower } from './site.ts';

/** Another shape of the same memory: there is nothing to do. */
const VIEWS: Readonly<Record<string, Lower>> = { reshape: () => {} };

const ALL: ReadonlyMap<string, Lower> = new Map(
  [MODEL, NORMS, COLLECTIVES, VIEWS].flatMap((table) => Object.entries(table)),
);

/** What is left of collectives when ranks do not meet: the norm, and otherwise nothing. Results are wrong then, and take as long as they do anyway, but for experts, which others are then. */
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

/** Operands that kernels of GPUs read before the kernel in front has ended, by operation: nothing may have made them just before. */
const READ_AHEAD: ReadonlyMap<string, readonly string[]> = new Map([
  ...['linear', 'scaled_linear', 'head_linear', 'rms_norm', 'add_rms_norm', 'all_reduce_rms_norm'].map(
    (op): [string, string[]] => [op, ['weight']],
  ),
  ['rotary_append', ['query_norm', 'key_norm']],
  ['latent_append', ['norm']],
]);

/** @throws CrossoverError that names the first node that no engine runs, or whose weights another node makes */
export function checkRunnable(graph: Graph): void {
  const uses = new Uses(graph);
  for (const node of graph.nodes) {
    const { op, origin } = node;
    if (ALL.has(op)) {
      for (const name of READ_AHEAD.get(op) ?? []) checkIsGiven(graph, node, name, uses);
      continue;
    }
    throw new CrossoverError(
      `${graph.name}: ${op}${origin ? ` at ${origin}` : ''} is not run on engines, only by the reference executor (executeGraph); they run ${[...ALL.keys()].sort().join(', ')}`,
    );
  }
}

/** That an operand is an input of the graph, or the memory of one. */
function checkIsGiven(graph: Graph, node: Node, name: string, uses: Uses): void {
  let value = node.operands[name];
  while (isValue(value)) {
    const maker = uses.maker(value);
    if (!maker) return;
    const same = sameMemory(maker).get(value);
    if (!same)
      throw new CrossoverError(
        `${graph.name}: ${name} of ${node.op}${node.origin ? ` at ${node.origin}` : ''} is made by ${maker.op}; engines read it before other kernels have ended, so it must be an input of the graph`,
      );
    value = same;
  }
}
