/**
 * @file What one rank of an execution holds: its inputs, its weights, what its nodes have made so far, and its symbols.
 */
import { CrossoverError } from '../../errors.ts';
import { type Graph, type GraphInput, isValue, type Node, type Operand, type Value } from '../ir/graph.ts';
import type { TensorType } from '../ir/type.ts';
import { typeText } from '../ir/type.ts';
import { weightNamed } from '../ir/weight.ts';
import { type Held, isTensor, type Result, type Tensor, tensorText } from './array.ts';
import { Call, type Wanted } from './call.ts';
import { type InputValue, toTensor } from './inputs.ts';
import { type Precision, roundAll } from './rounding.ts';
import { Symbols } from './symbols.ts';
import { loadWeight } from './weights.ts';

/** Values of what a graph asks its caller for, by name of the input. */
export type RankInputs = Readonly<Record<string, InputValue>>;

/** Weights of the file, decoded once for all ranks, and dropped when none needs them any more. */
export class SharedWeights {
  readonly #graph: Graph;
  readonly #loaded = new Map<string, Tensor>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  load(name: string): Tensor {
    let tensor = this.#loaded.get(name);
    if (!tensor) {
      tensor = loadWeight(name, weightNamed(this.#graph.weights, name));
      this.#loaded.set(name, tensor);
    }
    return tensor;
  }

  drop(name: string): void {
    this.#loaded.delete(name);
  }
}

export class Rank {
  readonly #who: string;
  readonly #precision: Precision;
  readonly #symbols: Symbols;
  readonly #held = new Map<Value, Held>();
  readonly #weights: SharedWeights;
  readonly #own: ReadonlyMap<string, InputValue>;
  readonly #names = new Map<Value, string>();

  /**
   * @param who ` of rank 1`, or nothing where there is one rank only
   * @throws CrossoverError that names an input that is missing, unknown or does not fit
   */
  constructor(
    graph: Graph,
    given: RankInputs,
    weights: { readonly shared: SharedWeights; readonly own: ReadonlyMap<string, InputValue> },
    precision: Precision,
    who: string,
  ) {
    this.#who = who;
    this.#precision = precision;
    this.#symbols = new Symbols(graph.symbols);
    this.#weights = weights.shared;
    this.#own = weights.own;
    for (const { value, weight } of graph.inputs) if (weight !== undefined) this.#names.set(value, weight);
    this.#checkNames(graph, given);
    this.#take(
      graph.inputs.filter(({ weight }) => weight === undefined),
      given,
    );
  }

  /** What an operand of a node, or an output of the graph, is now. */
  resolve(operand: Operand): Held {
    if (Array.isArray(operand)) return operand.map((one: Operand) => this.resolve(one));
    return isValue(operand) ? this.#get(operand) : (operand as Held);
  }

  call(node: Node): Call {
    const operands = Object.entries(node.operands).map(([name, operand]) => [name, this.resolve(operand)]);
    const wanted = node.outputs.map((value) => this.#wanted(value));
    return new Call(node, Object.fromEntries(operands), wanted, this.#precision);
  }

  /** Keeps what a node made, rounded to what the graph says it is. @throws CrossoverError when it is something else */
  keep(node: Node, results: readonly Result[]): void {
    if (results.length !== node.outputs.length)
      throw new CrossoverError(`there are ${results.length} results for ${node.outputs.length} outputs`);
    for (const [i, value] of node.outputs.entries()) this.#held.set(value, this.#finish(value, results[i]!));
  }

  drop(values: readonly Value[]): void {
    for (const value of values) {
      this.#held.delete(value);
      const name = this.#names.get(value);
      if (name !== undefined) this.#weights.drop(name);
    }
  }

  #checkNames(graph: Graph, given: RankInputs): void {
    const known = graph.inputs.filter(({ weight }) => weight === undefined).map(({ value }) => value.name);
    for (const name of Object.keys(given)) {
      if (!known.includes(name))
        throw new CrossoverError(
          `there is no input "${name}"${this.#who}; ${known.length === 0 ? 'the graph asks for none' : `use ${known.join(', ')}`}`,
        );
    }
    const names = new Set(this.#names.values());
    for (const name of this.#own.keys()) {
      if (!names.has(name))
        throw new CrossoverError(`the graph reads no weight "${name}", which is given${this.#who}`);
    }
  }

  #take(inputs: readonly GraphInput[], given: RankInputs): void {
    const sizes: { dim: TensorType['shape'][number]; size: number; who: string }[] = [];
    for (const { value } of inputs) {
      const who = `input "${value.name}"${this.#who}`;
      const one = Object.hasOwn(given, value.name) ? given[value.name] : undefined;
      // What is no tensor and no number, only an unknown operation could read.
      if (one === undefined && value.type.kind === 'opaque') continue;
      if (one === undefined) throw new CrossoverError(`${who} is missing; give ${typeText(value.type)}`);
      if (value.type.kind === 'tensor') {
        const tensor = toTensor(one, value.type, who, this.#precision);
        for (const [i, dim] of value.type.shape.entries())
          sizes.push({ dim, size: tensor.shape[i]!, who: `dim ${i} of ${who}` });
        this.#held.set(value, tensor);
      } else this.#held.set(value, scalarOf(value, one, who));
    }
    this.#symbols.bindAll(sizes);
  }

  #get(value: Value): Held {
    const held = this.#held.get(value);
    if (held !== undefined) return held;
    const name = this.#names.get(value);
    if (name === undefined || value.type.kind !== 'tensor')
      throw new CrossoverError(`%${value.name}${this.#who} is ${typeText(value.type)}, and has no value`);
    const tensor = this.#weight(name, value.type);
    this.#held.set(value, tensor);
    return tensor;
  }

  #weight(name: string, type: TensorType): Tensor {
    const own = this.#own.get(name);
    const who = `weight "${name}"${this.#who}`;
    const tensor = own === undefined ? this.#weights.load(name) : toTensor(own, type, who, this.#precision);
    const fits =
      tensor.dtype === type.dtype &&
      tensor.shape.length === type.shape.length &&
      type.shape.every((dim, i) => (this.#symbols.size(dim) ?? tensor.shape[i]) === tensor.shape[i]);
    if (fits) return tensor;
    throw new CrossoverError(`${who} is ${tensorText(tensor)}; it must be ${typeText(type)}`);
  }

  #wanted({ name, type }: Value): Wanted {
    if (type.kind === 'tensor')
      return { dtype: type.dtype, shape: type.shape.map((dim) => this.#symbols.size(dim)) };
    if (type.kind === 'opaque')
      throw new CrossoverError(`output %${name} is opaque; the reference executor makes tensors and numbers`);
    return { scalar: type.kind };
  }

  #finish(value: Value, result: Result): Held {
    const { name, type } = value;
    if (type.kind !== 'tensor') return toScalar(value, result);
    if (typeof result !== 'object')
      return this.#finish(value, { shape: [], values: Float64Array.of(Number(result)) });
    const { dtype, shape, values } = result;
    if (dtype !== undefined && dtype !== type.dtype)
      throw new CrossoverError(
        `the result is ${tensorText({ dtype, shape })}; %${name} is ${typeText(type)}`,
      );
    if (dtype === undefined) roundAll(values, type.dtype, this.#precision);
    if (shape.length !== type.shape.length)
      throw new CrossoverError(`the result is [${shape.join(', ')}]; %${name} is ${typeText(type)}`);
    this.#symbols.bindAll(
      type.shape.map((dim, i) => ({
        dim,
        size: shape[i]!,
        who: `dim ${i} of the result %${name}${this.#who}`,
      })),
    );
    return { dtype: type.dtype, shape, values };
  }
}

function scalarOf(value: Value, given: InputValue, who: string): Held {
  if (typeof given === 'number' || typeof given === 'boolean') return toScalar(value, given);
  throw new CrossoverError(`${who} is ${typeText(value.type)}; give a number`);
}

function toScalar({ name, type }: Value, result: Result): Held {
  const number = typeof result === 'object' ? result.values[0] : Number(result);
  const isOne = typeof result !== 'object' || result.values.length === 1;
  if (!isOne || number === undefined || type.kind === 'tensor' || type.kind === 'opaque')
    throw new CrossoverError(`the result is no ${type.kind}, which %${name} is`);
  if (type.kind === 'bool') return number !== 0;
  if (type.kind === 'float' || Number.isInteger(number)) return number;
  throw new CrossoverError(`the result is ${number}; %${name} is an int`);
}

/** A copy that the caller may change: what is in the executor's hands may be shared, between values and between ranks. */
export function copied(held: Held): Held {
  if (isTensor(held)) return { ...held, shape: [...held.shape], values: held.values.slice() };
  return Array.isArray(held) ? held.map((one: Held) => copied(one)) : held;
}
