/**
 * @file Which storages get a place in the arena, which of them share one, and why the others get none.
 */
import type { Graph, Node, Value } from '../ir/graph.ts';
import type { Bounds, Size } from './bounds.ts';
import { type Lifetimes, mayOverlap, type Storage } from './lifetimes.ts';
import { mayOverwrite, mayRunInPlace, othersIn, reachedIn } from './operands.ts';
import type { PartsDecision } from './placement.ts';

/** One place in the arena, for storages one after the other, or for a copy that lives for one node. Times are inclusive. */
export interface Slot {
  bytes: number;
  readonly first: number;
  last: number;
  readonly storages: Storage[];
  /** The value that is copied. */
  readonly copied?: Value | undefined;
}

export interface SlotOptions {
  readonly enabled: boolean;
  readonly ownInputs: boolean;
  /** Whether all that has a bound gets a place, or only what collectives read and write. */
  readonly everything: boolean;
  /** Decisions by node. */
  readonly parts: ReadonlyMap<Node, PartsDecision>;
}

/** Slots of a graph. Made by `new`, asked by place.ts. */
export class Slots {
  /** In the order of the nodes. */
  readonly all: Slot[] = [];
  readonly #lifetimes: Lifetimes;
  readonly #bounds: Bounds;
  readonly #options: SlotOptions;
  readonly #byStorage = new Map<Storage, Slot>();
  readonly #copies = new Map<Node, Slot>();
  /** Bytes of whole tensors whose parts are padded. */
  readonly #padded = new Map<Storage, number>();
  /** Those of them that all_gather makes: as long as the padded parts, however loose the bound of their own symbol is. */
  readonly #gathered = new Set<Storage>();
  /** Whole tensors that a collective wants outside the heap. */
  readonly #leftOut = new Set<Storage>();

  constructor(graph: Graph, lifetimes: Lifetimes, bounds: Bounds, options: SlotOptions) {
    this.#lifetimes = lifetimes;
    this.#bounds = bounds;
    this.#options = options;
    for (const node of graph.nodes) this.#noteParts(node);
    const isAll = options.enabled && options.everything;
    if (isAll) this.#placeAll(graph.inputs.map(({ value }) => value));
    for (const [time, node] of graph.nodes.entries()) {
      this.#serve(node, time);
      if (isAll) this.#placeAll(node.outputs);
    }
  }

  /** The place of a value. */
  slot(value: Value): Slot | undefined {
    const storage = this.#lifetimes.storage(value);
    return storage && this.#byStorage.get(storage);
  }

  /** The place for a copy of what a node reads and would overwrite. */
  copyFor(node: Node): Slot | undefined {
    return this.#copies.get(node);
  }

  /** Bytes of a value at the bounds, padding included. */
  size(value: Value): Size {
    const storage = this.#lifetimes.storage(value);
    if (!storage) return this.#bounds.size(value.type);
    // All views are as long; one of them may have a bound where another has none.
    const sizes = storage.values.map(({ type }) => this.#bounds.size(type));
    const known = sizes.flatMap((size) => ('bytes' in size ? [size.bytes] : []));
    const padded = this.#padded.get(storage);
    if (padded !== undefined)
      return { bytes: this.#gathered.has(storage) ? padded : Math.max(padded, ...known) };
    return known.length > 0 ? { bytes: Math.min(...known) } : sizes[0]!;
  }

  /** Why a value cannot lie in the arena; undefined when it can. */
  refusal(value: Value): string | undefined {
    if (!this.#options.enabled) return 'placement is off (option enabled)';
    const storage = this.#lifetimes.storage(value);
    const reason = storage ? this.#refusalOf(storage) : 'it is no tensor';
    const made = storage?.values[0];
    return reason && made && made !== value ? `a view of ${made.name}: ${reason}` : reason;
  }

  /** Whether a node would overwrite what it reads although that is needed later, so that it has to be given a copy. */
  needsCopy(node: Node, time: number): boolean {
    const reached = reachedIn(node);
    const storage = reached && this.#lifetimes.storage(reached.read);
    if (!storage || !mayOverwrite(node.op)) return false;
    const isShared = othersIn(node).some((value) => {
      const other = this.#lifetimes.storage(value);
      return other !== undefined && mayOverlap(storage, other);
    });
    if (isShared || storage.last > time) return true;
    // Outside the arena it may be a part of something that is needed later.
    return this.refusal(reached.read) !== undefined && storage.basesLast > time;
  }

  #refusalOf(storage: Storage): string | undefined {
    if (storage.source === 'weight') return 'it is a weight, which stays where it was loaded';
    if (storage.source === 'unknown')
      return `${storage.op} makes it, which is not understood here: its memory is its own business`;
    if (storage.source === 'caller' && !this.#options.ownInputs)
      return "it is the caller's memory; let the executor allocate inputs (option ownInputs)";
    const size = this.size(storage.values[0]!);
    return 'reason' in size ? size.reason : undefined;
  }

  #noteParts(node: Node): void {
    const decision = this.#options.parts.get(node);
    const reached = reachedIn(node);
    const whole = node.op === 'all_gather' ? reached?.written[0] : reached?.read;
    const storage = whole && this.#lifetimes.storage(whole);
    if (!decision || !storage) return;
    if (decision.layout === 'left out') {
      this.#leftOut.add(storage);
      return;
    }
    this.#padded.set(storage, Math.max(decision.paddedBytes, this.#padded.get(storage) ?? 0));
    if (node.op === 'all_gather') this.#gathered.add(storage);
  }

  #serve(node: Node, time: number): void {
    const reached = reachedIn(node);
    if (!reached || !this.#options.enabled || this.#options.parts.get(node)?.layout === 'left out') return;
    if (this.needsCopy(node, time)) this.#addCopy(node, reached.read, time);
    else this.#place(reached.read);
    for (const [i, value] of reached.written.entries()) {
      const inPlace = i === 0 && mayRunInPlace(node.op) && this.#replace(node, reached.read, value, time);
      if (!inPlace) this.#place(value);
    }
  }

  /** A view finds the place of what it is a view of. */
  #placeAll(values: readonly Value[]): void {
    for (const value of values) {
      const storage = this.#lifetimes.storage(value);
      if (storage && !this.#leftOut.has(storage)) this.#place(value);
    }
  }

  #place(value: Value): void {
    const storage = this.#lifetimes.storage(value);
    const size = this.size(value);
    if (!storage || this.#byStorage.has(storage) || this.refusal(value) || !('bytes' in size)) return;
    // What the caller holds between runs is never anybody else's.
    const first = storage.isForever ? -1 : storage.first;
    this.#add({ bytes: size.bytes, first, last: storage.last, storages: [storage] });
  }

  #addCopy(node: Node, copied: Value, time: number): void {
    const size = this.size(copied);
    if (!('bytes' in size)) return;
    const slot: Slot = { bytes: size.bytes, first: time, last: time, storages: [], copied };
    this.all.push(slot);
    this.#copies.set(node, slot);
  }

  /** Lets a result take the place of an operand that nobody needs any more; false where that is not safe. */
  #replace(node: Node, read: Value, written: Value, time: number): boolean {
    const from = this.slot(read);
    const storage = this.#lifetimes.storage(written);
    const size = this.size(written);
    if (!from || !storage || !('bytes' in size) || this.refusal(written)) return false;
    // A result of the graph stays as it is until the next run makes it anew, so nothing lies there before it.
    if (from.last !== time || storage.isForever || this.needsCopy(node, time)) return false;
    // A placed buffer that a result in place has left is not given another one.
    if (this.slot(written)) return false;
    from.bytes = Math.max(from.bytes, size.bytes);
    from.last = storage.last;
    from.storages.push(storage);
    this.#byStorage.set(storage, from);
    return true;
  }

  #add(slot: Slot): void {
    this.all.push(slot);
    for (const storage of slot.storages) this.#byStorage.set(storage, slot);
  }
}
