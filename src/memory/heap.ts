/**
 * @file The symmetric heap: one arena a rank, allocated before anything runs, in which an offset means the same tensor on every rank.
 * Peers find each other's buffers by arithmetic, so nothing is exchanged and nothing registered while work is in flight.
 *
 * Ranks must allocate and free in the same order. Each keeps a hash and the tail of its sequence; `verify` compares them and
 * names the rank that differs and where.
 */

import type { Engine } from '../engine/engine.ts';
import { CrossoverError, MismatchError } from '../errors.ts';
import { Allocator, GRANULE } from './allocator.ts';

/** Steps of the sequence that are kept for `verify` to point at. */
const KEPT_STEPS = 256;

export class SymmetricHeap {
  readonly #engine: Engine;
  readonly #allocator: Allocator;
  #steps = 0;
  #hash = 0;
  /** The last steps, in words. */
  readonly #tail: string[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#allocator = new Allocator(engine.arena.bytes);
  }

  /** Size of a rank's arena, in bytes. */
  get bytes(): number {
    return this.#allocator.bytes;
  }

  /** Bytes not in use on this rank. */
  get free(): number {
    return this.#allocator.free;
  }

  /**
   * Address of `bytes` new bytes, at the same offset on every rank that calls in the same order.
   * @param alignment power of two up to 256.
   * @param what it is, where ranks turn out to differ.
   * @throws CrossoverError when no block is large enough; it says what was asked, what is free and what to raise.
   */
  allocate(bytes: number, alignment: number = GRANULE, what = 'an allocation'): number {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new CrossoverError(
        `bytes is ${bytes}; the symmetric heap allocates whole numbers of bytes from 0 up`,
      );
    }
    if (alignment < 1 || alignment > GRANULE || !Number.isInteger(Math.log2(alignment))) {
      throw new CrossoverError(`alignment is ${alignment}; use a power of two from 1 to ${GRANULE}`);
    }
    const offset = this.#allocator.allocate(bytes);
    this.#record(`${what} of ${bytes} bytes`);
    if (offset < 0) {
      throw new CrossoverError(
        `the symmetric heap is full: ${bytes} bytes asked, ${this.free} of ${this.bytes} free, ` +
          `largest block ${this.#allocator.largest}; raise arenaBytes (--arena on the command line) or free tensors`,
      );
    }
    return this.#engine.arena.base + offset;
  }

  /** Gives back what `allocate` returned. */
  release(address: number): void {
    const offset = address - this.#engine.arena.base;
    this.#allocator.release(offset);
    this.#record(`a free at offset ${offset}`);
  }

  /** Whether an address is one of this rank's arena, allocated or not; its end counts, where a view of nothing may lie. */
  holds(address: number): boolean {
    const { base, bytes } = this.#engine.arena;
    return address >= base && address <= base + bytes;
  }

  /** Notes that all ranks take memory outside the heap for a tensor: what follows depends on it on all of them alike. */
  noteOutside(bytes: number): void {
    this.#record(`memory outside the heap of ${bytes} bytes`);
  }

  /** Whether the `bytes` bytes at an address of this rank lie in one live allocation, so that peers may use them in place. */
  isSymmetric(address: number, bytes: number = 1): boolean {
    return this.#allocator.contains(address - this.#engine.arena.base, bytes);
  }

  /**
   * Collective: compares the sequences of all ranks.
   * @throws CrossoverError that names the first rank whose sequence differs from rank 0's, and the step where known.
   */
  verify(): void {
    const all = this.#engine.group.gather({ steps: this.#steps, hash: this.#hash, tail: this.#tail });
    const first = all[0]!;
    const rank = all.findIndex((one) => one.steps !== first.steps || one.hash !== first.hash);
    if (rank < 0) return;
    throw new CrossoverError(
      `rank ${rank} allocates differently from rank 0: ${difference(first, all[rank]!)}`,
    );
  }

  /** Runs what may find out that ranks disagree; see `rethrow`. */
  attempt<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      this.rethrow(error);
    }
  }

  /**
   * Throws what an engine threw. When ranks disagree, all of them come here: a rank that allocated differently is the likelier cause, and the
   * better message.
   */
  rethrow(error: unknown): never {
    if (error instanceof MismatchError) this.verify();
    throw error;
  }

  #record(step: string): void {
    this.#steps++;
    for (let i = 0; i < step.length; i++) {
      this.#hash = Math.imul(this.#hash ^ step.charCodeAt(i), 0x9e3779b1);
      this.#hash = (this.#hash << 13) | (this.#hash >>> 19);
    }
    this.#tail.push(step);
    if (this.#tail.length > KEPT_STEPS) this.#tail.shift();
  }
}

interface Sequence {
  readonly steps: number;
  readonly tail: readonly string[];
}

function difference(a: Sequence, b: Sequence): string {
  const step = (s: Sequence, n: number): string | undefined => s.tail[n - (s.steps - s.tail.length)];
  const from = Math.max(a.steps - a.tail.length, b.steps - b.tail.length);
  for (let n = from; n < Math.max(a.steps, b.steps); n++) {
    if (step(a, n) !== step(b, n))
      return `step ${n + 1} is ${step(b, n) ?? 'nothing'} there and ${step(a, n) ?? 'nothing'} on rank 0`;
  }
  return `somewhere before step ${from + 1}`;
}
