/**
 * @file The group of ranks that are processes. On one host they meet in a control block that all have mapped; on several hosts they meet
 * over the links, which values take in either case.
 *
 * A value is cloned before the ranks meet, and travels after it: only when all have come to the same call does anyone read or write.
 */
import { CrossoverError } from '../errors.ts';
import type { SharedWords } from '../ffi/libc.ts';
import { Barrier } from './barrier.ts';
import type { StatusLine } from './control.ts';
import type { Group } from './group.ts';
import { Link, type LinkSetup } from './link.ts';
import { type Identity, type Mail, Member } from './member.ts';
import { pack, unpack } from './pack.ts';
import { StopWords } from './stop-words.ts';
import { Tree, TreeMeeting } from './tree.ts';

/** What a process needs to be a rank, besides the control block. */
export interface ProcessGroupOptions extends Identity {
  /** To the parent in the tree (tree.ts). */
  readonly up: LinkSetup | undefined;
  readonly down: readonly LinkSetup[];
}

export function joinProcesses(
  options: ProcessGroupOptions,
  control: SharedWords,
  status: StatusLine,
): ProcessGroup {
  const { kind, rank, size, spins, up, down } = options;
  const links = down.map((setup) => new Link(setup));
  const tree = new Tree(rank, up && new Link(up), links);
  // Everybody has come: the other hosts may go on.
  for (const link of links) link.start();
  const meeting =
    kind === 'hosts' ? new TreeMeeting(tree, size) : new Barrier(control.words, rank, size, spins, control);
  const stopWords = new StopWords(control.words, options.localRank, false);
  return new ProcessGroup(options, status, meeting, tree, stopWords);
}

class ProcessGroup extends Member {
  readonly tree: Tree;

  constructor(
    identity: Identity,
    status: StatusLine,
    meeting: Barrier | TreeMeeting,
    tree: Tree,
    stopWords: StopWords,
  ) {
    super(identity, status, meeting, new Letters(identity.rank, tree), stopWords);
    this.tree = tree;
  }
}

/**
 * Every rank of the host gives a descriptor, of memory for example, and gets a copy of every other rank's, to keep and to close.
 * In rank order; a rank's own place has its own. Collective.
 *
 * @throws CrossoverError when ranks are threads, which can use each other's descriptors as they are, or on several hosts
 */
export function exchangeDescriptors(group: Group, descriptor: number): number[] {
  if (!(group instanceof ProcessGroup) || group.kind !== 'processes') {
    throw new CrossoverError(
      `descriptors are exchanged between processes of one host, and these ranks are ${group.kind}`,
    );
  }
  group.barrier();
  const all = group.tree.exchangeDescriptors(descriptor);
  all.splice(group.rank, 0, descriptor);
  return all;
}

class Letters implements Mail {
  readonly #rank: number;
  readonly #tree: Tree;
  #posted: Buffer | undefined;

  constructor(rank: number, tree: Tree) {
    this.#rank = rank;
    this.#tree = tree;
  }

  post(_meeting: number, value: unknown): void {
    this.#posted = pack(value);
  }

  take(_meeting: number, from: readonly number[]): unknown[] {
    // What was posted for a call that the ranks disagreed on must not be sent with the next.
    const own = from.includes(this.#rank) ? this.#posted : undefined;
    this.#posted = undefined;
    const all = this.#tree.exchange(own);
    return from.map((rank) => {
      if (rank === this.#rank) return undefined;
      const bytes = all.get(rank);
      if (!bytes) throw new CrossoverError(`no value from rank ${rank} has arrived`);
      return unpack(bytes);
    });
  }
}
