/**
 * @file Shapes of results. A dim is undefined where it does not follow from the operands; the file may still say it.
 */
import { CrossoverError } from '../../../errors.ts';
import { isSymbolName, parseDim, symbolsOfDim } from '../../ir/dim.ts';
import { dimText } from '../../ir/dim-text.ts';
import type { Dim } from '../../ir/type.ts';
import { canonical } from './dims.ts';

export type Shape = readonly Dim[];
export type Inferred = readonly (Dim | undefined)[];

/** A node that the importer has no translation for, with what it is that stands in the way. Caught where nodes are translated. */
export class NotUnderstood extends Error {
  override readonly name: string = 'NotUnderstood';
}

/** The shape that operands have together. */
export function broadcastShapes(...shapes: Shape[]): Inferred {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    const dims = new Set(shapes.map((shape) => shape.at(i - rank) ?? 1));
    for (const shape of shapes) if (shape.length < rank - i) dims.add(1);
    dims.delete(1);
    const [one = 1, ...others] = dims;
    if (others.length === 0) return one;
    // A symbol that meets a number is that number, or 1.
    const numbers = [...dims].filter((dim) => typeof dim === 'number');
    if (numbers.length > 1) {
      throw new NotUnderstood(
        `${shapes.map((shape) => `[${shape.join(', ')}]`).join(' and ')} cannot be broadcast`,
      );
    }
    return numbers[0];
  });
}

export function matmulShape(a: Shape, b: Shape): Inferred {
  if (a.length === 0 || b.length === 0) throw new NotUnderstood('a product of a tensor without dims');
  const inner = b.length === 1 ? b[0]! : b.at(-2)!;
  if (typeof inner === 'number' && typeof a.at(-1) === 'number' && a.at(-1) !== inner) {
    throw new NotUnderstood(`[${a.join(', ')}] and [${b.join(', ')}] have no product`);
  }
  return [
    ...broadcastShapes(a.slice(0, -2), b.slice(0, -2)),
    ...(a.length === 1 ? [] : [a.at(-2)]),
    ...(b.length === 1 ? [] : [b.at(-1)]),
  ];
}

/** An axis counted from the front. */
export function axisOf(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(at) && at >= 0 && at < rank) return at;
  throw new NotUnderstood(`axis ${axis} of ${rank} dims`);
}

/** Axes counted from the front, each once. */
export function axesOf(axes: readonly number[], rank: number): number[] {
  const found = axes.map((axis) => axisOf(axis, rank));
  if (new Set(found).size === found.length) return found;
  throw new NotUnderstood(`axes ${axes.join(', ')} name one twice`);
}

/** What a file's dim parameter is as a dim: itself where it is an expression, and a symbol of a like name else. */
export class DimNames {
  readonly #names = new Map<string, Dim>();
  readonly #used = new Set<string>();

  /** Names that files use as they are must be taken before others are made like them. */
  constructor(parameters: Iterable<string>) {
    const rest: string[] = [];
    for (const parameter of new Set(parameters)) {
      const dim = isSymbolName(parameter) ? parameter : expressionOf(parameter);
      if (dim === undefined) rest.push(parameter);
      else {
        this.#names.set(parameter, dim);
        for (const symbol of symbolsOfDim(dim)) this.#used.add(symbol);
      }
    }
    for (const parameter of rest) this.#names.set(parameter, this.fresh(parameter));
  }

  dim(parameter: string): Dim {
    return this.#names.get(parameter) ?? this.fresh(parameter);
  }

  /** A symbol that no dim of the file has. */
  fresh(like: string): string {
    const plain = like.replace(/\W+/g, '_').replace(/^(?=\d)/, 's_') || 's';
    let name = plain;
    for (let i = 1; this.#used.has(name) || !isSymbolName(name); i++) name = `${plain}_${i}`;
    this.#used.add(name);
    return name;
  }
}

/** `past + 1` is a sum; `batch-size` is a name, however it is spelled. */
function expressionOf(parameter: string): string | undefined {
  if (!/[A-Za-z_]/.test(parameter) || /\w-[A-Za-z_]/.test(parameter)) return undefined;
  const dim = canonical(parameter) ?? otherExpression(parameter);
  return typeof dim === 'string' ? dim : undefined;
}

/** Quotients and the like: sizes that nothing here computes with. */
function otherExpression(parameter: string): Dim | undefined {
  try {
    return dimText(parseDim(parameter));
  } catch (error) {
    if (error instanceof CrossoverError) return undefined;
    throw error;
  }
}
