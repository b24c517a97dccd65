/**
 * @file A graph while it is made: what each name of the file stands for, and the nodes so far.
 */
import { CrossoverError } from '../../../errors.ts';
import { symbolsOfDim } from '../../ir/dim.ts';
import type { GraphInput, Node, Operand, Value } from '../../ir/graph.ts';
import { isFloating, type SymbolRange, type TensorType, type ValueType } from '../../ir/type.ts';
import type { Weight } from '../../ir/weight.ts';
import { type Element, type Known, knownWeight, readKnown, type Size } from './known.ts';
import { type OnnxTensor, type OnnxValue, quoted } from './messages.ts';
import { DimNames, type Inferred } from './shapes.ts';
import { type Content, contentOf, type Source, typeOf } from './tensor.ts';

/** What the file says of a value's type, as far as it says it. */
export type Declared = Pick<TensorType, 'dtype'> & { readonly shape: Inferred };

export interface Binding {
  value?: Value;
  /** Read when it is first asked for; null for what is not known. */
  known?: Known | null;
  readonly weight?: Weight;
  /** Of the weight: opaque where its bytes are no elements that graphs here have. */
  readonly type?: ValueType;
}

/** What has to go when a node turns out not to be translated. */
interface Mark {
  readonly nodes: number;
  readonly names: string[];
  readonly sizes: string[];
  readonly bound: string[];
}

export class Translation {
  readonly nodes: Node[] = [];
  readonly weights: Map<string, Weight> = new Map<string, Weight>();
  readonly dims: DimNames;
  readonly source: Source;
  readonly path: string;
  /** Nodes that only compute shapes: they go when nothing reads them any more. */
  readonly prunable: Set<Node> = new Set<Node>();
  readonly #bindings = new Map<string, Binding>();
  readonly #declared: ReadonlyMap<string, OnnxValue>;
  readonly #inputs: GraphInput[] = [];
  readonly #names = new Set<string>();
  readonly #sizes = new Map<string, Value>();
  #mark: Mark = { nodes: 0, names: [], sizes: [], bound: [] };

  constructor(path: string, source: Source, declared: ReadonlyMap<string, OnnxValue>) {
    this.path = path;
    this.source = source;
    this.#declared = declared;
    const parameters = [...declared.values()].flatMap(({ shape = [] }) => shape);
    this.dims = new DimNames(parameters.filter((dim) => typeof dim === 'string'));
  }

  error(place: string, problem: string): CrossoverError {
    return new CrossoverError(`${this.path}: ${place}: ${problem}`);
  }

  // ---------- names and types ----------

  /** A value whose name no other one has. */
  make(name: string, type: ValueType): Value {
    let unique = name;
    for (let i = 1; this.#names.has(unique); i++) unique = `${name}.${i}`;
    this.#names.add(unique);
    this.#mark.names.push(unique);
    return { name: unique, type };
  }

  /** The file's word on a type; undefined where it names none that graphs here have. */
  declared(name: string): Declared | undefined {
    const info = this.#declared.get(name);
    if (info?.type === undefined || !info.shape) return undefined;
    const dims = info.shape.map((dim) => (typeof dim === 'string' ? this.dims.dim(dim) : dim));
    // The last dim of 4-bit floats is halved; what is not known stands for any even number.
    const type = typeOf(
      info.type,
      dims.map((dim) => dim ?? 0),
    );
    if (type.kind !== 'tensor') return undefined;
    return { dtype: type.dtype, shape: type.shape.map((dim, i) => (dims[i] === null ? undefined : dim)) };
  }

  /** The type that the file gives a value, with a new symbol for every dim that it leaves open. */
  declaredType(name: string): ValueType {
    const declared = this.declared(name);
    if (!declared) return { kind: 'opaque' };
    const shape = declared.shape.map((dim, i) => dim ?? this.dims.fresh(`${name}_${i}`));
    return { kind: 'tensor', dtype: declared.dtype, shape };
  }

  // ---------- bindings ----------

  input(name: string, place: string): void {
    const value = this.make(name, this.declaredType(name));
    this.bind(name, { value }, place);
    this.#inputs.push({ value });
  }

  /** @throws CrossoverError when the tensor's dims and bytes disagree */
  initializer(name: string, tensor: OnnxTensor, place: string): void {
    const content = contentOf(tensor, this.source, `${this.path}: ${place}`);
    this.content(name, content, place);
  }

  /** A tensor of the file. Texts have no weight: a node carries them. */
  content(name: string, { type, weight, texts }: Content, place: string): void {
    if (!weight) {
      const value = this.make(name, type);
      this.bind(name, { value }, place);
      this.nodes.push({
        op: 'onnx.ai.onnx.Constant',
        operands: { value: texts },
        outputs: [value],
        origin: '',
      });
      return;
    }
    this.weights.set(name, weight);
    this.bind(name, { weight, type }, place);
  }

  bind(name: string, binding: Binding, place: string): void {
    if (this.#bindings.has(name)) {
      throw this.error(place, `${quoted(name)} is made a second time; expected each name to be made once`);
    }
    this.#bindings.set(name, binding);
    this.#mark.bound.push(name);
  }

  /** Another name for what a name stands for, known or made or not yet. */
  alias(name: string, of: string, place: string): void {
    this.bind(name, this.#binding(of, place), place);
  }

  has(name: string): boolean {
    return this.#bindings.has(name);
  }

  /** The value of a name. What is known becomes a weight, when it is read as a tensor. */
  value(name: string, place: string): Value {
    const binding = this.#binding(name, place);
    if (binding.value) return binding.value;
    const weight = binding.weight ?? (binding.known ? knownWeight(binding.known) : undefined);
    if (!weight) throw this.error(place, `${quoted(name)} has no value`);
    this.weights.set(name, weight);
    const { dtype, shape } = weight;
    binding.value = this.#weightValue(name, binding.type ?? { kind: 'tensor', dtype, shape });
    return binding.value;
  }

  #weightValue(name: string, type: ValueType): Value {
    const value = this.make(name, type);
    // A weight outlives the node that first read it.
    this.#mark.names.pop();
    this.#inputs.push({ value, weight: name });
    return value;
  }

  isWeight(name: string): boolean {
    return this.#bindings.get(name)?.weight !== undefined;
  }

  known(name: string, place: string): Known | undefined {
    const binding = this.#binding(name, place);
    if (binding.known === undefined) binding.known = numbersOf(binding) ?? null;
    return binding.known ?? undefined;
  }

  setKnown(name: string, known: Known): void {
    const binding = this.#bindings.get(name);
    if (binding) binding.known = known;
  }

  #binding(name: string, place: string): Binding {
    const binding = this.#bindings.get(name);
    if (binding) return binding;
    throw this.error(
      place,
      `it reads ${quoted(name)}, which no input, initializer or node before it makes; expected nodes in an order in which they can run`,
    );
  }

  // ---------- sizes ----------

  /** A known number or size as an operand: sizes come from a node that is made once. */
  element(element: Element): Operand {
    return typeof element === 'number' ? element : this.size(element);
  }

  size({ dim, of, axis }: Size): Operand {
    if (typeof dim === 'number') return dim;
    const key = `${axis} of ${of.name}`;
    const made = this.#sizes.get(key);
    if (made) return made;
    const value = this.make(`${of.name}.size${axis}`, { kind: 'int' });
    const node: Node = { op: 'size', operands: { x: of, dim: axis }, outputs: [value], origin: '' };
    this.nodes.push(node);
    this.prunable.add(node);
    this.#sizes.set(key, value);
    this.#mark.sizes.push(key);
    return value;
  }

  // ---------- taking back ----------

  mark(): void {
    this.#mark = { nodes: this.nodes.length, names: [], sizes: [], bound: [] };
  }

  takeBack(): void {
    const { nodes, names, sizes, bound } = this.#mark;
    this.nodes.length = nodes;
    for (const name of names) this.#names.delete(name);
    for (const key of sizes) this.#sizes.delete(key);
    for (const name of bound) this.#bindings.delete(name);
    this.mark();
  }

  // ---------- the end ----------

  /** Nodes that are read or have a meaning of their own, and inputs: the caller's, and the weights that are still read. */
  finish(outputs: readonly Value[]): {
    nodes: Node[];
    inputs: GraphInput[];
    symbols: Map<string, SymbolRange>;
  } {
    const read = new Set<Value>(outputs);
    const nodes: Node[] = [];
    for (const node of this.nodes.reverse()) {
      if (this.prunable.has(node) && !node.outputs.some((value) => read.has(value))) continue;
      nodes.push(node);
      for (const operand of Object.values(node.operands)) collect(operand, read);
    }
    nodes.reverse();
    const inputs = [
      ...this.#inputs.filter(({ weight }) => weight === undefined),
      ...this.#inputs.filter(({ value, weight }) => weight !== undefined && read.has(value)),
    ];
    const symbols = new Map<string, SymbolRange>();
    for (const { type } of [...inputs.map(({ value }) => value), ...nodes.flatMap((node) => node.outputs)]) {
      if (type.kind !== 'tensor') continue;
      for (const dim of type.shape) {
        for (const symbol of symbolsOfDim(dim))
          symbols.set(symbol, { min: 0, max: Number.POSITIVE_INFINITY });
      }
    }
    return { nodes, inputs, symbols };
  }
}

/** Shapes are whole numbers; of others, only a single one is of interest, and rows of weights stay where they are. */
function numbersOf({ weight, type }: Binding): Known | undefined {
  if (!weight || type?.kind === 'opaque') return undefined;
  return isFloating(weight.dtype) && weight.shape.some((dim) => dim !== 1) ? undefined : readKnown(weight);
}

function collect(operand: Operand, into: Set<Value>): void {
  if (Array.isArray(operand)) for (const one of operand) collect(one, into);
  else if (typeof operand === 'object' && operand !== null && 'type' in operand) into.add(operand);
}
