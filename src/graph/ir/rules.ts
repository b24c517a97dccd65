/**
 * @file Type rules: whether the shapes and dtypes of a node's outputs follow from its operands'. Where a dim is a symbol or an expression, two that
 * are not the same text may still be equal, so only numbers can contradict.
 */
import { type Node, type Operand, tensorOf, type Value } from './graph.ts';
import type { Rule } from './operation-info.ts';
import { type Dim, isFloating, sameType, type TensorType, typeText } from './type.ts';

/** What is wrong, in words, or undefined. Operands are there and of the right kind. */
export function typeProblem(node: Node, rule: Rule): string | undefined {
  const out = node.outputs[0] && outputType(node.outputs[0]);
  if (!out) return undefined;
  const operand = (name: string): TensorType | undefined => tensorOf(node.operands[name]);
  const x = operand('x');
  switch (rule) {
    case 'broadcast': {
      const all = ['condition', 'a', 'b'].map(operand).filter((type) => type !== undefined);
      const shape = broadcast(all.map((type) => type.shape));
      return shape ? shapeProblem(out, shape) : `${all.map(typeText).join(' and ')} cannot be broadcast`;
    }
    case 'same-shape':
      return shapeProblem(out, x!.shape);
    case 'same-type':
      return sameType(out, x!) || (mayEqual(out.shape, x!.shape) === true && out.dtype === x!.dtype)
        ? undefined
        : mismatch(out, typeText(x!));
    case 'reshape':
      return sameCount(out.shape, x!.shape)
        ? undefined
        : `${typeText(x!)} has not as many elements as ${typeText(out)}`;
    case 'permute': {
      const dims = node.operands.dims;
      if (!isNumbers(dims)) return undefined;
      const rank = x!.shape.length;
      const from = dims.map((dim) => (dim < 0 ? dim + rank : dim));
      if (new Set(from).size !== rank || from.some((dim) => dim < 0 || dim >= rank))
        return `dims ${dims.join(', ')} are no permutation of ${rank} dims`;
      return shapeProblem(
        out,
        from.map((dim) => x!.shape[dim]!),
      );
    }
    case 'matmul':
      return productProblem(operand('a')!, operand('b')!, false, out);
    case 'linear':
      return productProblem(x!, operand('weight')!, true, out);
    case 'cat':
      return catProblem(node.operands.xs!, node.operands.dim, out);
    case 'norm':
      return normProblem(node, x!, out);
    case 'reduce': {
      const { dims, keepdim } = node.operands;
      if (!isNumbers(dims) || typeof keepdim !== 'boolean') return undefined;
      const rank = x!.shape.length;
      const gone = new Set(
        dims.length === 0 ? x!.shape.keys() : dims.map((dim) => (dim < 0 ? dim + rank : dim)),
      );
      const shape = x!.shape.flatMap((dim, i) => (gone.has(i) ? (keepdim ? [1] : []) : [dim]));
      return shapeProblem(out, shape);
    }
    case 'free':
      return undefined;
    default:
      return rule satisfies never;
  }
}

function outputType({ type }: Value): TensorType | undefined {
  return type.kind === 'tensor' ? type : undefined;
}

function mismatch(out: TensorType, wanted: string): string {
  return `the output is ${typeText(out)}, and follows as ${wanted}`;
}

function shapeProblem(out: TensorType, shape: readonly Dim[]): string | undefined {
  return mayEqual(out.shape, shape) ? undefined : mismatch(out, `[${shape.join(', ')}]`);
}

/** Whether two shapes are, or may be, the same. */
function mayEqual(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, i) => mayBe(dim, b[i]!));
}

function mayBe(a: Dim, b: Dim): boolean {
  return typeof a === 'string' || typeof b === 'string' || a === b;
}

/** The shape that operands have together, or undefined when they cannot be. Of a symbol and a number other than 1, the number. */
export function broadcast(shapes: readonly (readonly Dim[])[]): Dim[] | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: Dim[] = [];
  for (let i = 1; i <= rank; i++) {
    let dim: Dim = 1;
    for (const shape of shapes) {
      const other = shape.at(-i) ?? 1;
      if (other === 1) continue;
      if (!mayBe(dim, other) && dim !== 1) return undefined;
      if (dim === 1 || typeof dim === 'string') dim = other;
    }
    result.unshift(dim);
  }
  return result;
}

function sameCount(a: readonly Dim[], b: readonly Dim[]): boolean {
  if ([...a, ...b].some((dim) => typeof dim === 'string')) return true;
  const count = (shape: readonly Dim[]): number =>
    shape.reduce<number>((product, dim) => product * Number(dim), 1);
  return count(a) === count(b);
}

function productProblem(
  a: TensorType,
  b: TensorType,
  transposed: boolean,
  out: TensorType,
): string | undefined {
  if (a.shape.length === 0 || b.shape.length === 0) return 'a product needs operands with a dim at least';
  const inner = transposed || b.shape.length === 1 ? b.shape.at(-1)! : b.shape.at(-2)!;
  if (!mayBe(a.shape.at(-1)!, inner))
    return `${typeText(a)} and ${typeText(b)}${transposed ? ' transposed' : ''} have no product`;
  const rows = a.shape.slice(0, -1);
  if (transposed) return shapeProblem(out, [...rows, ...b.shape.slice(0, -1)]);
  if (b.shape.length === 1) return shapeProblem(out, rows);
  const batch = broadcast([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  if (!batch) return `${typeText(a)} and ${typeText(b)} cannot be broadcast`;
  return shapeProblem(out, [...batch, ...a.shape.slice(-2, -1), b.shape.at(-1)!]);
}

function catProblem(operand: Operand, dim: Operand | undefined, out: TensorType): string | undefined {
  if (typeof dim !== 'number') return undefined;
  const types = (operand as readonly Operand[]).map((one) => tensorOf(one)!);
  // torch lets an empty tensor of one dim stand among others.
  const whole = types.filter(({ shape }) => shape.length > 1 || shape[0] !== 0);
  const at = dim < 0 ? dim + out.shape.length : dim;
  const sizes = whole.map(({ shape }) => shape[at] ?? 0);
  const total = sizes.every((size) => typeof size === 'number')
    ? sizes.reduce<number>((sum, size) => sum + Number(size), 0)
    : String(out.shape[at]);
  for (const { shape } of whole) {
    const problem = shapeProblem(
      out,
      shape.map((size, i) => (i === at ? total : size)),
    );
    if (problem) return problem;
  }
  return undefined;
}

function normProblem(node: Node, x: TensorType, out: TensorType): string | undefined {
  if (x.shape.length === 0) return 'a norm needs a dim at least';
  if (!isFloating(x.dtype)) return `x is ${typeText(x)}; a norm is of floating point numbers`;
  const row = tensorOf(node.operands.weight);
  if (row && !mayEqual(row.shape, x.shape.slice(-1)))
    return `weight is ${typeText(row)}, and must be [${x.shape.at(-1)}]`;
  const residual = tensorOf(node.operands.residual);
  if (residual && !(mayEqual(residual.shape, x.shape) && residual.dtype === x.dtype))
    return `residual is ${typeText(residual)}, and must be ${typeText(x)}`;
  return shapeProblem(out, x.shape);
}

function isNumbers(operand: Operand | undefined): operand is readonly number[] {
  return Array.isArray(operand) && operand.every((one) => typeof one === 'number');
}
