/**
 * @file An independent check of a placement: it runs the graph in thought over one arena and remembers whose bytes lie where. Nothing is taken from
 * lifetimes.ts or pack.ts, so a mistake there is found here.
 */
import { CrossoverError } from '../../errors.ts';
import { GRANULE } from '../../memory/allocator.ts';
import { type Graph, inputsOf, type Node, type Value, valuesIn } from '../ir/graph.ts';
import { mayOverwrite, mayRunInPlace, othersIn, reachedIn } from './operands.ts';
import type { PlacedCollective, PlacedOperand, Placement } from './placement.ts';
import { hasMemory, maybeMemory, sameMemory } from './views.ts';

/**
 * Checks that every operand of a collective is placed or has a reason, that what is placed is aligned and within the arena, and that no value is
 * overwritten while it is needed, in this run or, for what the caller holds, in the next.
 * @throws CrossoverError that lists what is wrong
 */
export function verifyPlacement(graph: Graph, placement: Placement): void {
  const problems = [...structureProblems(graph, placement), ...new Run(graph, placement).problems()];
  if (problems.length > 0)
    throw new CrossoverError(`the placement of ${graph.name} is wrong: ${problems.join('; ')}`);
}

function structureProblems(graph: Graph, placement: Placement): string[] {
  const problems: string[] = [];
  const placed = new Map(placement.collectives.map((one) => [one.node, one]));
  for (const [index, node] of graph.nodes.entries()) {
    const reached = reachedIn(node);
    if (!reached) continue;
    const expected = [reached.read, ...reached.written];
    const one = placed.get(node);
    if (!one || one.index !== index) problems.push(`node ${index} (${node.op}) is missing`);
    else if (one.operands.length !== expected.length || one.operands.some((o, i) => o.value !== expected[i]))
      problems.push(`node ${index} (${node.op}) lists other operands than it has`);
    else problems.push(...one.operands.flatMap((operand) => operandProblem(operand, placement) ?? []));
  }
  for (const { offset, bytes, values } of placement.buffers) {
    const name = values[0]?.name ?? 'nothing';
    if (offset < 0 || offset % GRANULE !== 0)
      problems.push(`${name} lies at ${offset}, no multiple of ${GRANULE}`);
    if (offset + bytes > placement.arenaBytes)
      problems.push(`${name} ends at ${offset + bytes}, the arena at ${placement.arenaBytes}`);
  }
  return problems;
}

function operandProblem({ value, place }: PlacedOperand, { offsets }: Placement): string | undefined {
  const offset = offsets.get(value);
  if (place.where === 'arena' && offset !== place.offset)
    return `${value.name} is said to lie at ${place.offset} and at ${offset}`;
  if (place.where === 'outside' && place.reason === '') return `${value.name} is outside without a reason`;
  return undefined;
}

/** Bytes from `from` up to but not including `to`, and whose they are. */
interface Claim {
  readonly from: number;
  readonly to: number;
  readonly value: Value;
}

/** Whether two claims lie on the same bytes. */
function isOver(a: Claim, b: Claim): boolean {
  return a.from < b.to && b.from < a.to;
}

class Run {
  readonly #graph: Graph;
  readonly #placement: Placement;
  readonly #placed: ReadonlyMap<Node, PlacedCollective>;
  /** Where values lie that are in the arena. */
  readonly #claims = new Map<Value, Claim>();
  /** The value that a value is a view of, byte for byte; itself when it is none. */
  readonly #original = new Map<Value, Value>();
  /** Originals whose bytes a value may be a part of. */
  readonly #within = new Map<Value, ReadonlySet<Value>>();
  /** Values in the arena whose bytes are as they were written. */
  readonly #intact = new Set<Value>();
  readonly #problems: string[] = [];

  constructor(graph: Graph, placement: Placement) {
    this.#graph = graph;
    this.#placement = placement;
    this.#placed = new Map(placement.collectives.map((one) => [one.node, one]));
    for (const { offset, bytes, values, kind } of placement.buffers) {
      if (kind === 'copy') continue;
      for (const value of values) this.#claims.set(value, { from: offset, to: offset + bytes, value });
    }
  }

  problems(): readonly string[] {
    for (const { value } of this.#graph.inputs) {
      this.#original.set(value, value);
      this.#write(value);
    }
    for (const [index, node] of this.#graph.nodes.entries()) this.#step(node, `node ${index} (${node.op})`);
    const results = this.#graph.outputs.flatMap((operand) => [...valuesIn(operand)]);
    for (const value of results) this.#read(value, 'the caller');
    this.#checkOwned([...this.#graph.inputs.map(({ value }) => value), ...results]);
    return this.#problems;
  }

  #step(node: Node, name: string): void {
    const same = sameMemory(node);
    for (const value of node.outputs.filter(hasMemory)) {
      const operand = same.get(value);
      this.#original.set(value, operand ? this.#originalOf(operand) : value);
      this.#within.set(value, new Set(maybeMemory(node).flatMap((base) => [...this.#needs(base)])));
    }
    const copy = this.#copyOf(node);
    if (copy) this.#evict(copy, undefined);
    for (const value of inputsOf(node)) this.#read(value, name);
    const reached = reachedIn(node);
    if (reached && mayOverwrite(node.op) && !this.#worksOnCopy(node))
      this.#overwrite(node, reached.read, name);
    this.#checkResults(node, copy, name);
    for (const value of node.outputs) this.#write(value);
  }

  #worksOnCopy(node: Node): boolean {
    const place = this.#placed.get(node)?.operands[0]?.place;
    return place?.where === 'outside' && place.copyTo !== undefined;
  }

  #copyOf(node: Node): Claim | undefined {
    const read = this.#placed.get(node)?.operands[0];
    if (read?.place.where !== 'outside' || typeof read.place.copyTo !== 'number') return undefined;
    const { copyTo, bytes = 0 } = read.place;
    return { from: copyTo, to: copyTo + bytes, value: read.value };
  }

  /** No result lies on what the node reads, but for one that may be in place, and no result on another. */
  #checkResults(node: Node, copy: Claim | undefined, name: string): void {
    const own = node.outputs.filter((value) => this.#originalOf(value) === value);
    const written = own.flatMap((value) => this.#claims.get(value) ?? []);
    const read = [...inputsOf(node)].flatMap((value) =>
      [...this.#needs(value)].map((one) => this.#claims.get(one)!),
    );
    for (const [i, out] of written.entries()) {
      for (const other of written.slice(i + 1))
        if (isOver(out, other)) this.#report(`${name} writes ${out.value.name} over ${other.value.name}`);
      if (copy && isOver(out, copy)) this.#report(`${name} writes ${out.value.name} over the copy it reads`);
      for (const operand of read) {
        if (isOver(out, operand) && !this.#isInPlace(node, out, operand))
          this.#report(`${name} writes ${out.value.name} over ${operand.value.name}, which it reads`);
      }
    }
  }

  #isInPlace(node: Node, out: Claim, operand: Claim): boolean {
    const read = reachedIn(node)?.read;
    if (!read || !mayRunInPlace(node.op) || out.value !== node.outputs[0] || out.from !== operand.from)
      return false;
    const original = this.#originalOf(operand.value);
    const users = [...inputsOf(node)].filter((value) => this.#needs(value).has(original));
    return this.#originalOf(read) === original && users.length === 1;
  }

  /** The operation leaves anything at all in what it reads. */
  #overwrite(node: Node, read: Value, name: string): void {
    const lost = this.#needs(read);
    if (othersIn(node).some((value) => [...this.#needs(value)].some((one) => lost.has(one))))
      this.#report(`${name} overwrites ${read.name}, of which another of its operands is a part`);
    if (!this.#claims.has(read) && this.#isOfCaller(read))
      this.#report(`${name} overwrites ${read.name}, which may be the caller's memory`);
    for (const one of lost) {
      const claim = this.#claims.get(one);
      if (claim) this.#evict(claim, undefined);
    }
  }

  #isOfCaller(value: Value): boolean {
    const seen = new Set<Value>();
    const queue = [value];
    for (const one of queue) {
      const original = this.#originalOf(one);
      if (seen.has(original)) continue;
      seen.add(original);
      const maker = this.#graph.nodes.find((node) => node.outputs.includes(original));
      if (!maker) return true;
      queue.push(...maybeMemory(maker));
    }
    return false;
  }

  #read(value: Value, by: string): void {
    for (const one of this.#needs(value)) {
      if (!this.#intact.has(one)) this.#report(`${by} needs ${value.name}, but ${one.name} was overwritten`);
    }
  }

  #write(value: Value): void {
    const claim = this.#claims.get(value);
    const original = this.#originalOf(value);
    if (!claim || original !== value) return;
    this.#evict(claim, value);
    this.#intact.add(value);
  }

  #evict(claim: Claim, keep: Value | undefined): void {
    for (const one of this.#intact) {
      if (one !== keep && isOver(claim, this.#claims.get(one)!)) this.#intact.delete(one);
    }
  }

  /** Originals in the arena that have to be intact for a value to be. What lies in the arena itself is not a part of anything else. */
  #needs(value: Value): ReadonlySet<Value> {
    const original = this.#originalOf(value);
    return this.#claims.has(original) ? new Set([original]) : (this.#within.get(original) ?? new Set());
  }

  #originalOf(value: Value): Value {
    return this.#original.get(value) ?? value;
  }

  /** Nothing else is ever written to what the caller holds, or to what that may be a part of. */
  #checkOwned(values: readonly Value[]): void {
    const owned = new Set(values.flatMap((value) => [...this.#needs(value)]));
    for (const one of owned) {
      const claim = this.#claims.get(one)!;
      for (const other of this.#claims.values()) {
        if (this.#originalOf(other.value) !== one && isOver(claim, other))
          this.#report(`${other.value.name} lies on ${one.name}, which is the caller's`);
      }
      for (const { kind, offset, bytes } of this.#placement.buffers) {
        if (kind === 'copy' && isOver(claim, { from: offset, to: offset + bytes, value: one }))
          this.#report(`a copy lies on ${one.name}, which is the caller's`);
      }
    }
  }

  #report(problem: string): void {
    if (!this.#problems.includes(problem)) this.#problems.push(problem);
  }
}
