/**
 * @file The types of a graph's values, by the names that the file gives them.
 */
import type { GraphDType, ValueType } from '../../ir/type.ts';
import type { Reference } from './argument.ts';
import { dtypeOf } from './codes.ts';
import type { Json } from './json.ts';
import type { Symbols } from './symbols.ts';

const SCALARS = [
  ['sym_int_values', 'int'],
  ['sym_float_values', 'float'],
  ['sym_bool_values', 'bool'],
  ['custom_obj_values', 'opaque'],
] as const;

export class Types {
  readonly #tensors: ReadonlyMap<string, Json>;
  readonly #scalars = new Map<string, ValueType>();
  readonly #symbols: Symbols;
  readonly #unknown = new Set<number>();

  /** @param graph a graph of the file, with `tensor_values` and its like */
  constructor(graph: Json, symbols: Symbols) {
    this.#tensors = new Map(graph.field('tensor_values').fields());
    for (const [field, kind] of SCALARS) {
      for (const [name] of graph.maybe(field)?.fields() ?? []) this.#scalars.set(name, { kind });
    }
    this.#symbols = symbols;
  }

  /** @param isTensor whether it has to be in `tensor_values` @throws CrossoverError that names the place of the reference, or of the type */
  of({ reference, json }: Reference, isTensor: boolean): ValueType {
    const meta = this.#tensors.get(reference);
    if (meta) return this.#tensor(meta);
    const scalar = this.#scalars.get(reference);
    if (scalar && !isTensor) return scalar;
    return isTensor
      ? json.fail(`names "${reference}", which tensor_values does not have`)
      : { kind: 'opaque' };
  }

  #tensor(meta: Json): ValueType {
    const code = meta.field('dtype').int();
    const shape = meta
      .field('sizes')
      .list()
      .map((size) => this.#symbols.dim(size));
    const dtype = dtypeOf(code);
    if (!dtype) this.#noteDType(code);
    return dtype ? { kind: 'tensor', dtype, shape } : { kind: 'opaque' };
  }

  #noteDType(code: number): void {
    if (this.#unknown.has(code)) return;
    this.#unknown.add(code);
    this.#symbols.notes.push(
      `Tensors of dtype ${code} are carried through: it is no number of torch's that is known here.`,
    );
  }
}

/** Reads the type of what a file holds, whose sizes have to be numbers. */
export function storedType(meta: Json): {
  dtype: GraphDType;
  shape: number[];
  strides: number[];
  offset: number;
} {
  const code = meta.field('dtype');
  const numbers = (name: string): number[] =>
    meta
      .field(name)
      .list()
      .map((one) => one.field('as_int').size());
  const dtype = dtypeOf(code.int()) ?? code.refuse("one of torch's dtypes up to 32");
  const shape = numbers('sizes');
  const strides = numbers('strides');
  if (shape.length !== strides.length) meta.fail(`has ${shape.length} sizes and ${strides.length} strides`);
  return { dtype, shape, strides, offset: meta.field('storage_offset').field('as_int').size() };
}
