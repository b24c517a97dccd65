/**
 * @file One node of the file, about to be translated: its arguments by name, checked as they are taken, and what makes its outputs.
 *
 * A row of the table takes what it knows. An argument that is not of the kind it asks for, or that is left when it is done, means that the row
 * does not understand the node, which is then carried through as it is.
 */
import { type Node, type Operand, tensorOf, type Value } from '../../ir/graph.ts';
import { type Dim, type GraphDType, sameShape, type TensorType, tensorType } from '../../ir/type.ts';
import type { CallContext } from './context.ts';

/** Thrown by a row that meets what it does not understand. */
export class NotUnderstood extends Error {}

/** A value that is a tensor. */
export interface Tensor extends Value {
  readonly type: TensorType;
}

/** What a row gives for each of the node's outputs: the value that later nodes get, or undefined for one that nobody reads. */
export type Results = readonly (Value | undefined)[];

/** Arguments about where and how a tensor lies in memory. */
const IMMATERIAL: ReadonlySet<string> = new Set([
  'device',
  'layout',
  'pin_memory',
  'memory_format',
  'non_blocking',
]);

export class Call {
  /** Nodes that the row made, in order. */
  readonly nodes: Node[] = [];
  /** Names that the row made up. */
  readonly names: string[] = [];
  readonly #context: CallContext;
  readonly #taken = new Set<string>();

  constructor(context: CallContext) {
    this.#context = context;
  }

  /** @throws NotUnderstood when the row left an argument that matters */
  finish(): void {
    for (const [name, { operand }] of this.#context.args) {
      if (operand !== null && !this.#taken.has(name) && !IMMATERIAL.has(name)) this.refuse();
    }
  }

  refuse(): never {
    throw new NotUnderstood();
  }

  // ---------- arguments ----------

  /** Whether an argument is there and not None. */
  has(name: string): boolean {
    return (this.#context.args.get(name)?.operand ?? null) !== null;
  }

  /** Takes arguments that make no difference. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#taken.add(name);
  }

  tensor(name: string): Tensor {
    return this.#asTensor(this.#take(name));
  }

  tensorIf(name: string): Tensor | null {
    return this.has(name) ? this.tensor(name) : null;
  }

  tensors(name: string): Tensor[] {
    return this.#list(name).map((one) => this.#asTensor(one));
  }

  /** Tensors and nulls. */
  indices(name: string): (Tensor | null)[] {
    return this.#list(name).map((one) => (one === null ? null : this.#asTensor(one)));
  }

  /** A tensor or a number. */
  operand(name: string): Tensor | Operand {
    const operand = this.#take(name);
    return tensorOf(operand) ? operand : this.#asNumber(operand);
  }

  /** A number: a constant, or a scalar value. */
  number(name: string, absent?: number): Operand {
    return this.#asNumber(this.#take(name, absent));
  }

  constant(name: string, absent?: number): number {
    const value = this.number(name, absent);
    return typeof value === 'number' ? value : this.refuse();
  }

  /** A whole number: a constant, or a scalar value. */
  int(name: string, absent?: number): Operand {
    return this.#asInt(this.#take(name, absent));
  }

  constantInt(name: string, absent?: number): number {
    const value = this.int(name, absent);
    return typeof value === 'number' ? value : this.refuse();
  }

  ints(name: string): Operand[] {
    return this.#list(name).map((one) => this.#asInt(one));
  }

  constantInts(name: string, absent?: readonly number[]): number[] {
    if (absent && !this.has(name)) {
      this.#taken.add(name);
      return [...absent];
    }
    const operand = this.#take(name);
    // Where a list is due, torch takes one number for a list of one.
    if (typeof operand === 'number') return [operand];
    return this.ints(name).map((one) => (typeof one === 'number' ? one : this.refuse()));
  }

  flag(name: string, absent?: boolean): boolean {
    const value = this.#take(name, absent);
    return typeof value === 'boolean' ? value : this.refuse();
  }

  text(name: string, absent?: string): string {
    const value = this.#take(name, absent);
    return typeof value === 'string' ? value : this.refuse();
  }

  /** A dim of a tensor of some rank, from 0 on. */
  dim(name: string, rank: number, absent?: number): number {
    return this.fromStart(this.constantInt(name, absent), rank);
  }

  dims(name: string, rank: number, absent?: readonly number[]): number[] {
    const dims = this.constantInts(name, absent).map((dim) => this.fromStart(dim, rank));
    return new Set(dims).size === dims.length ? dims : this.refuse();
  }

  fromStart(dim: number, rank: number): number {
    const at = dim < 0 ? dim + rank : dim;
    return at >= 0 && at < rank ? at : this.refuse();
  }

  /** The node that made a value. */
  maker(value: Value): Node | undefined {
    return this.#context.makerOf(value);
  }

  // ---------- results ----------

  /** Type of an output as the file declares it. */
  out(output = 0): TensorType {
    return tensorOf(this.#declared(output)) ?? this.refuse();
  }

  get outputs(): number {
    return this.#context.declared.length;
  }

  /** Refuses unless nobody reads the outputs behind the first ones. */
  onlyFirst(count = 1): void {
    for (let i = count; i < this.outputs; i++) if (this.#context.isRead(i)) this.refuse();
  }

  /** A node that makes the outputs, or the first of them. */
  emit(op: string, operands: Readonly<Record<string, Operand>>, count = 1): Results {
    this.onlyFirst(count);
    if (this.outputs < count) this.refuse();
    return this.#push(op, operands, this.#context.declared.slice(0, count));
  }

  /** A node that makes one of the outputs. */
  emitOutput(output: number, op: string, operands: Readonly<Record<string, Operand>>): Value {
    return this.#push(op, operands, [this.#declared(output)])[0]!;
  }

  /** A node whose result only other nodes of this call read. */
  step(op: string, operands: Readonly<Record<string, Operand>>, type: TensorType): Tensor {
    const value: Tensor = { name: this.#freshName(op), type };
    this.#push(op, operands, [value]);
    return value;
  }

  /** The size of a dim, as a value. */
  sizeOf(x: Tensor, dim: number): Value {
    return this.#push('size', { x, dim }, [{ name: this.#freshName('size'), type: { kind: 'int' } }])[0]!;
  }

  /** The operand itself, or its cast to what the file declares. */
  same(x: Tensor): Results {
    const out = this.out();
    this.onlyFirst();
    if (out.dtype !== x.type.dtype) return this.emit('cast', { x });
    return out.shape.length === x.type.shape.length ? [x] : this.refuse();
  }

  /** `emit`, unless the file declares the output to be just like the operand: then it is the operand. */
  emitUnlessSame(x: Tensor, op: string, operands: Readonly<Record<string, Operand>>): Results {
    const out = this.out();
    if (out.dtype === x.type.dtype && sameShape(out.shape, x.type.shape)) return this.same(x);
    return this.emit(op, operands);
  }

  /** The tensor in the dtype that argument `dtype` asks for, which is the output's. */
  castIfAsked(x: Tensor): Tensor {
    const isAsked = this.has('dtype');
    this.ignore('dtype');
    return isAsked ? this.castTo(x, this.out().dtype) : x;
  }

  castTo(x: Tensor, dtype: GraphDType): Tensor {
    return x.type.dtype === dtype ? x : this.step('cast', { x }, tensorType(dtype, x.type.shape));
  }

  /**
   * A shape as operands. A size that is no number is -1 where only one is, else the size of that dim of one of the tensors.
   */
  sizes(shape: readonly Dim[], from: readonly Tensor[], mayInfer: boolean): Operand[] {
    const symbolic = shape.filter((dim) => typeof dim === 'string').length;
    const infers = mayInfer && symbolic === 1 && !shape.includes(0);
    return shape.map((dim) => {
      if (typeof dim === 'number') return dim;
      if (infers) return -1;
      for (const x of from) {
        const at = x.type.shape.indexOf(dim);
        if (at >= 0) return this.sizeOf(x, at);
      }
      return this.refuse();
    });
  }

  #push(
    op: string,
    operands: Readonly<Record<string, Operand>>,
    outputs: readonly Value[],
  ): readonly Value[] {
    this.nodes.push({ op, operands, outputs, origin: this.#context.origin });
    return outputs;
  }

  #freshName(op: string): string {
    const name = this.#context.freshName(`${this.#declared(0).name}.${op}`);
    this.names.push(name);
    return name;
  }

  #declared(output: number): Value {
    return this.#context.declared[output] ?? this.refuse();
  }

  #take(name: string, absent?: Operand): Operand {
    this.#taken.add(name);
    const operand = this.#context.args.get(name)?.operand ?? null;
    return operand ?? absent ?? this.refuse();
  }

  #list(name: string): readonly Operand[] {
    const operand = this.#take(name);
    return Array.isArray(operand) ? operand : this.refuse();
  }

  #asTensor(operand: Operand): Tensor {
    return tensorOf(operand) ? (operand as Tensor) : this.refuse();
  }

  #asNumber(operand: Operand): Operand {
    if (typeof operand === 'number') return operand;
    if (typeof operand === 'boolean') return Number(operand);
    return this.#isScalar(operand) ? operand : this.refuse();
  }

  #asInt(operand: Operand): Operand {
    if (typeof operand === 'number') return Number.isInteger(operand) ? operand : this.refuse();
    return this.#isScalar(operand) ? operand : this.refuse();
  }

  #isScalar(operand: Operand): boolean {
    if (typeof operand !== 'object' || operand === null || Array.isArray(operand)) return false;
    const { kind } = (operand as Value).type;
    return kind !== 'tensor' && kind !== 'opaque';
  }
}
