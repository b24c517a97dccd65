/**
 * @file One node that is about to be enqueued, in the terms of an engine: addresses of its operands and results, and their sizes.
 */

import type { Choice } from '../../collective/algorithm.ts';
import type { Communicator } from '../../collective/communicator.ts';
import { CrossoverError } from '../../errors.ts';
import { Tensor } from '../../memory/tensor.ts';
import type { Operation } from '../../operations.ts';
import { DTYPES, type DType } from '../../tensor/dtype.ts';
import { isValue, type Node, type Value } from '../ir/graph.ts';
import type { TensorType } from '../ir/type.ts';

/** What nodes of one step have in common. */
export interface SiteContext {
  readonly comm: Communicator;
  /** Whether many neighbouring tokens are of one sequence. */
  readonly prompt: boolean;
  /** Elements along the first dim of every rank's part, where a gathered dim is split unequally. */
  readonly parts: readonly number[] | undefined;
  /** The most places that a sequence has. */
  readonly places: number;
  address(value: Value): number;
  shape(value: Value): readonly number[];
  /** Memory that a kernel may use until it ends. */
  scratch(bytes: number): number;
  /** Which algorithm serves a collective; undefined for what the communicator's plan says. */
  choose(
    operation: Operation,
    bytes: number,
    dtype: DType,
    hidden: number | undefined,
    node: Node,
    registered: boolean,
  ): Choice | undefined;
}

export class Site {
  readonly node: Node;
  readonly #context: SiteContext;

  constructor(node: Node, context: SiteContext) {
    this.node = node;
    this.#context = context;
  }

  get comm(): Communicator {
    return this.#context.comm;
  }

  get prompt(): boolean {
    return this.#context.prompt;
  }

  get parts(): readonly number[] | undefined {
    return this.#context.parts;
  }

  get places(): number {
    return this.#context.places;
  }

  has(name: string): boolean {
    return isValue(this.node.operands[name]);
  }

  /** Address of an operand; 0 for one that is absent. @throws CrossoverError for a number */
  at(name: string): number {
    const operand = this.node.operands[name];
    if (operand === undefined || operand === null) return 0;
    return this.#context.address(this.value(name));
  }

  /** Address of an output. */
  out(index = 0): number {
    return this.#context.address(this.node.outputs[index]!);
  }

  shape(name: string): readonly number[] {
    return this.#context.shape(this.value(name));
  }

  /** Elements along the last dim of an operand. */
  last(name: string): number {
    return this.shape(name).at(-1) ?? 1;
  }

  /** Elements of all dims but the last. */
  lead(name: string): number {
    return product(this.shape(name).slice(0, -1));
  }

  number(name: string, absent?: number): number {
    const operand = this.node.operands[name] ?? absent;
    if (typeof operand === 'number') return operand;
    if (typeof operand === 'boolean') return operand ? 1 : 0;
    throw this.refuse(
      `${name} is ${isValue(operand) ? `the tensor ${operand.name}` : String(operand)}; it must be a number here`,
    );
  }

  text(name: string): string {
    const operand = this.node.operands[name];
    return typeof operand === 'string' ? operand : '';
  }

  value(name: string): Value {
    const operand = this.node.operands[name];
    if (isValue(operand)) return operand;
    throw this.refuse(`${name} is ${String(operand)}; it must be a tensor here`);
  }

  /** Refuses an operand, or with a number an output, of another dtype. */
  expect(which: string | number, ...dtypes: readonly TensorType['dtype'][]): void {
    const value = typeof which === 'number' ? this.node.outputs[which]! : this.value(which);
    const dtype = value.type.kind === 'tensor' ? value.type.dtype : value.type.kind;
    if (!(dtypes as readonly string[]).includes(dtype))
      throw this.refuse(`${value.name} is ${dtype}; engines compute it in ${dtypes.join(' or ')}`);
  }

  /** As collectives take it. */
  tensor(name: string): Tensor {
    return this.#tensor(this.value(name));
  }

  outTensor(index = 0): Tensor {
    return this.#tensor(this.node.outputs[index]!);
  }

  scratch(bytes: number): number {
    return bytes === 0 ? 0 : this.#context.scratch(bytes);
  }

  choose(
    operation: Operation,
    x: Tensor,
    bytes: number = x.bytes,
    hidden?: number,
  ): { algorithm: Choice | undefined } {
    return { algorithm: this.#context.choose(operation, bytes, x.dtype, hidden, this.node, !x.external) };
  }

  refuse(what: string): CrossoverError {
    const where = this.node.origin ? ` at ${this.node.origin}` : '';
    return new CrossoverError(`${this.node.op}${where} cannot run on an engine: ${what}`);
  }

  #tensor(value: Value): Tensor {
    const { comm, address, shape } = this.#context;
    const dtype = value.type.kind === 'tensor' ? value.type.dtype : '';
    if (!isEngineDType(dtype))
      throw this.refuse(
        `${value.name} is ${dtype || 'no tensor'}; collectives and norms take ${DTYPES.join(', ')}`,
      );
    return new Tensor(comm.engine, comm.heap, dtype, shape(value), address(value));
  }
}

export function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}

function isEngineDType(dtype: string): dtype is DType {
  return (DTYPES as readonly string[]).includes(dtype);
}

/** Enqueues a node, or records it while the engine captures. */
export type Lower = (site: Site) => void;
