/**
 * @file Runs a graph with its placement over one arena, with numbers that are different for every value, and compares what each node reads with what it
 * should read. Memory is cells of 16 bytes. Operations that may be views are views or copies, as a coin says; what may be overwritten is.
 */
import {
  type Graph,
  inputsOf,
  isValue,
  type Node,
  type Value,
  valuesIn,
} from '../../../dist/graph/ir/graph.js';
import { sameType } from '../../../dist/graph/ir/type.js';
import type { PlacedCollective, Placement } from '../../../dist/graph/place/placement.js';
import { cellsOf } from './random-graphs.ts';

const CELL = 16;
const CUTS = ['slice', 'permute', 'expand', 'cast'];

/** Where a value's cells are. */
interface Ref {
  readonly memory: Uint32Array;
  readonly at: readonly number[];
}

type Content = readonly number[];

export class Simulation {
  readonly #graph: Graph;
  readonly #placement: Placement;
  readonly #placed: ReadonlyMap<Node, PlacedCollective>;
  readonly #arena: Uint32Array;
  readonly #coin: () => boolean;
  #refs = new Map<Value, Ref>();
  #expected = new Map<Value, Content>();
  readonly problems: string[] = [];

  constructor(graph: Graph, placement: Placement, coin: () => boolean) {
    this.#graph = graph;
    this.#placement = placement;
    this.#placed = new Map(placement.collectives.map((one) => [one.node, one]));
    this.#arena = new Uint32Array(placement.arenaBytes / CELL);
    this.#coin = coin;
  }

  /** One run; `salt` makes the inputs of each run different. What the last run gave has to stay until it is made anew. */
  run(salt: number): void {
    const before = { refs: this.#refs, expected: this.#expected };
    const kept = new Set(this.#results());
    this.#refs = new Map();
    this.#expected = new Map();
    for (const { value } of this.#graph.inputs) {
      // A result that is a view of an input goes with it: the caller writes that anew.
      for (const held of kept) if (isOver(before.refs.get(held), before.refs.get(value))) kept.delete(held);
      const content = Array.from({ length: cells(value) }, (_, i) =>
        mix(salt, value.name.length * 1000 + i + mixText(value.name)),
      );
      this.#expected.set(value, content);
      this.#write(this.#placedRef(value) ?? before.refs.get(value) ?? fresh(value), value, content);
    }
    for (const [index, node] of this.#graph.nodes.entries()) {
      for (const held of kept) {
        const ref = before.refs.get(held);
        // From here on it may be made anew: by this node, or by one that it is a view of, or that takes part in place.
        if (this.#remade(ref, node)) kept.delete(held);
        else if (ref)
          this.#compare(
            ref,
            before.expected.get(held)!,
            `${held.name} of the last run, before node ${index}`,
          );
      }
      this.#step(node, `node ${index} (${node.op})`);
    }
    for (const value of [...this.#results(), ...this.#graph.inputs.map((input) => input.value)])
      this.#compare(this.#refs.get(value)!, this.#expected.get(value)!, `${value.name} after the run`);
  }

  #results(): Value[] {
    return this.#graph.outputs.flatMap((operand) => [...valuesIn(operand)]);
  }

  /** Whether a node makes anew what the caller holds. */
  #remade(ref: Ref | undefined, node: Node): boolean {
    return node.outputs.some((value) => isOver(this.#placedRef(value), ref) && this.#isHeld(value));
  }

  /** Whether the memory of a placed value is the caller's, by way of any value that has the same buffer. */
  #isHeld(value: Value): boolean {
    const buffer = this.#placement.buffers.find(
      ({ kind, values }) => kind === 'values' && values.includes(value),
    );
    return buffer !== undefined && buffer.first === -1 && buffer.last === this.#graph.nodes.length;
  }

  #step(node: Node, name: string): void {
    const read = [...inputsOf(node)];
    const place = this.#placed.get(node)?.operands;
    const x = isValue(node.operands.x) ? node.operands.x : undefined;
    let input = x && this.#refs.get(x);
    const first = place?.[0]?.place;
    if (x && input && first?.where === 'outside' && first.copyTo !== undefined) {
      const copy = first.copyTo === null ? fresh(x) : arenaRef(this.#arena, first.copyTo, x);
      this.#store(copy, this.#load(input));
      input = copy;
    }
    const isSame =
      node.op === 'reshape' ||
      (['slice', 'expand', 'cast'].includes(node.op) && sameType(x!.type, node.outputs[0]!.type));
    const made = node.op === 'latent_append' ? node.outputs.slice(0, 1) : node.outputs;
    const results = isSame ? [] : made.map((value) => ({ value, ref: this.#placedRef(value) }));
    // A kernel may write any part of a result before it has read all of its operands; but for one in place.
    for (const { value, ref } of results) {
      const operand = place?.find((one) => one.value === value)?.place;
      const inPlace = operand?.where === 'arena' && operand.inPlaceOf === x && x !== undefined;
      if (ref && !inPlace) this.#scribble(ref);
    }
    for (const value of read) {
      const ref = value === x && input ? input : this.#refs.get(value)!;
      this.#compare(ref, this.#expected.get(value)!, `${value.name} at ${name}`);
    }
    if (node.op === 'all_reduce_rms_norm') this.#scribble(input!);
    if (isSame) {
      const [out] = node.outputs;
      this.#refs.set(out!, this.#refs.get(x!)!);
      this.#expected.set(out!, this.#expected.get(x!)!);
      if (this.#placement.offsets.get(out!) !== this.#placement.offsets.get(x!))
        this.problems.push(`${name} moves`);
      return;
    }
    if (node.op === 'latent_append') this.#append(node, name);
    const contents = computed(
      node,
      read.map((value) => this.#expected.get(value)!),
    );
    for (const [i, { value, ref }] of results.entries()) {
      this.#expected.set(value, contents[i]!);
      const view = ref ? undefined : this.#view(node, read);
      if (view) this.#refs.set(value, view);
      else this.#write(ref ?? fresh(value), value, contents[i]!);
    }
  }

  /** Writes into the memory of the cache: every value that shares it shows that from then on. */
  #append(node: Node, name: string): void {
    const cache = node.operands.cache as Value;
    const result = node.outputs[1]!;
    const ref = this.#refs.get(cache)!;
    if (this.#placement.offsets.get(result) !== this.#placement.offsets.get(cache))
      this.problems.push(`${name} moves the cache`);
    this.#refs.set(result, ref);
    this.#expected.set(result, this.#expected.get(cache)!);
    this.#store(
      ref,
      this.#expected.get(cache)!.map((number) => mix(number, mixText(name))),
    );
    // The caller's own cache among them, which it sees change.
    for (const [value, other] of this.#refs)
      if (isOver(ref, other)) this.#expected.set(value, this.#load(other));
  }

  /** A part of an operand's memory, where the operation may give that. */
  #view(node: Node, read: readonly Value[]): Ref | undefined {
    const mayView = CUTS.includes(node.op) || node.op.startsWith('vendor.');
    if (!mayView || !this.#coin()) return undefined;
    const base = this.#refs.get(read[0]!)!;
    const at = node.op === 'permute' ? base.at.toReversed() : base.at.slice(0, cells(node.outputs[0]!));
    return { memory: base.memory, at };
  }

  #placedRef(value: Value): Ref | undefined {
    const offset = this.#placement.offsets.get(value);
    return offset === undefined ? undefined : arenaRef(this.#arena, offset, value);
  }

  #write(ref: Ref, value: Value, content: Content): void {
    this.#store(ref, content);
    this.#refs.set(value, ref);
  }

  #store({ memory, at }: Ref, content: Content): void {
    for (const [i, cell] of at.entries()) memory[cell] = content[i]!;
  }

  #load({ memory, at }: Ref): Content {
    return at.map((cell) => memory[cell]!);
  }

  #scribble({ memory, at }: Ref): void {
    for (const cell of at) memory[cell] = 0xdead;
  }

  #compare(ref: Ref, expected: Content, what: string): void {
    if (this.#load(ref).some((number, i) => number !== expected[i]))
      this.problems.push(`${what} was overwritten`);
  }
}

function cells(value: Value): number {
  return Math.ceil(cellsOf(value));
}

function fresh(value: Value): Ref {
  const count = cells(value);
  return { memory: new Uint32Array(count), at: Array.from({ length: count }, (_, i) => i) };
}

function isOver(a: Ref | undefined, b: Ref | undefined): boolean {
  return (
    a !== undefined && b !== undefined && a.memory === b.memory && a.at.some((cell) => b.at.includes(cell))
  );
}

function arenaRef(memory: Uint32Array, offset: number, value: Value): Ref {
  return { memory, at: Array.from({ length: cells(value) }, (_, i) => offset / CELL + i) };
}

/** What each result should hold. Views hold what they show; so do operations that nobody understands, which may be views. */
function computed(node: Node, read: readonly Content[]): Content[] {
  const [first] = read;
  return node.outputs.map((value, output) => {
    const count = cells(value);
    if (node.op === 'permute') return first!.toReversed();
    if (CUTS.includes(node.op) || node.op.startsWith('vendor.')) return first!.slice(0, count);
    return Array.from({ length: count }, (_, i) =>
      read.reduce(
        (sum, content) => mix(sum, content[i % content.length]!),
        mix(output + 1, mixText(node.op)),
      ),
    );
  });
}

function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ (b + 0x9e3779b9), 0x85ebca6b);
  hash ^= hash >>> 13;
  return Math.imul(hash, 0xc2b2ae35) >>> 0;
}

function mixText(text: string): number {
  return [...text].reduce((hash, letter) => mix(hash, letter.charCodeAt(0)), 7);
}
