/**
 * @file Operators that take parts of tensors, or put tensors together.
 */
import type { Operand } from '../../../ir/graph.ts';
import type { Dim } from '../../../ir/type.ts';
import { addDims } from '../dims.ts';
import type { Element } from '../known.ts';
import { axesOf, axisOf, type Inferred, NotUnderstood } from '../shapes.ts';
import type { Site, Tensor } from '../site.ts';
import type { Row } from './row.ts';

const INTEGERS: ReadonlySet<string> = new Set(['i64', 'i32']);

function concat(site: Site): void {
  const all = Array.from({ length: site.count }, (_, i) => site.tensor(i));
  const first = all[0];
  if (!first) throw new NotUnderstood('it has no input');
  const { dtype, shape } = first.type;
  const dim = axisOf(site.number('axis', 1), shape.length);
  for (const { type } of all) {
    const fits = type.shape.every(
      (size, i) => i === dim || size === shape[i] || typeof size === 'string' || typeof shape[i] === 'string',
    );
    if (type.dtype !== dtype || type.shape.length !== shape.length || !fits) {
      throw new NotUnderstood(
        `it puts [${type.shape.join(', ')}] of ${type.dtype} beside [${shape.join(', ')}] of ${dtype}`,
      );
    }
  }
  if (all.length === 1) {
    site.same(0, 0);
    return;
  }
  const inferred = shape.map((_, i): Dim | undefined => {
    const sizes = all.map(({ type }) => type.shape[i]!);
    if (i === dim)
      return sizes.reduce<Dim | undefined>((sum, size) => (sum === undefined ? sum : addDims(size, sum)), 0);
    // Any of them; a number says the most.
    return sizes.find((size) => typeof size === 'number') ?? sizes[0];
  });
  site.give(0, 'cat', { xs: all.map(({ value }) => value), dim }, dtype, inferred);
}

interface Cut {
  readonly dim: number;
  readonly start: Element;
  readonly end: Element;
  readonly step: number;
}

/** Positions beyond these are an end that is open: exporters write the largest int32 or int64. */
const FAR = 2 ** 31 - 1;

function slice(site: Site): void {
  const x = site.tensor(0);
  const rank = x.type.shape.length;
  const attributes = site.opset < 10;
  const starts = attributes ? (site.numbers('starts') ?? []) : site.elements(1, 'the starts');
  const ends = attributes ? (site.numbers('ends') ?? []) : site.elements(2, 'the ends');
  const axes = attributes ? site.numbers('axes') : site.has(3) ? site.ints(3, 'the axes') : undefined;
  const steps = !attributes && site.has(4) ? site.ints(4, 'the steps') : undefined;
  const dims = axesOf(axes ?? [...starts.keys()], rank);
  if (
    ends.length !== starts.length ||
    dims.length !== starts.length ||
    (steps && steps.length !== starts.length)
  ) {
    throw new NotUnderstood(`it has ${starts.length} starts, ${ends.length} ends and ${dims.length} axes`);
  }
  const cuts = dims
    .map((dim, i): Cut => ({ dim, start: starts[i]!, end: ends[i]!, step: steps?.[i] ?? 1 }))
    .filter((cut) => !isWhole(cut, x.type.shape[cut.dim]!));
  if (cuts.length === 0) {
    site.same(0, 0);
    return;
  }
  let from = x;
  for (const [i, cut] of cuts.entries()) {
    if (cut.step < 1) throw new NotUnderstood(`its step is ${cut.step}`);
    const size = from.type.shape[cut.dim]!;
    const isLast = i === cuts.length - 1;
    const shape: Inferred = from.type.shape.map((dim, at) => (at === cut.dim ? cutSize(cut, size) : dim));
    // What the file says of the result holds between, too: no axis is cut twice.
    const settled = site.settle(0, shape);
    const operands = {
      x: from.value,
      dim: cut.dim,
      start: site.size(cut.start),
      end: typeof cut.end === 'number' && cut.end >= FAR ? openEnd(size) : site.size(cut.end),
      step: cut.step,
    };
    if (isLast) site.give(0, 'slice', operands, x.type.dtype, settled);
    else from = site.between('slice', operands, x.type.dtype, settled);
  }
}

function openEnd(size: Dim): number {
  return typeof size === 'number' ? size : Number.MAX_SAFE_INTEGER;
}

function isWhole({ start, end, step }: Cut, size: Dim): boolean {
  if (start !== 0 || step !== 1) return false;
  return typeof end === 'number' ? end >= FAR || (typeof size === 'number' && end >= size) : end.dim === size;
}

function cutSize({ start, end, step }: Cut, size: Dim): Dim | undefined {
  if (typeof start !== 'number') return undefined;
  if (typeof end !== 'number') return start === 0 && step === 1 && end.dim === size ? size : undefined;
  if (typeof size !== 'number') return undefined;
  const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
  return Math.max(0, Math.ceil((clamp(end) - clamp(start)) / step));
}

/** Outputs that nothing reads are not made. */
function split(site: Site): void {
  const x = site.tensor(0);
  const dim = axisOf(site.number('axis', 0), x.type.shape.length);
  const size = x.type.shape[dim];
  if (typeof size !== 'number') throw new NotUnderstood(`dim ${dim} is ${size}, and its parts are not known`);
  const count = site.node.outputs.length;
  const said =
    site.opset < 13 ? site.numbers('split') : site.has(1) ? site.ints(1, 'the sizes of parts') : undefined;
  if (site.number('num_outputs', count) !== count)
    throw new NotUnderstood('"num_outputs" is not the number of outputs');
  const part = Math.ceil(size / count);
  let start = 0;
  for (let i = 0; i < count; i++) {
    const end = said ? start + (said[i] ?? 0) : Math.min(size, start + part);
    if (end < start || end > size) throw new NotUnderstood(`its parts do not fit into ${size}`);
    if (site.wants(i)) {
      const shape = x.type.shape.map((one, at) => (at === dim ? end - start : one));
      site.give(i, 'slice', { x: x.value, dim, start, end, step: 1 }, x.type.dtype, shape);
    }
    start = end;
  }
  if (start !== size || (said && said.length !== count))
    throw new NotUnderstood(`its parts are ${start} of ${size}`);
}

function gather(site: Site): void {
  const x = site.tensor(0);
  const { dtype, shape } = x.type;
  const axis = axisOf(site.number('axis', 0), shape.length);
  const index = site.scalar(1);
  const known = site.known(1);
  if (index !== undefined && known?.shape.length === 0) {
    const size = shape[axis]!;
    if (!Number.isInteger(index)) throw new NotUnderstood(`its index is ${index}`);
    if (typeof size === 'number') axisOf(index, size);
    const rest = shape.filter((_, i) => i !== axis);
    site.give(0, 'select', { x: x.value, dim: axis, index }, dtype, rest);
    return;
  }
  const indices = indexTensor(site, 1);
  const inferred = [...shape.slice(0, axis), ...indices.type.shape, ...shape.slice(axis + 1)];
  if (axis === 0 && shape.length === 2 && site.isWeight(0)) {
    site.give(0, 'embedding', { weight: x.value, indices: indices.value }, dtype, inferred);
    return;
  }
  const operand: Operand[] = [...new Array<null>(axis).fill(null), indices.value];
  site.give(0, 'index', { x: x.value, indices: operand }, dtype, inferred);
}

function gatherElements(site: Site): void {
  const x = site.tensor(0);
  const index = indexTensor(site, 1);
  const dim = axisOf(site.number('axis', 0), x.type.shape.length);
  if (index.type.shape.length !== x.type.shape.length)
    throw new NotUnderstood('its index has another number of dims');
  site.give(0, 'gather', { x: x.value, dim, index: index.value }, x.type.dtype, index.type.shape);
}

function indexTensor(site: Site, index: number): Tensor {
  const tensor = site.tensor(index);
  if (INTEGERS.has(tensor.type.dtype)) return tensor;
  throw new NotUnderstood(`its index is ${tensor.type.dtype}`);
}

export const PARTS: Readonly<Record<string, Row>> = {
  Concat: concat,
  Slice: slice,
  Split: split,
  Gather: gather,
  GatherElements: gatherElements,
};
