/**
 * @file How much a model that is held by ranks has room for, and the memory that takes, known before anything is allocated.
 */
import type { EngineName } from '../../collective/engines.ts';
import { evaluateDim } from '../../graph/ir/dim.ts';
import type { Graph } from '../../graph/ir/graph.ts';
import { elementBytes } from '../../graph/ir/type.ts';
import { workingBytes } from '../../graph/run/step.ts';
import { GRANULE, roomOf } from '../../memory/allocator.ts';
import type { PlannedWeight } from '../weights/planned.ts';

export interface Capacity {
  /** Sequences at a time. */
  readonly sequences: number;
  /** Places of a sequence. */
  readonly places: number;
  readonly pageSize: number;
  /** Tokens of one step, and rows of it of which a token is sampled. */
  readonly tokens: number;
  readonly samples: number;
}

/** Pages that so many places take. */
export function pagesFor(places: number, pageSize: number): number {
  return Math.ceil(places / pageSize);
}

/** Pages of one sequence. */
export function pagesPerSequence({ places, pageSize }: Pick<Capacity, 'places' | 'pageSize'>): number {
  return pagesFor(places, pageSize);
}

/** Of the whole cache. Page 0 belongs to nobody: what fills a step up is written there. */
export function cachePages(capacity: Capacity): number {
  return 1 + capacity.sequences * pagesPerSequence(capacity);
}

/** Values of a model graph's symbols for a step of so many tokens. */
export function symbolsFor(
  graph: Graph,
  capacity: Capacity,
  step: { readonly tokens: number; readonly samples: number; readonly gathered?: number },
): Map<string, number> {
  const all: Record<string, number> = {
    tokens: step.tokens,
    samples: step.samples,
    gathered: step.gathered ?? step.tokens,
    sequences: capacity.sequences,
    pages: pagesPerSequence(capacity),
    cache_pages: cachePages(capacity),
  };
  return new Map([...graph.symbols.keys()].map((name) => [name, all[name]!]));
}

/** The caches that a graph asks for, and their bytes. */
export function cachesOf(
  graph: Graph,
  capacity: Capacity,
): { readonly name: string; readonly bytes: number }[] {
  const symbols = symbolsFor(graph, capacity, { tokens: 1, samples: 1 });
  return graph.inputs.flatMap(({ value: { name, type }, weight }) => {
    if (weight !== undefined || !/_cache\.\d+$/.test(name) || type.kind !== 'tensor') return [];
    const elements = type.shape.reduce<number>((all, dim) => all * evaluateDim(dim, symbols), 1);
    return [{ name, bytes: elements * elementBytes(type.dtype) }];
  });
}

/** What tokens, places, tables and sampling take. */
export function stateBytes(capacity: Capacity): number {
  const { tokens, samples, sequences } = capacity;
  return 4 * (3 * tokens + 3 * samples + sequences * pagesPerSequence(capacity)) + 16 * GRANULE;
}

/** Bytes of a rank: in the symmetric heap, and outside of it where the engine has memory there. */
export interface SessionBytes {
  readonly weights: number;
  readonly caches: number;
  readonly working: number;
  readonly state: number;
  /** For the heap: `working`, or everything where there is no other memory. */
  readonly arena: number;
  readonly total: number;
}

/** Bytes for rounding, alignment and the odd page. */
const SLACK = 1 << 20;

export function sessionBytes(
  engine: EngineName,
  graph: Graph,
  worldSize: number,
  capacity: Capacity,
  weights: readonly PlannedWeight[],
  extra = 0,
): SessionBytes {
  const sum = (all: readonly { readonly bytes: number }[]): number =>
    all.reduce((bytes, one) => bytes + roomOf(one.bytes), 0);
  const symbols = symbolsFor(graph, capacity, {
    ...capacity,
    gathered: capacity.tokens * worldSize,
  });
  const working = roomOf(workingBytes(graph, worldSize, { symbols }));
  const own = {
    weights: sum(weights),
    caches: sum(cachesOf(graph, capacity)),
    working,
    state: stateBytes(capacity) + extra,
  };
  const total = own.weights + own.caches + own.working + own.state;
  return { ...own, total, arena: SLACK + (engine === 'cpu' ? total : working) };
}
