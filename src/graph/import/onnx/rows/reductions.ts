/**
 * @file Operators along dims: reductions, softmax, running sums.
 */
import { axesOf, axisOf, NotUnderstood } from '../shapes.ts';
import type { Site } from '../site.ts';
import type { Row } from './row.ts';
import { axesInput } from './views.ts';

/** Axes became an input with opset 18; for ReduceSum with 13. */
function reduction(op: string, since: number): Row {
  return (site) => {
    const { value, type } = site.tensor(0);
    const rank = type.shape.length;
    const axes = axesInput(site, since) ?? [];
    const keepdim = site.flag('keepdims', true);
    const changesNothing = site.flag('noop_with_empty_axes', false) && axes.length === 0;
    if (changesNothing || rank === 0) {
      site.same(0, 0);
      return;
    }
    const dims = axesOf(axes, rank).sort((a, b) => a - b);
    const gone = new Set(dims.length === 0 ? type.shape.keys() : dims);
    const shape = type.shape.flatMap((dim, i) => (gone.has(i) ? (keepdim ? [1] : []) : [dim]));
    site.give(0, op, { x: value, dims, keepdim }, type.dtype, shape);
  };
}

function argMax(site: Site): void {
  const { value, type } = site.tensor(0);
  const dim = axisOf(site.number('axis', 0), type.shape.length);
  const keepdim = site.flag('keepdims', true);
  site.must('select_last_index', 0);
  const shape = type.shape.flatMap((size, i) => (i === dim ? (keepdim ? [1] : []) : [size]));
  site.give(0, 'argmax', { x: value, dim, keepdim }, 'i64', shape);
}

function softmax(site: Site): void {
  const { value, type } = site.tensor(0);
  const rank = type.shape.length;
  const dim = axisOf(site.number('axis', site.opset < 13 ? 1 : -1), rank);
  // Before opset 13 it is over all dims from the axis on.
  if (site.opset < 13 && dim !== rank - 1) throw new NotUnderstood('it is over several dims');
  site.give(0, 'softmax', { x: value, dim }, type.dtype, type.shape);
}

function cumSum(site: Site): void {
  const { value, type } = site.tensor(0);
  const axis = site.scalar(1);
  if (axis === undefined) throw new NotUnderstood('the axis is computed while the model runs');
  site.must('exclusive', 0);
  site.must('reverse', 0);
  site.give(0, 'cumsum', { x: value, dim: axisOf(axis, type.shape.length) }, type.dtype, type.shape);
}

export const REDUCTIONS: Readonly<Record<string, Row>> = {
  ReduceMean: reduction('mean', 18),
  ReduceSum: reduction('sum', 13),
  ReduceMax: reduction('amax', 18),
  ArgMax: argMax,
  Softmax: softmax,
  CumSum: cumSum,
};
