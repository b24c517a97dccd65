/**
 * @file What each rank has called, where its peers can look: a kernel whose peers run another one waits in vain, and by comparing notes the
 * ranks find out why at once, rather than that it did. A call costs some 0.1 us.
 */
import type { MismatchError } from '../../errors.ts';
import type { Group } from '../../group/group.ts';
import { disagreement, type LaunchText } from '../describe.ts';
import type { Arena, Launch } from '../engine.ts';
import { describeRow, hashRow, ROW, writeReplay, writeRow } from './operands.ts';
import { shareMemory } from './shared.ts';

/** Calls of which the operands are kept. */
const KEPT = 64;
/** Bytes of a rank: the count in a line of its own, hashes, operands. */
const HASHES = 64;
const OPERANDS = HASHES + KEPT * 4;
const RANK_BYTES = OPERANDS + KEPT * ROW * 8;

/** One rank's part of the shared memory. */
interface Page {
  readonly count: Int32Array;
  /** Of a call and all before it. */
  readonly hashes: Int32Array;
  readonly rows: Float64Array;
  /** The same bytes as `rows`. */
  readonly words: Int32Array;
}

export class CallLog {
  readonly #rank: number;
  readonly #arena: Arena;
  readonly #pages: readonly Page[];
  readonly #own: Page;
  #count = 0;
  #hash = 0;

  /** Collective. */
  constructor(group: Group, arena: Arena) {
    this.#rank = group.rank;
    this.#arena = arena;
    const bytes = RANK_BYTES * group.size;
    // Ranks on several hosts keep their notes to themselves.
    const memory = shareMemory(group, bytes) ?? new ArrayBuffer(bytes);
    this.#pages = Array.from({ length: group.size }, (_, rank) => pageOf(memory, rank));
    this.#own = this.#pages[group.rank]!;
  }

  /** Collectives and replays so far. */
  get count(): number {
    return this.#count;
  }

  /** Notes a collective; `kernel` is an index into NAMES. Allocates nothing. */
  note(kernel: number, launch: Launch): void {
    writeRow(this.#own.rows, (this.#count % KEPT) * ROW, kernel, launch, this.#arena);
    this.#publish();
  }

  /** Notes that recording number `recording` is replayed. */
  noteReplay(recording: number, times: number): void {
    writeReplay(this.#own.rows, (this.#count % KEPT) * ROW, recording, times);
    this.#publish();
  }

  /** The first difference between this rank and a peer in what both have called, or undefined when there is none. */
  compare(): MismatchError | undefined {
    for (const [rank, peer] of this.#pages.entries()) {
      if (rank === this.#rank) continue;
      const common = Math.min(this.#count, Atomics.load(peer.count, 0));
      if (common === 0 || !this.#isKept(peer, common - 1)) continue;
      if (hashAt(this.#own, common - 1) === hashAt(peer, common - 1)) continue;
      let first = common - 1;
      while (
        first > 0 &&
        this.#isKept(peer, first - 1) &&
        hashAt(this.#own, first - 1) !== hashAt(peer, first - 1)
      )
        first--;
      const [mine, theirs] = [describe(this.#own, first), describe(peer, first)];
      // The peer may have gone on meanwhile, and what was read be of another call.
      if (!this.#isKept(peer, first)) continue;
      return rank < this.#rank
        ? disagreement(theirs, this.#rank, mine, rank)
        : disagreement(mine, rank, theirs, this.#rank);
    }
    return undefined;
  }

  /** What this rank called last, and which peers have not come as far; for messages. */
  describeLast(): string {
    if (this.#count === 0) return 'before any collective';
    const { text } = describe(this.#own, this.#count - 1);
    const behind = this.#pages.flatMap(({ count }, rank) => {
      const calls = Atomics.load(count, 0);
      return calls < this.#count && rank !== this.#rank ? [`rank ${rank} has made ${calls} calls`] : [];
    });
    return `call #${this.#count}, ${text}${behind.length > 0 ? `, or one before it; ${behind.join(', ')}` : ', or one before it'}`;
  }

  #publish(): void {
    const { words, hashes, count } = this.#own;
    const slot = this.#count % KEPT;
    this.#hash = hashRow(words, slot * ROW, this.#hash);
    hashes[slot] = this.#hash;
    this.#count++;
    Atomics.store(count, 0, this.#count);
  }

  /** Whether a call that both have made can still be read of both. */
  #isKept(peer: Page, call: number): boolean {
    // The place of the oldest may be being written.
    return call > Math.max(this.#count, Atomics.load(peer.count, 0)) - KEPT;
  }
}

function describe(page: Page, call: number): LaunchText {
  return describeRow(page.rows, (call % KEPT) * ROW);
}

function hashAt(page: Page, call: number): number {
  return page.hashes[call % KEPT]!;
}

function pageOf(memory: ArrayBufferLike, rank: number): Page {
  const from = rank * RANK_BYTES;
  return {
    count: new Int32Array(memory, from, 1),
    hashes: new Int32Array(memory, from + HASHES, KEPT),
    rows: new Float64Array(memory, from + OPERANDS, KEPT * ROW),
    words: new Int32Array(memory, from + OPERANDS, KEPT * ROW * 2),
  };
}
