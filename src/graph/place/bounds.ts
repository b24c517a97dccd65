/**
 * @file How large a value can get: the bytes of a tensor when every symbol has its largest value. Offsets are made of these, and of nothing that a
 * rank knows alone.
 */
import { CrossoverError } from '../../errors.ts';
import type { Graph } from '../ir/graph.ts';
import { elementBytes, type TensorType, type ValueType } from '../ir/type.ts';
import { type Interval, largestOf, symbolsIn } from './dims.ts';

/** Bytes, or why there is no such number. */
export type Size = { readonly bytes: number } | { readonly reason: string };

export interface BoundOptions {
  /** Largest value of a symbol, by name. Those of the graph hold for the others. */
  readonly symbols?: ReadonlyMap<string, number> | undefined;
  /** Values of a symbol by rank, where ranks differ. Its largest value is the largest of these. */
  readonly unequal?: ReadonlyMap<string, readonly number[]> | undefined;
  /** Number of ranks: as many values has each symbol of `unequal`. */
  readonly worldSize: number;
}

export class Bounds {
  readonly #ranges: Map<string, Interval>;
  readonly #unequal: ReadonlyMap<string, readonly number[]>;

  /** @throws CrossoverError for symbols that the graph does not have, and for values that are no sizes */
  constructor(graph: Graph, { symbols, unequal, worldSize }: BoundOptions) {
    checkWorldSize(worldSize);
    this.#unequal = unequal ?? new Map();
    this.#ranges = new Map([...graph.symbols].map(([name, { min, max }]) => [name, { min, max }]));
    for (const [name, max] of symbols ?? []) {
      const { min } = this.#known(name, 'symbols');
      checkSize(max, `symbols gives ${name}`);
      if (max < min)
        throw new CrossoverError(`symbols gives ${name} ${max}; the graph needs at least ${min}`);
      this.#ranges.set(name, { min, max });
    }
    for (const [name, sizes] of this.#unequal) {
      this.#known(name, 'unequal');
      if (sizes.length !== worldSize) {
        throw new CrossoverError(
          `unequal gives ${name} ${sizes.length} sizes; give one for each of ${worldSize} ranks`,
        );
      }
      for (const size of sizes) checkSize(size, `unequal gives ${name}`);
      this.#ranges.set(name, { min: Math.min(...sizes), max: Math.max(...sizes) });
    }
  }

  /** The most bytes that a value of this type has. */
  size(type: ValueType): Size {
    return type.kind === 'tensor'
      ? bytesOf(type, this.#ranges)
      : { reason: `it is no tensor, but ${type.kind}` };
  }

  /** Bytes on each rank where they differ between ranks by `unequal`; undefined where they do not, or where they have no bound. */
  byRank(type: TensorType): readonly number[] | undefined {
    const names = new Set(type.shape.flatMap((dim) => symbolsIn(dim)));
    const differing = [...names].flatMap((name) => {
      const sizes = this.#unequal.get(name);
      return sizes ? [{ name, sizes }] : [];
    });
    const ranks = differing[0]?.sizes.length ?? 0;
    const all: number[] = [];
    for (let rank = 0; rank < ranks; rank++) {
      const ranges = new Map(this.#ranges);
      for (const { name, sizes } of differing) ranges.set(name, { min: sizes[rank]!, max: sizes[rank]! });
      const size = bytesOf(type, ranges);
      if (!('bytes' in size)) return undefined;
      all.push(size.bytes);
    }
    return all.some((bytes) => bytes !== all[0]) ? all : undefined;
  }

  #known(name: string, option: string): Interval {
    const range = this.#ranges.get(name);
    if (range) return range;
    const has = [...this.#ranges.keys()].sort().join(', ') || 'none';
    throw new CrossoverError(`${option} names ${name}, which is no symbol of the graph; it has ${has}`);
  }
}

function bytesOf({ dtype, shape }: TensorType, ranges: ReadonlyMap<string, Interval>): Size {
  let bytes = elementBytes(dtype);
  for (const dim of shape) {
    const largest = largestOf(dim, ranges);
    if (typeof largest !== 'number') {
      const { unbounded } = largest;
      if (unbounded.length === 0)
        return {
          reason: `its size ${dim} has no largest value that could be told from those of its symbols`,
        };
      const names = unbounded.join(' and ');
      return { reason: `its size ${dim} has no bound; give the largest ${names} (option symbols)` };
    }
    bytes *= largest;
  }
  if (!Number.isSafeInteger(bytes)) {
    const names = [...new Set(shape.flatMap((dim) => symbolsIn(dim)))].join(' and ');
    const wayOut = names ? `; give a smaller largest ${names} (option symbols)` : '';
    return { reason: `[${shape.join(', ')}] has more bytes at its bound than any memory${wayOut}` };
  }
  return { bytes };
}

function checkWorldSize(worldSize: number): void {
  if (!Number.isSafeInteger(worldSize) || worldSize < 1)
    throw new CrossoverError(`worldSize is ${worldSize}; use a whole number from 1 up`);
}

function checkSize(size: number, what: string): void {
  if (!Number.isSafeInteger(size) || size < 0)
    throw new CrossoverError(`${what} ${size}; use a whole number from 0 up`);
}
