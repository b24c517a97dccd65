/**
 * @file The allocator of a symmetric heap: it deals in offsets, touches no memory, and the same sequence of calls gives the same
 * offsets everywhere. That is all that makes a tensor "the same" on every rank, so it must depend on nothing else.
 *
 * Best fit over a list of free blocks sorted by offset, the lowest offset among equals; neighbours are joined on free.
 * Lists are short (blocks of live tensors), so plain arrays with binary search beat cleverer structures.
 */
import { CrossoverError } from '../errors.ts';

/** Every block starts at a multiple of this many bytes and occupies a multiple of it. */
export const GRANULE = 256;

/** Bytes that an allocation takes: whole granules, and at least one. */
export function roomOf(bytes: number): number {
  return Math.max(GRANULE, Math.ceil(bytes / GRANULE) * GRANULE);
}

export class Allocator {
  /** Bytes that can be allocated in all. */
  readonly bytes: number;
  /** Free blocks by offset: no two touch. */
  readonly #freeAt: number[] = [];
  readonly #freeBytes: number[] = [];
  /** Live blocks by offset. */
  readonly #liveAt: number[] = [];
  readonly #liveBytes: number[] = [];

  constructor(bytes: number) {
    this.bytes = Math.floor(bytes / GRANULE) * GRANULE;
    if (this.bytes > 0) {
      this.#freeAt.push(0);
      this.#freeBytes.push(this.bytes);
    }
  }

  /** Bytes not in use. */
  get free(): number {
    return this.#freeBytes.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The largest size that `allocate` would grant now, in bytes. */
  get largest(): number {
    return this.#freeBytes.reduce((most, bytes) => Math.max(most, bytes), 0);
  }

  /** Number of blocks in use. */
  get live(): number {
    return this.#liveAt.length;
  }

  /** Offset of a new block of `bytes` bytes (0 takes one granule, so that offsets stay distinct), or -1 when none fits. */
  allocate(bytes: number): number {
    const size = roomOf(bytes);
    let best = -1;
    for (let i = 0; i < this.#freeAt.length; i++) {
      const block = this.#freeBytes[i]!;
      if (block >= size && (best < 0 || block < this.#freeBytes[best]!)) best = i;
    }
    if (best < 0) return -1;
    const offset = this.#freeAt[best]!;
    if (this.#freeBytes[best] === size) {
      this.#freeAt.splice(best, 1);
      this.#freeBytes.splice(best, 1);
    } else {
      this.#freeAt[best] = offset + size;
      this.#freeBytes[best]! -= size;
    }
    const at = upperBound(this.#liveAt, offset);
    this.#liveAt.splice(at, 0, offset);
    this.#liveBytes.splice(at, 0, size);
    return offset;
  }

  /** Gives a block back. Throws when no live block starts at `offset`: freed twice, or never allocated. */
  release(offset: number): void {
    const i = upperBound(this.#liveAt, offset) - 1;
    if (i < 0 || this.#liveAt[i] !== offset) {
      throw new CrossoverError(
        `offset ${offset} is not an allocated block: it was freed before, or never allocated`,
      );
    }
    let size = this.#liveBytes[i]!;
    this.#liveAt.splice(i, 1);
    this.#liveBytes.splice(i, 1);
    const next = upperBound(this.#freeAt, offset);
    let at = next;
    let start = offset;
    if (next < this.#freeAt.length && this.#freeAt[next] === offset + size) {
      size += this.#freeBytes[next]!;
      this.#freeAt.splice(next, 1);
      this.#freeBytes.splice(next, 1);
    }
    if (next > 0 && this.#freeAt[next - 1]! + this.#freeBytes[next - 1]! === offset) {
      at = next - 1;
      start = this.#freeAt[at]!;
      size += this.#freeBytes[at]!;
      this.#freeAt.splice(at, 1);
      this.#freeBytes.splice(at, 1);
    }
    this.#freeAt.splice(at, 0, start);
    this.#freeBytes.splice(at, 0, size);
  }

  /** Whether the `bytes` bytes at `offset` lie within one live block; no bytes begin in one, too. O(log live). */
  contains(offset: number, bytes: number): boolean {
    const i = upperBound(this.#liveAt, offset) - 1;
    return i >= 0 && offset + Math.max(1, bytes) <= this.#liveAt[i]! + this.#liveBytes[i]!;
  }
}

/** Index of the first element greater than `value` in an ascending list. */
function upperBound(list: readonly number[], value: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
