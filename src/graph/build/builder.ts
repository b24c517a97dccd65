/**
 * @file Graphs made by hand: every method adds a node and gives its value, whose type follows from the operands'. The operations are those of
 * ir/operations.ts, where their meaning is written.
 */
import { CrossoverError } from '../../errors.ts';
import type { Quantization, ReduceOp } from '../../operations.ts';
import { encodeArray } from '../../tensor/formats/array.ts';
import {
  type Graph,
  type GraphInput,
  isValue,
  type Node,
  type Operand,
  tensorOf,
  type Value,
} from '../ir/graph.ts';
import { broadcast } from '../ir/rules.ts';
import {
  type Dim,
  type GraphDType,
  type SymbolRange,
  type TensorType,
  tensorType,
  typeText,
  type ValueType,
} from '../ir/type.ts';
import { verify } from '../ir/verify.ts';
import { contiguousStrides, type Weight } from '../ir/weight.ts';
import {
  type BinaryOp,
  type NormOptions,
  normOperands,
  resultDType,
  type UnaryOp,
  type WeightDType,
} from './operands.ts';

export class GraphBuilder {
  readonly #name: string;
  readonly #inputs: GraphInput[] = [];
  readonly #nodes: Node[] = [];
  readonly #symbols = new Map<string, SymbolRange>();
  readonly #weights = new Map<string, Weight>();
  readonly #names = new Set<string>();
  readonly #scopes: string[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  /** A size that calls differ in. */
  symbol(name: string, range: SymbolRange = { min: 1, max: Number.POSITIVE_INFINITY }): Dim {
    this.#symbols.set(name, range);
    return name;
  }

  /** What the caller gives at every call. */
  input(name: string, dtype: GraphDType, shape: readonly Dim[]): Value {
    const value = this.#value(name, tensorType(dtype, shape));
    this.#inputs.push({ value });
    return value;
  }

  /** A whole number that the caller gives at every call. */
  scalar(name: string): Value {
    const value = this.#value(name, { kind: 'int' });
    this.#inputs.push({ value });
    return value;
  }

  /** A weight, with its values in row-major order, or without them in a graph that is only looked at. */
  weight(name: string, dtype: WeightDType, shape: readonly number[], values?: ArrayLike<number>): Value {
    const value = this.#value(name, tensorType(dtype, shape));
    this.#inputs.push({ value, weight: name });
    if (values) {
      const count = shape.reduce((product, dim) => product * dim, 1);
      if (values.length !== count)
        throw new CrossoverError(
          `weight ${name} has ${values.length} values, and its shape [${shape.join(', ')}] ${count}`,
        );
      const bytes = encodeArray(dtype, values);
      this.#weights.set(name, {
        dtype,
        shape,
        strides: contiguousStrides(shape),
        offset: 0,
        storage: () => bytes,
      });
    }
    return value;
  }

  /** Nodes made inside stand at this place of the model, for messages. */
  scope<T>(name: string, body: () => T): T {
    this.#scopes.push(name);
    try {
      return body();
    } finally {
      this.#scopes.pop();
    }
  }

  /** Of two tensors that broadcast, or of a tensor and a number. A tensor of several dtypes promotes as torch's do, floating over whole. */
  binary(op: BinaryOp, a: Value | number, b: Value | number): Value {
    const types = [a, b].map((one) => tensorOf(one)).filter((type) => type !== undefined);
    const shape = broadcast(types.map((type) => type.shape));
    if (types.length === 0 || !shape) throw this.#cannot(op, a, b);
    return this.#one(op, { a, b }, tensorType(resultDType(op, types), shape));
  }

  add(a: Value | number, b: Value | number): Value {
    return this.binary('add', a, b);
  }

  mul(a: Value | number, b: Value | number): Value {
    return this.binary('mul', a, b);
  }

  unary(op: UnaryOp, x: Value): Value {
    return this.#one(op, { x }, this.#typeOf(x));
  }

  cast(x: Value, dtype: GraphDType): Value {
    return this.#one('cast', { x }, tensorType(dtype, this.#typeOf(x).shape));
  }

  clamp(x: Value, min: number | null, max: number | null): Value {
    return this.#one('clamp', { x, min, max }, this.#typeOf(x));
  }

  /** Dims may be symbols where one of them at most is unknown. */
  reshape(x: Value, shape: readonly Dim[]): Value {
    const unknown = shape.filter((dim) => typeof dim === 'string').length;
    if (unknown > 1)
      throw new CrossoverError(`reshape to [${shape.join(', ')}]: one dim at most may be a symbol`);
    const given = shape.map((dim) => (typeof dim === 'string' ? -1 : dim));
    return this.#one('reshape', { x, shape: given }, tensorType(this.#typeOf(x).dtype, shape));
  }

  permute(x: Value, dims: readonly number[]): Value {
    const { dtype, shape } = this.#typeOf(x);
    return this.#one(
      'permute',
      { x, dims },
      tensorType(
        dtype,
        dims.map((dim) => shape[dim] ?? 0),
      ),
    );
  }

  /** Over dims that are given, all of them by default. */
  reduce(op: 'mean' | 'sum' | 'amax', x: Value, dims: readonly number[] = [], keepdim = false): Value {
    const { dtype, shape } = this.#typeOf(x);
    const gone = new Set(
      dims.length === 0 ? shape.keys() : dims.map((dim) => (dim < 0 ? dim + shape.length : dim)),
    );
    const left = shape.flatMap((dim, i) => (gone.has(i) ? (keepdim ? [1] : []) : [dim]));
    return this.#one(op, { x, dims, keepdim }, tensorType(dtype, left));
  }

  softmax(x: Value, dim = -1): Value {
    return this.#one('softmax', { x, dim }, this.#typeOf(x));
  }

  matmul(a: Value, b: Value): Value {
    const [x, y] = [this.#typeOf(a), this.#typeOf(b)];
    const batch = broadcast([x.shape.slice(0, -2), y.shape.slice(0, -2)]);
    if (x.shape.length < 2 || y.shape.length < 2 || !batch) throw this.#cannot('matmul', a, b);
    return this.#one('matmul', { a, b }, tensorType(x.dtype, [...batch, x.shape.at(-2)!, y.shape.at(-1)!]));
  }

  /** x @ weight^T + bias; weight is [out, in]. */
  linear(x: Value, weight: Value, bias: Value | null = null): Value {
    const { dtype, shape } = this.#typeOf(x);
    return this.#one(
      'linear',
      { x, weight, bias },
      tensorType(dtype, [...shape.slice(0, -1), this.#typeOf(weight).shape[0]!]),
    );
  }

  embedding(weight: Value, indices: Value): Value {
    const { dtype, shape } = this.#typeOf(weight);
    return this.#one(
      'embedding',
      { weight, indices },
      tensorType(dtype, [...this.#typeOf(indices).shape, shape.at(-1)!]),
    );
  }

  rmsNorm(x: Value, weight: Value | null, options: NormOptions = {}): Value {
    return this.#one('rms_norm', { x, ...normOperands(weight, options) }, this.#typeOf(x));
  }

  /** Of x + residual. */
  addRmsNorm(
    x: Value,
    residual: Value,
    weight: Value | null,
    options: NormOptions = {},
  ): { norm: Value; sum: Value } {
    const type = this.#typeOf(x);
    const operands = { x, residual, ...normOperands(weight, options) };
    const [norm, sum] = this.#node('add_rms_norm', operands, [type, type]);
    return { norm: norm!, sum: sum! };
  }

  /** Codes, and scales where there is one a token or a block; see QUANTIZATIONS. */
  quantize(
    x: Value,
    quantization: Exclude<Quantization, 'none'>,
    scale = 1,
  ): { codes: Value; scales?: Value } {
    const { shape } = this.#typeOf(x);
    const lead = shape.slice(0, -1);
    const last = Number(shape.at(-1));
    const types: Record<typeof quantization, TensorType[]> = {
      f8e4m3_static: [tensorType('f8e4m3', shape)],
      f8e4m3_token: [tensorType('f8e4m3', shape), tensorType('f32', [...lead, 1])],
      i8_token: [tensorType('i8', shape), tensorType('f32', [...lead, 1])],
      nvfp4: [tensorType('e2m1x2', [...lead, last / 2]), tensorType('f8e4m3', [...lead, last / 16])],
    };
    const hasScale = quantization === 'f8e4m3_static' || quantization === 'nvfp4';
    const op = { f8e4m3_static: 'static', f8e4m3_token: 'token', i8_token: 'token', nvfp4: 'nvfp4' }[
      quantization
    ];
    const [codes, scales] = this.#node(
      `quantize_${op}`,
      { x, ...(hasScale && { scale }) },
      types[quantization],
    );
    return { codes: codes!, ...(scales && { scales }) };
  }

  allReduce(x: Value, reduce: ReduceOp = 'sum', group = ''): Value {
    return this.#one('all_reduce', { x, reduce, group }, this.#typeOf(x));
  }

  /** Of `ranks` ranks' x along `dim`. */
  allGather(x: Value, ranks: number, dim = 0, group = ''): Value {
    return this.#one('all_gather', { x, dim, group }, this.#scaled(x, dim, ranks));
  }

  reduceScatter(x: Value, ranks: number, dim = 0, reduce: ReduceOp = 'sum', group = ''): Value {
    return this.#one('reduce_scatter', { x, dim, reduce, group }, this.#scaled(x, dim, 1 / ranks));
  }

  /** An operation that crossover does not know, or one of those without a method here. */
  node(op: string, operands: Readonly<Record<string, Operand>>, types: readonly ValueType[]): Value[] {
    return this.#node(op, operands, types);
  }

  /** The graph, verified. @throws CrossoverError that names the node that is wrong */
  build(outputs: readonly Value[]): Graph {
    const graph: Graph = {
      name: this.#name,
      inputs: this.#inputs,
      nodes: this.#nodes,
      outputs,
      symbols: this.#symbols,
      weights: this.#weights,
      notes: [],
    };
    verify(graph, 'building');
    return graph;
  }

  #one(op: string, operands: Readonly<Record<string, Operand>>, type: ValueType): Value {
    return this.#node(op, operands, [type])[0]!;
  }

  #node(op: string, operands: Readonly<Record<string, Operand>>, types: readonly ValueType[]): Value[] {
    const outputs = types.map((type) => this.#value(op.split('.').at(-1)!, type));
    this.#nodes.push({ op, operands, outputs, origin: this.#scopes.join('.') });
    return outputs;
  }

  /** Names are made unique by a number. */
  #value(name: string, type: ValueType): Value {
    let unique = name;
    for (let i = 1; this.#names.has(unique); i++) unique = `${name}_${i}`;
    this.#names.add(unique);
    return { name: unique, type };
  }

  #typeOf(x: Value): TensorType {
    if (x.type.kind === 'tensor') return x.type;
    throw new CrossoverError(`%${x.name} is ${typeText(x.type)}, where a tensor is needed`);
  }

  #scaled(x: Value, dim: number, by: number): TensorType {
    const { dtype, shape } = this.#typeOf(x);
    const size = (one: Dim): Dim => {
      if (typeof one === 'number') return one * by;
      return by >= 1 ? `${by}*${one}` : `${one}//${Math.round(1 / by)}`;
    };
    return tensorType(
      dtype,
      shape.map((one, i) => (i === (dim < 0 ? dim + shape.length : dim) ? size(one) : one)),
    );
  }

  #cannot(op: string, ...operands: readonly Operand[]): CrossoverError {
    const texts = operands.map((one) => (isValue(one) ? typeText(one.type) : String(one)));
    return new CrossoverError(`${op} of ${texts.join(' and ')} is not possible`);
  }
}
