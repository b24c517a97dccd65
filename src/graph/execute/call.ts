/**
 * @file One operation, about to run on one rank: its operands by name, checked as they are taken, and what its outputs are meant to be.
 */
import { CrossoverError } from '../../errors.ts';
import type { Node } from '../ir/graph.ts';
import type { GraphDType } from '../ir/type.ts';
import { type Held, isTensor, type Result, type Tensor, tensorText } from './array.ts';
import { integerBits, type Precision } from './rounding.ts';

/** The type of an output once symbols are known. A dim is undefined when its symbol comes out of this very operation. */
export type Wanted =
  | { readonly dtype: GraphDType; readonly shape: readonly (number | undefined)[] }
  | { readonly scalar: 'int' | 'float' | 'bool' };

/** Computes an operation on one rank; one result for each output. */
export type Implementation = (call: Call) => Result | readonly Result[];

/** Computes a collective; one list of results for each of the ranks that meet, in their order. */
export type CollectiveImplementation = (calls: readonly Call[]) => (readonly Result[])[];

export class Call {
  readonly node: Node;
  readonly precision: Precision;
  readonly #operands: Readonly<Record<string, Held>>;
  readonly #wanted: readonly Wanted[];

  constructor(
    node: Node,
    operands: Readonly<Record<string, Held>>,
    wanted: readonly Wanted[],
    precision: Precision,
  ) {
    this.node = node;
    this.precision = precision;
    this.#operands = operands;
    this.#wanted = wanted;
  }

  /** The dtype that an output has; undefined for scalars and for outputs that are not there. */
  dtype(output = 0): GraphDType | undefined {
    const wanted = this.#wanted[output];
    return wanted && 'dtype' in wanted ? wanted.dtype : undefined;
  }

  /** The shape that an output has, where all of it is known. */
  shape(output = 0): readonly number[] | undefined {
    const wanted = this.#wanted[output];
    if (!wanted || !('dtype' in wanted)) return undefined;
    const known = wanted.shape.filter((dim) => dim !== undefined);
    return known.length === wanted.shape.length ? known : undefined;
  }

  /** Whether an output is a whole number: a tensor of them, or a scalar. */
  isInteger(output = 0): boolean {
    const wanted = this.#wanted[output];
    if (!wanted) return false;
    return 'dtype' in wanted ? integerBits(wanted.dtype) !== undefined : wanted.scalar === 'int';
  }

  has(name: string): boolean {
    const held = this.#operands[name];
    return held !== undefined && held !== null;
  }

  tensor(name: string): Tensor {
    const held = this.#operands[name];
    return isTensor(held) ? held : this.#refuse(name, 'a tensor');
  }

  tensorIf(name: string): Tensor | undefined {
    return this.has(name) ? this.tensor(name) : undefined;
  }

  tensors(name: string): readonly Tensor[] {
    return this.#list(name, 'a list of tensors').map((one) =>
      isTensor(one) ? one : this.#refuse(name, 'a list of tensors'),
    );
  }

  /** Tensors and nulls. */
  indices(name: string): readonly (Tensor | null)[] {
    return this.#list(name, 'a list of tensors and nulls').map((one) =>
      one === null || isTensor(one) ? one : this.#refuse(name, 'a list of tensors and nulls'),
    );
  }

  /** A tensor, or a number that is broadcast. */
  operand(name: string): Tensor | number {
    const held = this.#operands[name];
    return isTensor(held) ? held : this.number(name);
  }

  number(name: string, absent?: number): number {
    const held = this.#operands[name];
    if ((held === undefined || held === null) && absent !== undefined) return absent;
    return numberOf(held) ?? this.#refuse(name, 'a number');
  }

  numberIf(name: string): number | undefined {
    return this.has(name) ? this.number(name) : undefined;
  }

  int(name: string, absent?: number): number {
    const value = this.number(name, absent);
    return Number.isInteger(value) ? value : this.#refuse(name, 'a whole number');
  }

  ints(name: string): readonly number[] {
    return this.#list(name, 'a list of whole numbers').map((one) => {
      const value = numberOf(one);
      return value !== undefined && Number.isInteger(value)
        ? value
        : this.#refuse(name, 'a list of whole numbers');
    });
  }

  bool(name: string): boolean {
    return this.number(name, 0) !== 0;
  }

  text(name: string, absent: string): string {
    const held = this.#operands[name] ?? absent;
    return typeof held === 'string' ? held : this.#refuse(name, 'a text');
  }

  /** `x f32[2, 3], dim 1`, for messages. */
  describe(): string {
    return Object.entries(this.#operands)
      .filter(([, held]) => held !== null)
      .map(([name, held]) => `${name} ${heldText(held)}`)
      .join(', ');
  }

  #list(name: string, kind: string): readonly Held[] {
    const held = this.#operands[name];
    return isList(held) ? held : this.#refuse(name, kind);
  }

  #refuse(name: string, kind: string): never {
    const held = this.#operands[name];
    throw new CrossoverError(
      held === undefined || held === null
        ? `operand "${name}" is missing; it is ${kind}`
        : `operand "${name}" is ${heldText(held)}; it must be ${kind}`,
    );
  }
}

function isList(held: Held | undefined): held is readonly Held[] {
  return Array.isArray(held);
}

/** A number, a truth value, or what a tensor of one element holds. */
function numberOf(held: Held | undefined): number | undefined {
  if (typeof held === 'number') return held;
  if (typeof held === 'boolean') return Number(held);
  return isTensor(held) && held.values.length === 1 ? held.values[0] : undefined;
}

function heldText(held: Held): string {
  if (isTensor(held)) return tensorText(held);
  if (isList(held)) return `[${held.map(heldText).join(', ')}]`;
  return typeof held === 'string' ? JSON.stringify(held) : String(held);
}
