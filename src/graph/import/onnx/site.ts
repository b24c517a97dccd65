/**
 * @file One node of the file as a row of the table sees it. Whatever a row asks for in vain, and whatever of the node it has not asked for in the end,
 * is a use that it does not understand: the node is then carried through as it came.
 */
import type { Operand, Value } from '../../ir/graph.ts';
import type { Dim, GraphDType, TensorType } from '../../ir/type.ts';
import type { Weight } from '../../ir/weight.ts';
import type { Element, Known } from './known.ts';
import {
  type AttributeKind,
  type AttributeValues,
  type OnnxNode,
  type OnnxTensor,
  quoted,
} from './messages.ts';
import { type Inferred, NotUnderstood } from './shapes.ts';
import { contentOf } from './tensor.ts';
import type { Declared, Translation } from './translation.ts';

/** A tensor operand. */
export interface Tensor {
  readonly value: Value;
  readonly type: TensorType;
}

export class Site {
  readonly node: OnnxNode;
  /** Of the node's domain. */
  readonly opset: number;
  readonly place: string;
  readonly origin: string;
  readonly #translation: Translation;
  /** Names that something reads. */
  readonly #read: ReadonlySet<string>;
  readonly #asked = new Set<string>();
  readonly #given = new Set<string>();

  constructor(
    node: OnnxNode,
    opset: number,
    place: string,
    translation: Translation,
    read: ReadonlySet<string>,
  ) {
    this.node = node;
    this.opset = opset;
    this.place = place;
    this.origin = node.name.replace(/^\/+/, '').replaceAll('/', '.');
    this.#translation = translation;
    this.#read = read;
  }

  // ---------- inputs ----------

  /** Inputs that are there: those behind the last one with a name are not. */
  get count(): number {
    let count = this.node.inputs.length;
    while (count > 0 && this.node.inputs[count - 1] === '') count--;
    return count;
  }

  has(index: number): boolean {
    return (this.node.inputs[index] ?? '') !== '';
  }

  tensor(index: number): Tensor {
    const value = this.#translation.value(this.#name(index), this.place);
    const { type } = value;
    if (type.kind === 'tensor') return { value, type };
    throw new NotUnderstood(`the type of input ${quoted(value.name)} is not known`);
  }

  optional(index: number): Tensor | undefined {
    return this.has(index) ? this.tensor(index) : undefined;
  }

  /** Whether the file holds it. */
  isWeight(index: number): boolean {
    return this.#translation.isWeight(this.#name(index));
  }

  known(index: number): Known | undefined {
    return this.has(index) ? this.#translation.known(this.#name(index), this.place) : undefined;
  }

  /** What is known of a list: whole numbers, and sizes of tensors. */
  elements(index: number, what: string): readonly Element[] {
    const known = this.known(index);
    const isWhole = known?.elements.every((one) => typeof one !== 'number' || Number.isInteger(one));
    if (known && known.shape.length <= 1 && isWhole) return known.elements;
    throw new NotUnderstood(`${what} are computed while the model runs`);
  }

  ints(index: number, what: string): readonly number[] {
    const elements = this.elements(index, what);
    const numbers = elements.filter((element) => typeof element === 'number');
    if (numbers.length === elements.length) return numbers;
    throw new NotUnderstood(`${what} are not numbers that the file holds`);
  }

  /** The number of an input with one element, if the file holds it. */
  scalar(index: number): number | undefined {
    const known = this.known(index);
    const [element] = known?.elements ?? [];
    return known?.elements.length === 1 && typeof element === 'number' ? element : undefined;
  }

  #name(index: number): string {
    const name = this.node.inputs[index] ?? '';
    if (name === '') throw new NotUnderstood(`input ${index} is left out`);
    this.#asked.add(`input ${index}`);
    return name;
  }

  // ---------- attributes ----------

  #attribute<K extends AttributeKind>(name: string, kind: K): AttributeValues[K] | undefined {
    const attribute = this.node.attributes.get(name);
    this.#asked.add(`attribute ${name}`);
    if (attribute === undefined) return undefined;
    if (attribute.kind === kind) return attribute.value as AttributeValues[K];
    throw new NotUnderstood(`attribute "${name}" is a ${attribute.kind}, and must be a ${kind}`);
  }

  tensorAttribute(name: string): OnnxTensor | undefined {
    return this.#attribute(name, 'tensor');
  }

  number<D extends number | undefined>(name: string, absent: D): number | D {
    return this.#attribute(name, 'number') ?? absent;
  }

  numbers(name: string): readonly number[] | undefined {
    return this.#attribute(name, 'numbers');
  }

  text(name: string, absent: string): string {
    return this.#attribute(name, 'text') ?? absent;
  }

  flag(name: string, absent: boolean): boolean {
    return this.number(name, Number(absent)) !== 0;
  }

  /** An attribute that only has its default here. */
  must(name: string, value: number): void {
    const found = this.number(name, value);
    if (found !== value)
      throw new NotUnderstood(`attribute "${name}" is ${found}; only ${value} is translated`);
  }

  /** An attribute that changes nothing here. */
  ignore(...names: string[]): void {
    for (const name of names) this.#asked.add(`attribute ${name}`);
  }

  /** An input that changes nothing here. */
  ignoreInput(index: number): void {
    this.#asked.add(`input ${index}`);
  }

  // ---------- outputs ----------

  /** Whether something reads an output. */
  wants(index: number): boolean {
    const name = this.node.outputs[index] ?? '';
    return name !== '' && this.#read.has(name);
  }

  declared(index: number): Declared | undefined {
    return this.#translation.declared(this.node.outputs[index] ?? '');
  }

  /** A node for one output. */
  give(
    index: number,
    op: string,
    operands: Readonly<Record<string, Operand>>,
    dtype: GraphDType,
    shape: Inferred,
  ): void {
    const type = { kind: 'tensor', dtype, shape: this.settle(index, shape) } as const;
    this.#bind(index, this.#translation.make(this.node.outputs[index] || `${op}_out`, type), op, operands);
  }

  /** A node with several outputs; each is an output of the file's node, or -1 for one that it does not have. */
  giveAll(
    indices: readonly number[],
    op: string,
    operands: Readonly<Record<string, Operand>>,
    type: TensorType,
  ): void {
    const first = this.node.outputs.find((name) => name !== '') ?? op;
    const values = indices.map((index, i) => {
      const value = this.#translation.make(this.node.outputs[index] || `${first}.${i}`, type);
      if (this.node.outputs[index]) this.#own(index, value);
      return value;
    });
    this.#translation.nodes.push({ op, operands, outputs: values, origin: this.origin });
  }

  /** A node between, for no output of the file's. */
  between(
    op: string,
    operands: Readonly<Record<string, Operand>>,
    dtype: GraphDType,
    shape: readonly Dim[],
  ): Tensor {
    const type = { kind: 'tensor', dtype, shape } as const;
    const name = this.node.outputs.find((output) => output !== '') ?? op;
    const value = this.#translation.make(`${name}.${op}`, type);
    this.#translation.nodes.push({ op, operands, outputs: [value], origin: this.origin });
    return { value, type };
  }

  /** The output is the input, under another name. */
  same(index: number, input: number): void {
    const name = this.node.outputs[index] ?? '';
    this.#given.add(name);
    if (name !== '') this.#translation.alias(name, this.#name(input), this.place);
  }

  /** A tensor that the node holds; undefined for one of texts. */
  read(tensor: OnnxTensor): Weight | undefined {
    const { source, path } = this.#translation;
    return contentOf(tensor, source, `${path}: ${this.place}`).weight;
  }

  /** The output is a tensor that the node holds. */
  content(index: number, tensor: OnnxTensor): void {
    const name = this.node.outputs[index] ?? '';
    this.#given.add(name);
    if (name === '') return;
    const { source, path } = this.#translation;
    this.#translation.content(name, contentOf(tensor, source, `${path}: ${this.place}`), this.place);
  }

  /** The output is known; it is made when something reads it as a tensor. */
  know(index: number, known: Known): void {
    const name = this.node.outputs[index] ?? '';
    this.#given.add(name);
    if (name !== '') this.#translation.bind(name, { known }, this.place);
  }

  /** Dims that do not follow are as the file says. */
  settle(index: number, shape: Inferred): readonly Dim[] {
    const declared = this.declared(index)?.shape;
    const said = declared?.length === shape.length ? declared : undefined;
    return shape.map((dim, i) => {
      const settled = dim ?? said?.[i];
      if (typeof settled === 'number' && !(Number.isSafeInteger(settled) && settled >= 0)) {
        throw new NotUnderstood(`dim ${i} of output ${index} would be ${settled}`);
      }
      if (settled !== undefined) return settled;
      throw new NotUnderstood(`dim ${i} of output ${index} is not known`);
    });
  }

  size(element: Element): Operand {
    return this.#translation.element(element);
  }

  /** Says that an output is given elsewhere. */
  claim(index: number): void {
    this.#given.add(this.node.outputs[index] ?? '');
  }

  #bind(index: number, value: Value, op: string, operands: Readonly<Record<string, Operand>>): void {
    this.#own(index, value);
    this.#translation.nodes.push({ op, operands, outputs: [value], origin: this.origin });
  }

  #own(index: number, value: Value): void {
    const name = this.node.outputs[index] ?? '';
    this.#given.add(name);
    if (name !== '') this.#translation.bind(name, { value }, this.place);
  }

  /** @throws NotUnderstood for what the row has not looked at */
  finish(): void {
    for (const index of this.node.inputs.keys()) {
      if (this.has(index) && !this.#asked.has(`input ${index}`)) {
        throw new NotUnderstood(`it has an input ${index}, ${quoted(this.node.inputs[index]!)}`);
      }
    }
    for (const name of this.node.attributes.keys()) {
      if (!this.#asked.has(`attribute ${name}`))
        throw new NotUnderstood(`it has an attribute ${quoted(name)}`);
    }
    for (const name of this.node.outputs) {
      if (name !== '' && this.#read.has(name) && !this.#given.has(name)) {
        throw new NotUnderstood(`its output ${quoted(name)} is read`);
      }
    }
  }
}
