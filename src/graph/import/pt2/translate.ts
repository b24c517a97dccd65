/**
 * @file From the file's nodes to those of the graph: each by its row of the table, or carried through as it is. Nodes that write in place make new
 * values, which later reads get instead; where that would not be sound, nothing is translated at all.
 */
import type { Graph, Node, Operand, Value } from '../../ir/graph.ts';
import { OPERATIONS } from '../../ir/operations.ts';
import { typeProblem } from '../../ir/rules.ts';
import type { WeightStore } from '../../ir/weight.ts';
import { isList, isReference, referencesIn, type SourceOperand } from './argument.ts';
import { Call, NotUnderstood, type Results } from './call.ts';
import { type Cell, Memory } from './memory.ts';
import { carryThrough } from './opaque.ts';
import { lastReads, type Source, type SourceNode } from './source.ts';
import {
  aliasing,
  functional,
  isCheck,
  isInPlace,
  parseTarget,
  rowName,
  type Target,
  targetText,
} from './target.ts';
import { TABLE } from './translate/table.ts';

/** Namespaces whose in-place operations write to their first operand, and to nothing else. */
const WRITES_FIRST: ReadonlySet<string> = new Set(['aten', '_c10d_functional', '_c10d_functional_autograd']);

/** Thrown where a node writes what cannot be given a value of its own; the message says which and why. */
class Unsound extends Error {}

export function translate(source: Source, name: string, weights: WeightStore): Graph {
  try {
    return new Translation(source).graph(name, weights);
  } catch (error) {
    if (!(error instanceof Unsound)) throw error;
    const note = `Nothing of this graph is translated, and nothing can be fused: ${error.message}.`;
    return carryThrough(source, name, weights, note);
  }
}

class Translation {
  readonly #source: Source;
  readonly #memory: Memory;
  readonly #nodes: Node[] = [];
  readonly #makers = new Map<Value, Node>();
  readonly #names = new Set<string>();
  readonly #notes: string[] = [];
  /** How often each operation was carried through. */
  readonly #carried = new Map<string, number>();
  /** Inputs that the file writes to. */
  readonly #written = new Map<Cell, string>();

  constructor(source: Source) {
    this.#source = source;
    this.#memory = new Memory(lastReads(source));
    for (const { outputs } of [{ outputs: source.inputs }, ...source.nodes])
      for (const { reference } of outputs) this.#names.add(reference.reference);
  }

  graph(name: string, weights: WeightStore): Graph {
    const inputs = this.#source.inputs.map(({ reference, type, weight }) => {
      const value: Value = { name: reference.reference, type };
      this.#memory.define(reference, value, true);
      return { value, ...(weight !== undefined && { weight }) };
    });
    for (const [i, node] of this.#source.nodes.entries()) this.#node(node, i);
    const outputs = this.#source.outputs.map(({ operand }) => this.#resolve(operand));
    for (const [cell, input] of this.#written) {
      this.#notes.push(
        `The file writes to its input ${input}: output ${outputs.length} is the new value, and the input stays as it is.`,
      );
      outputs.push(cell.value);
    }
    if (this.#carried.size > 0) this.#notes.push(`Carried through as they are: ${this.#carriedText()}.`);
    return {
      name,
      inputs,
      nodes: this.#nodes,
      outputs,
      symbols: this.#source.symbols.ranges(),
      weights,
      notes: [...this.#source.notes, ...this.#source.symbols.notes, ...this.#notes],
    };
  }

  #node(node: SourceNode, index: number): void {
    const target = parseTarget(node.target);
    if (isCheck(target) && node.outputs.length === 0) return;
    const operands = [...node.args.values()].flatMap(({ operand }) => [...referencesIn(operand)]);
    const cells = operands.map((reference) => this.#memory.cell(reference));
    const where = `${node.name} (${node.target}${node.origin === '' ? '' : ` at ${node.origin}`})`;
    if (target.overload === 'out' || target.overload.endsWith('_out') || node.args.has('out'))
      throw new Unsound(`node ${where} writes its result to an operand`);
    if (node.outputs.length === 0 && cells.some(({ value }) => value.type.kind === 'tensor'))
      throw new Unsound(`node ${where} gives nothing, so that it may write to what it reads`);
    const kind = aliasing(target);
    if (isInPlace(target) && kind !== 'same') this.#write(node, target, index, where);
    else this.#read(node, target, kind, cells);
  }

  /** A node that writes nothing. */
  #read(node: SourceNode, target: Target, kind: 'same' | 'view' | 'fresh', cells: readonly Cell[]): void {
    const results = this.#results(node, target, target);
    for (const [i, { reference }] of node.outputs.entries()) {
      const value = results[i];
      const [cell] = cells;
      if (!value) continue;
      if (kind === 'same' && cell?.value === value) this.#memory.share(reference, cell);
      else if (kind === 'fresh') this.#memory.define(reference, value);
      else this.#memory.overlap(reference, value, cells);
    }
  }

  /** A node that writes to its first operand: whoever has that, has the result from now on. */
  #write(node: SourceNode, target: Target, index: number, where: string): void {
    const [first] = node.args.values();
    if (!WRITES_FIRST.has(target.namespace) || !first || !isReference(first.operand))
      throw new Unsound(`node ${where} writes in place, and it is not known where`);
    const destination = first.operand;
    const cell = this.#memory.cell(destination);
    const other = this.#memory.readElsewhere(cell, index);
    if (other !== undefined) {
      throw new Unsound(
        `node ${where} writes to ${destination.reference}, whose memory is read as ${other} afterwards`,
      );
    }
    const [value, ...others] = this.#results(node, target, functional(target));
    if (!value || others.length > 0) throw new Unsound(`node ${where} writes in place and gives more`);
    cell.value = value;
    if (cell.isInput) this.#written.set(cell, cell.names[0]!);
    for (const { reference } of node.outputs) this.#memory.share(reference, cell);
  }

  /** What stands for a node's outputs: by its row, or the node itself. */
  #results(node: SourceNode, target: Target, meant: Target): Results {
    const row = TABLE.get(rowName(meant));
    if (row) {
      const call = this.#call(node);
      try {
        const results = row(call);
        call.finish();
        this.#check(call.nodes);
        for (const made of call.nodes) this.#push(made);
        return results;
      } catch (error) {
        if (!(error instanceof NotUnderstood)) throw error;
        for (const name of call.names) this.#names.delete(name);
      }
    }
    // A node that wrote in place makes a new value here, as its functional twin does.
    const op = meant === target ? node.target : targetText(meant);
    this.#carried.set(op, (this.#carried.get(op) ?? 0) + 1);
    const outputs = node.outputs.map(({ reference, type }) => ({ name: reference.reference, type }));
    const operands = [...node.args].map(([name, { operand }]) => [name, this.#resolve(operand)] as const);
    this.#push({ op, operands: Object.fromEntries(operands), outputs, origin: node.origin });
    return outputs;
  }

  #call(node: SourceNode): Call {
    const args = [...node.args].map(
      ([name, { kind, operand }]) => [name, { kind, operand: this.#resolve(operand) }] as const,
    );
    return new Call({
      origin: node.origin,
      args: new Map(args),
      declared: node.outputs.map(({ reference, type }) => ({ name: reference.reference, type })),
      isRead: (output) => this.#memory.isRead(node.outputs[output]!.reference),
      makerOf: (value) => this.#makers.get(value),
      freshName: (wanted) => this.#freshName(wanted),
    });
  }

  /** What does not follow from the operands, by what is known of an operation, was not understood. */
  #check(nodes: readonly Node[]): void {
    for (const node of nodes) {
      const rule = OPERATIONS[node.op]!.rule;
      if (node.op !== 'size' && node.outputs.some(({ type }) => type.kind !== 'tensor'))
        throw new NotUnderstood();
      const problem = typeProblem(node, rule);
      if (problem === undefined) continue;
      this.#notes.push(`${node.outputs[0]!.name} is carried through: read as ${node.op}, ${problem}.`);
      throw new NotUnderstood();
    }
  }

  #push(node: Node): void {
    this.#nodes.push(node);
    for (const value of node.outputs) this.#makers.set(value, node);
  }

  #resolve(operand: SourceOperand): Operand {
    if (isList(operand)) return operand.map((one) => this.#resolve(one));
    return isReference(operand) ? this.#memory.cell(operand).value : operand;
  }

  #freshName(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#names.has(name); i++) name = `${wanted}_${i}`;
    this.#names.add(name);
    return name;
  }

  #carriedText(): string {
    return [...this.#carried].map(([op, count]) => (count === 1 ? op : `${op} (${count} times)`)).join(', ');
  }
}
