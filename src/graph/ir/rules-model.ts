/**
 * @file Type rules of the operations of models: whether dtypes and dims are as model-shapes.ts has them. The executor asks here for the sizes of what
 * it is given.
 */
import { evaluateDim, symbolsOfDim } from './dim.ts';
import { type Node, tensorOf } from './graph.ts';
import { MODEL_SHAPES, type ModelRule, type Shape } from './model-shapes.ts';
import { type Dim, isFloating, type TensorType, tensorType, typeText } from './type.ts';

/** What a node, or a call, is given. */
export interface ModelOperands {
  readonly tensor: (name: string) => Pick<TensorType, 'dtype' | 'shape'> | undefined;
  readonly int: (name: string) => number | undefined;
  readonly outputs: readonly TensorType[];
}

/** What is wrong with the shapes of a node, in words; undefined when nothing is, and for operations that are not in the table. */
export function modelProblem(node: Node): string | undefined {
  return modelSizes(node.op, {
    tensor: (name) => tensorOf(node.operands[name]),
    int: (name) => {
      const operand = node.operands[name];
      return typeof operand === 'number' ? operand : undefined;
    },
    outputs: node.outputs.flatMap(({ type }) => (type.kind === 'tensor' ? [type] : [])),
  }).problem;
}

/** The sizes that names of the table have, as far as numbers say; and what is wrong, in words. */
export function modelSizes(
  op: string,
  given: ModelOperands,
): { readonly sizes: ReadonlyMap<string, number>; readonly problem: string | undefined } {
  const match = new Match();
  const rule = Object.hasOwn(MODEL_SHAPES, op) ? MODEL_SHAPES[op] : undefined;
  return { sizes: match.sizes, problem: rule && match.problem(rule, given) };
}

/** A tensor, and what the table says of it. */
interface Part {
  /** `weight is`, for messages. */
  readonly name: string;
  readonly type: Pick<TensorType, 'dtype' | 'shape'>;
  readonly shape: Shape;
}

class Match {
  readonly sizes = new Map<string, number>();
  /** The dtype T. */
  #dtype: string | undefined;
  /** Dims that `...` stands for. */
  #lead: readonly Dim[] | undefined;

  problem(rule: ModelRule, given: ModelOperands): string | undefined {
    for (const [operand, size] of Object.entries(rule.ints ?? {})) {
      const value = given.int(operand);
      if (value !== undefined) this.sizes.set(size, value);
    }
    for (const [name, { operand, size }] of Object.entries(rule.absent ?? {}))
      if (!given.tensor(operand)) this.sizes.set(name, size);
    const parts: Part[] = [];
    for (const [name, shapes] of Object.entries(rule.operands)) {
      const type = given.tensor(name);
      if (!type) continue;
      const all = isOne(shapes) ? [shapes] : shapes;
      const shape = all.find((one) => hasRank(one, type.shape.length));
      if (!shape) return `${name} is ${textOf(type)}, and must be ${all.map(shapeText).join(' or ')}`;
      parts.push({ name, type, shape });
    }
    const problem = this.#check(parts) ?? this.#also(rule, given);
    return problem ?? this.#check(outputsOf(rule, given));
  }

  /** Names that stand alone are bound before anything is computed of them. */
  #check(parts: readonly Part[]): string | undefined {
    for (const part of parts) if (!this.#bind(part)) return this.#mismatch(part);
    for (const part of parts) if (!this.#follows(part)) return this.#mismatch(part);
    return undefined;
  }

  #bind({ type, shape: [dtype, ...dims] }: Part): boolean {
    if (!this.#bindDType(dtype, type.dtype)) return false;
    return this.#pairs(type, dims).every(([dim, expected]) => {
      if (typeof dim !== 'number' || !isName(expected)) return true;
      const known = this.sizes.get(expected);
      if (known === undefined) this.sizes.set(expected, dim);
      return known === undefined || known === dim;
    });
  }

  #bindDType(expected: Shape[0], dtype: TensorType['dtype']): boolean {
    if (expected !== 'T') return dtype === expected;
    this.#dtype ??= dtype;
    return dtype === this.#dtype && isFloating(dtype);
  }

  #follows({ type, shape: [, ...dims] }: Part): boolean {
    if (dims[0] === '...') {
      const lead = type.shape.slice(0, type.shape.length - dims.length + 1);
      this.#lead ??= lead;
      const known = this.#lead;
      if (lead.length !== known.length || lead.some((dim, i) => !mayBe(dim, known[i]!))) return false;
    }
    return this.#pairs(type, dims).every(([dim, expected]) => {
      const size = this.#size(expected);
      return typeof dim !== 'number' || size === undefined || size === dim;
    });
  }

  /** Dims, and what the table says of them, without those that `...` stands for. */
  #pairs({ shape }: Part['type'], dims: readonly Dim[]): [dim: Dim, expected: Dim][] {
    const own = dims[0] === '...' ? dims.slice(1) : dims;
    const rest = shape.slice(shape.length - own.length);
    return own.map((expected, i) => [rest[i]!, expected]);
  }

  #size(expected: Dim): number | undefined {
    const names = [...symbolsOfDim(expected)];
    return names.every((name) => this.sizes.has(name)) ? evaluateDim(expected, this.sizes) : undefined;
  }

  #also(rule: ModelRule, given: ModelOperands): string | undefined {
    const size = (name: string): number => this.sizes.get(name) ?? Number.NaN;
    const has = (operand: string): boolean => given.tensor(operand) !== undefined;
    return rule.also?.find(({ wrong }) => wrong(size, has))?.says;
  }

  #mismatch({ name, type, shape }: Part): string {
    const names = new Set(shape.slice(1).flatMap((dim) => (dim === '...' ? [] : [...symbolsOfDim(dim)])));
    const known = [...names].flatMap((one) => (this.sizes.has(one) ? [`${one} ${this.sizes.get(one)}`] : []));
    const dtype = shape[0] === 'T' && this.#dtype !== undefined ? this.#dtype : shape[0];
    const wanted = shapeText([dtype as Shape[0], ...shape.slice(1)]);
    return `${name} is ${textOf(type)}, and must be ${wanted}${known.length > 0 ? `, with ${known.join(', ')}` : ''}`;
  }
}

function outputsOf(rule: ModelRule, given: ModelOperands): Part[] {
  return given.outputs.flatMap((type, i): Part[] => {
    const shape = rule.outputs[i];
    return shape ? [{ name: rule.outputs.length > 1 ? `output ${i}` : 'the output', type, shape }] : [];
  });
}

function isOne(shapes: Shape | readonly Shape[]): shapes is Shape {
  return typeof shapes[0] === 'string';
}

function isName(dim: Dim): dim is string {
  return typeof dim === 'string' && /^\w+$/.test(dim);
}

function hasRank([, ...dims]: Shape, rank: number): boolean {
  return dims[0] === '...' ? rank >= dims.length - 1 : rank === dims.length;
}

function mayBe(a: Dim, b: Dim): boolean {
  return typeof a === 'string' || typeof b === 'string' || a === b;
}

function textOf({ dtype, shape }: Part['type']): string {
  return typeText(tensorType(dtype, shape));
}

function shapeText([dtype, ...dims]: Shape): string {
  return `${dtype === 'T' ? 'floating point ' : dtype}[${dims.join(', ')}]`;
}
