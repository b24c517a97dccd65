/**
 * @file How ranks that are processes tell each other something: over a tree of links. Rank 0 is the root, the first rank of every other
 * host is its child, and every other rank is a child of the first rank of its host. What is told goes up, and all of it comes down.
 */
import { CrossoverError } from '../errors.ts';
import type { Link } from './link.ts';
import type { Meeting } from './member.ts';

export class Tree {
  readonly #rank: number;
  readonly #up: Link | undefined;
  readonly #down: readonly Link[];

  /** `up` is the root's only if it has none. */
  constructor(rank: number, up: Link | undefined, down: readonly Link[]) {
    this.#rank = rank;
    this.#up = up;
    this.#down = down;
  }

  /** Every rank calls; those that give nothing learn what the others gave. Returns it by rank. */
  exchange(own: Uint8Array | undefined): Map<number, Buffer> {
    const parts: [rank: number, bytes: Uint8Array][] = own ? [[this.#rank, own]] : [];
    for (const child of this.#down) parts.push(...unbundle(child.receive(), child.ranks));
    let all = bundle(parts);
    if (this.#up) {
      this.#up.send(all);
      all = this.#up.receive();
    }
    for (const child of this.#down) child.send(all);
    return new Map(unbundle(all));
  }

  /** Every rank gives a descriptor and gets one of each other rank, in rank order; a tree of one host only. */
  exchangeDescriptors(own: number): number[] {
    if (this.#up) {
      this.#up.sendDescriptors([own]);
      // All ranks of the host are reached through the root.
      return this.#up.receiveDescriptors(this.#up.ranks.length);
    }
    const others = this.#down.map((child) => child.receiveDescriptors(1)[0]!);
    for (const [i, child] of this.#down.entries()) {
      child.sendDescriptors([own, ...others.filter((_, other) => other !== i)]);
    }
    return others;
  }
}

/** Ranks of several hosts meet by telling each other what they call. */
export class TreeMeeting implements Meeting {
  readonly #tree: Tree;
  readonly #size: number;

  constructor(tree: Tree, size: number) {
    this.#tree = tree;
    this.#size = size;
  }

  meet(call: number): number[] | undefined {
    const own = Buffer.alloc(4);
    own.writeUInt32LE(call);
    const said = this.#tree.exchange(own);
    const calls = Array.from({ length: this.#size }, (_, rank) => said.get(rank)?.readUInt32LE() ?? -1);
    return calls.every((other) => other === call) ? undefined : calls;
  }
}

/** Rank and length of each part, then its bytes. */
function bundle(parts: readonly (readonly [rank: number, bytes: Uint8Array])[]): Buffer {
  return Buffer.concat(
    parts.flatMap(([rank, bytes]) => {
      const head = Buffer.alloc(8);
      head.writeUInt32LE(rank, 0);
      head.writeUInt32LE(bytes.length, 4);
      return [head, bytes];
    }),
  );
}

/** The parts again, which must be of `ranks` where that is given. */
function unbundle(bytes: Buffer, ranks?: readonly number[]): [rank: number, bytes: Buffer][] {
  const parts: [number, Buffer][] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 8 > bytes.length) throw malformed();
    const rank = bytes.readUInt32LE(at);
    const end = at + 8 + bytes.readUInt32LE(at + 4);
    if (end > bytes.length || (ranks && !ranks.includes(rank))) throw malformed();
    parts.push([rank, bytes.subarray(at + 8, end)]);
    at = end;
  }
  return parts;
}

function malformed(): CrossoverError {
  return new CrossoverError(
    'a message of another rank is malformed; do all hosts run the same version of crossover?',
  );
}
