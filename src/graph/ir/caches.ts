/**
 * @file Caches that an operation appends to. The graph has a new value for what an engine writes into the same memory, so a value that shares
 * it and was made before shows something else from then on: nobody may read that any more.
 */
import { type Graph, inputsOf, isValue, type Node, type Value, valuesIn } from './graph.ts';
import { OPERATIONS } from './operations.ts';
import { sameType } from './type.ts';

/** For each operation that appends: the number of an output, and the operand whose memory that is. */
const APPENDS: Readonly<Record<string, readonly (readonly [output: number, operand: string])[]>> = {
  rotary_append: [
    [1, 'key_cache'],
    [2, 'value_cache'],
  ],
  latent_append: [[1, 'cache']],
};

/** Operations whose result may be the memory of `x`, or a part of it; a cast where it changes nothing. */
const VIEWS: ReadonlySet<string> = new Set(['reshape', 'permute', 'slice', 'select', 'expand', 'cast']);

/** Results that are a cache which the node appends to, and the operands that they were. */
export function appendedCaches(node: Node): ReadonlyMap<Value, Value> {
  const caches = new Map<Value, Value>();
  for (const [output, name] of (Object.hasOwn(APPENDS, node.op) && APPENDS[node.op]) || []) {
    const operand = node.operands[name];
    const result = node.outputs[output];
    if (isValue(operand) && result) caches.set(result, operand);
  }
  return caches;
}

/** Operands of which the results may be views: of an operation that is unknown here, that is every one of them. */
function viewedBy(node: Node): Value[] {
  const { op, operands, outputs } = node;
  if (!Object.hasOwn(OPERATIONS, op)) return [...inputsOf(node)];
  const { x } = operands;
  if (!VIEWS.has(op) || !isValue(x)) return [];
  return op === 'cast' && !(outputs[0] && sameType(x.type, outputs[0].type)) ? [] : [x];
}

/** Values that may have memory in common. */
interface Family {
  /** Those that show what is there now. */
  live: Value[];
  readonly isWeight: boolean;
}

/**
 * The first use of a cache that is none, in words; undefined when there is none.
 * @param named how a node is called in messages
 */
export function cacheProblem(graph: Graph, named: (node: Node) => string): string | undefined {
  if (!graph.nodes.some((node) => appendedCaches(node).size > 0)) return undefined;
  const families = new Map<Value, ReadonlySet<Family>>();
  const join = (value: Value, joined: Iterable<Family>, isWeight = false): void => {
    const own = new Set(joined);
    if (own.size === 0) own.add({ live: [], isWeight });
    for (const family of own) family.live.push(value);
    families.set(value, own);
  };
  /** What is out of date, and the node that made it so. */
  const stale = new Map<Value, Node>();
  const staleProblem = (value: Value, reader: string): string | undefined => {
    const appender = stale.get(value);
    if (!appender) return undefined;
    return `${reader} reads %${value.name}, whose memory ${named(appender)} has appended to; read the cache that it gives`;
  };
  for (const { value, weight } of graph.inputs) join(value, [], weight !== undefined);
  for (const node of graph.nodes) {
    for (const value of inputsOf(node)) {
      const problem = staleProblem(value, named(node));
      if (problem) return problem;
    }
    const caches = appendedCaches(node);
    for (const cache of caches.values()) {
      const own = families.get(cache)!;
      const who = `${named(node)} appends to %${cache.name}`;
      if ([...own].every(({ isWeight }) => isWeight)) return `${who}, a weight, which stays as it is`;
      const others = [...inputsOf(node)].filter((value) => meet(families.get(value)!, own));
      if (others.length > 1) {
        const other = others.find((value) => value !== cache) ?? cache;
        return `${who} and reads %${other.name} beside it, which may be the same memory`;
      }
    }
    for (const cache of caches.values()) {
      for (const family of families.get(cache)!) {
        for (const value of family.live) stale.set(value, node);
        family.live = [];
      }
    }
    const viewed = viewedBy(node);
    for (const value of node.outputs) {
      const cache = caches.get(value);
      join(
        value,
        (cache ? [cache] : viewed).flatMap((one) => [...families.get(one)!]),
      );
    }
  }
  for (const operand of graph.outputs) {
    for (const value of valuesIn(operand)) {
      const problem = staleProblem(value, 'the caller');
      if (problem) return problem;
    }
  }
  return undefined;
}

function meet(a: ReadonlySet<Family>, b: ReadonlySet<Family>): boolean {
  return [...a].some((family) => b.has(family));
}
