/**
 * @file Operators that give the same elements in another shape.
 */
import type { Operand } from '../../../ir/graph.ts';
import { type Dim, sameShape } from '../../../ir/type.ts';
import { divide, multiply } from '../dims.ts';
import type { Element } from '../known.ts';
import { axesOf, axisOf, broadcastShapes, type Inferred, NotUnderstood } from '../shapes.ts';
import type { Site, Tensor } from '../site.ts';
import type { Row } from './row.ts';

/** A dim of a result, and how to get it as an operand when it is no number. */
interface Part {
  readonly dim: Dim;
  readonly element: Element | undefined;
}

function partOf(x: Tensor, axis: number): Part {
  const dim = x.type.shape[axis]!;
  return { dim, element: typeof dim === 'number' ? dim : { dim, of: x.value, axis } };
}

/** A reshape to these dims; none at all when they are the tensor's own. */
function giveReshaped(site: Site, index: number, x: Tensor, parts: readonly Part[]): void {
  const shape = parts.map(({ dim }) => dim);
  if (sameShape(shape, x.type.shape)) {
    site.same(index, 0);
    return;
  }
  checkCount(x.type.shape, shape);
  site.give(index, 'reshape', { x: x.value, shape: shapeOperand(site, parts) }, x.type.dtype, shape);
}

/** Numbers stay, the one dim that is none is -1; of several, sizes are read from tensors. */
function shapeOperand(site: Site, parts: readonly Part[]): Operand[] {
  const open = parts.filter(({ dim }) => typeof dim !== 'number');
  // Beside an empty dim, -1 could be any size.
  const hides = open.length === 1 && parts.every(({ dim }) => dim !== 0);
  let isGiven = false;
  return parts.map(({ dim, element }) => {
    if (typeof dim === 'number') return dim;
    if (!hides && element !== undefined) return site.size(element);
    if (isGiven) throw new NotUnderstood('several of its sizes are computed');
    isGiven = true;
    return -1;
  });
}

function checkCount(from: readonly Dim[], to: readonly Dim[]): void {
  const [before, after] = [multiply(from), multiply(to)];
  if (typeof before === 'number' && typeof after === 'number' && before !== after) {
    throw new NotUnderstood(`[${from.join(', ')}] has not as many elements as [${to.join(', ')}]`);
  }
}

function reshape(site: Site): void {
  const x = site.tensor(0);
  const wanted = site.opset < 5 ? (site.numbers('shape') ?? []) : site.elements(1, 'the dims of the shape');
  const keepsZero = site.flag('allowzero', false);
  const parts = wanted.map((element, i): Part | undefined => {
    if (element === -1) return undefined;
    if (element !== 0 || keepsZero)
      return { dim: typeof element === 'number' ? element : element.dim, element };
    if (i >= x.type.shape.length) throw new NotUnderstood(`it keeps dim ${i}, which x does not have`);
    return partOf(x, i);
  });
  const given = parts.filter((part) => part !== undefined).map(({ dim }) => dim);
  if (given.some((dim) => typeof dim === 'number' && dim < 0) || given.length < parts.length - 1) {
    throw new NotUnderstood(
      `the shape is ${wanted.map((one) => (typeof one === 'number' ? one : one.dim)).join(', ')}`,
    );
  }
  const at = parts.indexOf(undefined);
  if (at < 0) {
    giveReshaped(site, 0, x, parts as Part[]);
    return;
  }
  const shape: Inferred = parts.map((part) => (part ? part.dim : divide(x.type.shape, given)));
  const dim = site.settle(0, shape)[at]!;
  giveReshaped(
    site,
    0,
    x,
    parts.map((part) => part ?? { dim, element: typeof dim === 'number' ? dim : undefined }),
  );
}

/** Axes are an attribute before opset 13, and an input from then on. */
export function axesInput(site: Site, since: number): readonly number[] | undefined {
  if (site.opset < since) return site.numbers('axes');
  return site.has(1) ? site.ints(1, 'the axes') : undefined;
}

function squeeze(site: Site): void {
  const x = site.tensor(0);
  const { shape } = x.type;
  const axes = axesInput(site, 13);
  if (!axes && shape.some((dim) => typeof dim !== 'number'))
    throw new NotUnderstood('it names no axes, and some sizes are not known');
  const gone = new Set(axes ? axesOf(axes, shape.length) : [...shape.keys()].filter((i) => shape[i] === 1));
  if ([...gone].some((axis) => typeof shape[axis] === 'number' && shape[axis] !== 1)) {
    throw new NotUnderstood(`it squeezes axes ${[...gone].join(', ')} of [${shape.join(', ')}]`);
  }
  giveReshaped(
    site,
    0,
    x,
    [...shape.keys()].filter((i) => !gone.has(i)).map((i) => partOf(x, i)),
  );
}

function unsqueeze(site: Site): void {
  const x = site.tensor(0);
  const axes = axesInput(site, 13);
  if (!axes) throw new NotUnderstood('it names no axes');
  const rank = x.type.shape.length + axes.length;
  const added = new Set(axesOf(axes, rank));
  let from = 0;
  const parts = Array.from({ length: rank }, (_, i) =>
    added.has(i) ? { dim: 1, element: 1 } : partOf(x, from++),
  );
  giveReshaped(site, 0, x, parts);
}

function flatten(site: Site): void {
  const x = site.tensor(0);
  const { shape } = x.type;
  const axis = site.number('axis', 1);
  const at = axis === shape.length ? axis : axisOf(axis, shape.length);
  const dims = [multiply(shape.slice(0, at)), multiply(shape.slice(at))];
  giveReshaped(
    site,
    0,
    x,
    site.settle(0, dims).map((dim) => ({ dim, element: typeof dim === 'number' ? dim : undefined })),
  );
}

function transpose(site: Site): void {
  const { value, type } = site.tensor(0);
  const rank = type.shape.length;
  const dims = axesOf(site.numbers('perm') ?? [...type.shape.keys()].reverse(), rank);
  if (dims.length !== rank) throw new NotUnderstood(`it permutes ${dims.length} of ${rank} dims`);
  if (dims.every((dim, i) => dim === i)) site.same(0, 0);
  else
    site.give(
      0,
      'permute',
      { x: value, dims },
      type.dtype,
      dims.map((dim) => type.shape[dim]!),
    );
}

/** ONNX broadcasts both ways: a dim of the wanted shape that is 1 keeps the tensor's. */
function expand(site: Site): void {
  const x = site.tensor(0);
  const wanted = site.elements(1, 'the dims of the shape');
  const dims = wanted.map((element) => (typeof element === 'number' ? element : element.dim));
  if (dims.some((dim) => typeof dim === 'number' && dim < 0))
    throw new NotUnderstood(`the shape is ${dims.join(', ')}`);
  const shape = site.settle(0, broadcastShapes(x.type.shape, dims));
  if (sameShape(shape, x.type.shape)) {
    site.same(0, 0);
    return;
  }
  const operand = shape.map((dim, i): Operand => {
    if (typeof dim === 'number') return dim;
    if (x.type.shape[i - shape.length + x.type.shape.length] === dim) return -1;
    const element = wanted[i - shape.length + wanted.length];
    if (element === undefined || typeof element === 'number')
      throw new NotUnderstood(`dim ${i} is not known`);
    return site.size(element);
  });
  site.give(0, 'expand', { x: x.value, shape: operand }, x.type.dtype, shape);
}

/** As a carried node with a type, so that what is computed from it has one too; it goes when nothing reads it. */
function shapeOf(site: Site): void {
  const { value, type } = site.tensor(0);
  const [start, end] = [site.number('start', 0), site.number('end', type.shape.length)];
  const count = type.shape.slice(start, end).length;
  site.give(0, 'onnx.ai.onnx.Shape', { input0: value, start, end }, 'i64', [count]);
}

export const VIEWS: Readonly<Record<string, Row>> = {
  Reshape: reshape,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Flatten: flatten,
  Transpose: transpose,
  Expand: expand,
  Shape: shapeOf,
};
