/**
 * @file Arithmetic on what is known at import: the shapes that exporters compute from other shapes, node by node. Whatever is not simple is left to
 * the graph.
 */
import { type GraphDType, isFloating } from '../../ir/type.ts';
import { type Element, type Known, MAX_KNOWN } from './known.ts';
import { fillOf, rangeCount } from './rows/constants.ts';
import { axesInput } from './rows/views.ts';
import { axesOf, axisOf, NotUnderstood } from './shapes.ts';
import type { Site } from './site.ts';
import { dtypeOf } from './tensor.ts';

/** What a node's only output is; undefined where it is not known. @throws NotUnderstood likewise */
export type Fold = (site: Site) => Known | undefined;

function list(dtype: GraphDType, elements: readonly Element[]): Known {
  return { dtype, shape: [elements.length], elements };
}

function shape(site: Site): Known {
  const { value, type } = site.tensor(0);
  const elements = type.shape.map((dim, axis) => (typeof dim === 'number' ? dim : { dim, of: value, axis }));
  return list('i64', elements.slice(site.number('start', 0), site.number('end', elements.length)));
}

function size(site: Site): Known | undefined {
  const { shape } = site.tensor(0).type;
  const count = shape.reduce<number>(
    (product, dim) => product * (typeof dim === 'number' ? dim : Number.NaN),
    1,
  );
  return Number.isSafeInteger(count) ? { dtype: 'i64', shape: [], elements: [count] } : undefined;
}

/** What is known of lists and scalars, which is all that shapes are made of. */
function flat(site: Site, index: number): Known | undefined {
  const known = site.known(index);
  return known && known.shape.length <= 1 ? known : undefined;
}

function gather(site: Site): Known | undefined {
  const data = flat(site, 0);
  const index = flat(site, 1);
  if (data?.shape.length !== 1 || !index || axisOf(site.number('axis', 0), 1) !== 0) return undefined;
  const elements = index.elements.map((at) => {
    if (typeof at !== 'number') throw new NotUnderstood('an index is a size');
    return data.elements[axisOf(at, data.elements.length)]!;
  });
  return { dtype: data.dtype, shape: index.shape, elements };
}

function slice(site: Site): Known | undefined {
  const data = flat(site, 0);
  if (site.opset < 10 || data?.shape.length !== 1) return undefined;
  const [start, end] = [site.ints(1, 'the start'), site.ints(2, 'the end')];
  if (start.length !== 1 || end.length !== 1) return undefined;
  if (site.has(3)) axesOf(site.ints(3, 'the axis'), 1);
  if (site.has(4) && site.scalar(4) !== 1) return undefined;
  return list(data.dtype, data.elements.slice(start[0], end[0]));
}

function concat(site: Site): Known | undefined {
  const all = Array.from({ length: site.count }, (_, i) => flat(site, i));
  const first = all[0];
  if (!first || axisOf(site.number('axis', 0), 1) !== 0) return undefined;
  const elements: Element[] = [];
  for (const one of all) {
    if (one?.shape.length !== 1 || one.dtype !== first.dtype) return undefined;
    elements.push(...one.elements);
  }
  return elements.length > MAX_KNOWN ? undefined : list(first.dtype, elements);
}

function unsqueeze(site: Site): Known | undefined {
  const data = flat(site, 0);
  const axes = axesInput(site, 13);
  if (data?.shape.length !== 0 || axes?.length !== 1) return undefined;
  axisOf(axes[0]!, 1);
  return { ...data, shape: [1] };
}

function squeeze(site: Site): Known | undefined {
  const data = flat(site, 0);
  const axes = axesInput(site, 13);
  if (data?.shape.length !== 1 || data.elements.length !== 1) return undefined;
  if (axes) axesOf(axes, 1);
  return { ...data, shape: axes?.length === 0 ? [1] : [] };
}

function reshape(site: Site): Known | undefined {
  const data = flat(site, 0);
  if (!data || site.opset < 5) return undefined;
  site.flag('allowzero', false);
  const wanted = site.ints(1, 'the shape');
  const count = data.elements.length;
  if (wanted.length === 0 && count === 1) return { ...data, shape: [] };
  return wanted.length === 1 && (wanted[0] === -1 || (wanted[0] === count && count > 0))
    ? { ...data, shape: [count] }
    : undefined;
}

function cast(site: Site): Known | undefined {
  const data = site.known(0);
  const to = dtypeOf(site.number('to', 0));
  site.must('saturate', 1);
  site.ignore('round_mode');
  if (!data || !to || isFloating(data.dtype)) return undefined;
  // A size stays one among the types that hold any.
  if (to !== 'i64' && data.elements.some((element) => typeof element !== 'number')) return undefined;
  return { ...data, dtype: to, elements: data.elements.map((one) => (to === 'bool' && one !== 0 ? 1 : one)) };
}

type Operation = (a: number, b: number) => number;

/** Of whole numbers, a list or a scalar each. */
function arithmetic(operation: Operation, to?: GraphDType): Fold {
  return (site) => {
    const [a, b] = [flat(site, 0), flat(site, 1)];
    if (!a || !b || a.dtype !== b.dtype || (a.dtype !== 'i64' && a.dtype !== 'i32')) return undefined;
    const count = broadcastCount([a, b]);
    const elements = Array.from({ length: count }, (_, i) => {
      const [x, y] = [at(a, i), at(b, i)];
      if (typeof x !== 'number' || typeof y !== 'number') return sameOrNot(x, y, to);
      const result = operation(x, y) + 0;
      if (Number.isSafeInteger(result)) return result;
      throw new NotUnderstood('its result is no number');
    });
    return { dtype: to ?? a.dtype, shape: a.shape.length + b.shape.length === 0 ? [] : [count], elements };
  };
}

function broadcastCount(all: readonly Known[]): number {
  const counts = new Set(all.map(({ elements }) => elements.length));
  counts.delete(1);
  if (counts.size > 1) throw new NotUnderstood('lists of several lengths');
  return [...counts][0] ?? 1;
}

function at({ elements }: Known, i: number): Element {
  return elements.length === 1 ? elements[0]! : elements[i]!;
}

/** No size is negative: what is compared with -1, as exporters do, is not. */
function sameOrNot(a: Element, b: Element, to: GraphDType | undefined): number {
  const number = typeof a === 'number' ? a : b;
  if (to === 'bool' && typeof number === 'number' && number < 0) return 0;
  throw new NotUnderstood('a size is computed with');
}

function where(site: Site): Known | undefined {
  const [condition, a, b] = [flat(site, 0), flat(site, 1), flat(site, 2)];
  if (!condition || !a || !b || a.dtype !== b.dtype || isFloating(a.dtype)) return undefined;
  const count = broadcastCount([condition, a, b]);
  const elements = Array.from({ length: count }, (_, i) => (at(condition, i) === 0 ? at(b, i) : at(a, i)));
  return {
    dtype: a.dtype,
    shape: [condition, a, b].every((one) => one.shape.length === 0) ? [] : [count],
    elements,
  };
}

function constantOfShape(site: Site): Known | undefined {
  const dims = site.ints(0, 'the dims');
  const fill = fillOf(site);
  const count = dims[0] ?? 1;
  if (dims.length > 1 || count < 0 || count > MAX_KNOWN || isFloating(fill.dtype)) return undefined;
  return { dtype: fill.dtype, shape: dims, elements: new Array<Element>(count).fill(fill.elements[0]!) };
}

function range(site: Site): Known | undefined {
  const dtype = site.known(0)?.dtype;
  const [start, limit, step] = [site.scalar(0), site.scalar(1), site.scalar(2)];
  if (start === undefined || limit === undefined || step === undefined || dtype !== 'i64') return undefined;
  const count = rangeCount(start, limit, step);
  if (count > MAX_KNOWN) return undefined;
  return list(
    dtype,
    Array.from({ length: count }, (_, i) => start + i * step),
  );
}

/** Of operators in ai.onnx. */
export const FOLDS: Readonly<Record<string, Fold>> = {
  Shape: shape,
  Size: size,
  Gather: gather,
  Slice: slice,
  Concat: concat,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Reshape: reshape,
  Cast: cast,
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  // ONNX truncates.
  Div: arithmetic((a, b) => Math.trunc(a / b)),
  Equal: arithmetic((a, b) => Number(a === b), 'bool'),
  Where: where,
  ConstantOfShape: constantOfShape,
  Range: range,
};
