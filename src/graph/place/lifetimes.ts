/**
 * @file From when to when each piece of memory of a graph is needed, with nodes run one by one in their order. Time is the index of a node; -1 is
 * before the first, and the number of nodes is after the last.
 *
 * What the caller gives or gets is needed for ever: between runs it belongs to the caller, so nothing else may ever be written there.
 */
import { type Graph, inputsOf, type Value, valuesIn } from '../ir/graph.ts';
import { hasMemory, isKnown, maybeMemory, sameMemory } from './views.ts';

/** Who makes the memory: the caller of the graph, the file it came from, a node, or a node that is not understood. */
export type Source = 'caller' | 'weight' | 'node' | 'unknown';

/** Values that are one piece of memory. */
export interface Storage {
  /** Position among the graph's storages, in the order in which they are made. */
  readonly index: number;
  readonly source: Source;
  /** All of the same bytes; the first is the one that was made, the others are views of it, or it once something was appended. */
  readonly values: readonly Value[];
  /** Operation that makes it; empty for what the graph is given. */
  readonly op: string;
  /** Node that makes it. */
  readonly first: number;
  /** Last node that needs it, through views of it also. */
  readonly last: number;
  /** Whether the caller gives it, gets it, or may get a view of it. */
  readonly isForever: boolean;
  /** Last node that needs any memory that this one may be a part of; -1 where it is a part of nothing. */
  readonly basesLast: number;
  /** Storages in whose memory this one may lie. */
  readonly bases: readonly Storage[];
}

export class Lifetimes {
  /** In the order in which they are made. */
  readonly storages: readonly Storage[];
  readonly #of: ReadonlyMap<Value, Storage>;

  constructor(storages: readonly Storage[], of: ReadonlyMap<Value, Storage>) {
    this.storages = storages;
    this.#of = of;
  }

  /** The memory of a value; undefined for numbers and truth values, which have none. */
  storage(value: Value): Storage | undefined {
    return this.#of.get(value);
  }
}

/** Whether two storages may have bytes in common: one is a part of the other, or both are of a third. */
export function mayOverlap(a: Storage, b: Storage): boolean {
  const ofA = withBases(a);
  return [...withBases(b)].some((storage) => ofA.has(storage));
}

function withBases(storage: Storage): ReadonlySet<Storage> {
  const all = new Set([storage]);
  // A set is walked through in the order in which it grows.
  for (const one of all) for (const base of one.bases) all.add(base);
  return all;
}

interface Draft extends Storage {
  readonly values: Value[];
  last: number;
  isForever: boolean;
  basesLast: number;
  readonly bases: readonly Draft[];
}

/**
 * The storages of a graph and how long each is needed.
 * @param pinned values that are needed for ever, as if the caller got them
 */
export function lifetimesOf(graph: Graph, pinned: ReadonlySet<Value> = new Set()): Lifetimes {
  const end = graph.nodes.length;
  const storages: Draft[] = [];
  const of = new Map<Value, Draft>();
  const make = (value: Value, source: Source, op: string, first: number, bases: Draft[]): void => {
    if (!hasMemory(value)) return;
    const isForever = source === 'caller' || source === 'weight';
    const index = storages.length;
    const last = isForever ? end : first;
    storages.push({ index, source, values: [value], op, first, last, isForever, bases, basesLast: -1 });
    const draft = storages.at(-1)!;
    of.set(value, draft);
  };
  const needForever = (value: Value): void => {
    const draft = of.get(value);
    if (!draft) return;
    draft.last = end;
    draft.isForever = true;
  };

  for (const { value, weight } of graph.inputs)
    make(value, weight === undefined ? 'caller' : 'weight', '', -1, []);
  for (const [time, node] of graph.nodes.entries()) {
    for (const value of inputsOf(node)) {
      const read = of.get(value);
      if (read) read.last = Math.max(read.last, time);
    }
    const bases = [...new Set(maybeMemory(node).flatMap((value) => of.get(value) ?? []))];
    const same = sameMemory(node);
    for (const value of node.outputs) {
      const operand = same.get(value);
      const shared = operand && of.get(operand);
      if (!shared) make(value, isKnown(node.op) ? 'node' : 'unknown', node.op, time, bases);
      else {
        shared.values.push(value);
        of.set(value, shared);
      }
    }
  }
  for (const operand of graph.outputs) for (const value of valuesIn(operand)) needForever(value);
  for (const value of pinned) needForever(value);

  // A view is made after what it may look into, so one pass from the end reaches through chains of views.
  for (const draft of storages.toReversed()) {
    for (const base of draft.bases) {
      base.last = Math.max(base.last, draft.last);
      base.isForever ||= draft.isForever;
    }
  }
  for (const draft of storages) {
    for (const base of draft.bases) draft.basesLast = Math.max(draft.basesLast, base.last, base.basesLast);
  }
  return new Lifetimes(storages, of);
}
