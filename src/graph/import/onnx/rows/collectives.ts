/**
 * @file Collectives: ONNX Runtime's, among all ranks. Each input of a variadic one is a collective of its own.
 */
import { multiply } from '../dims.ts';
import { axisOf, NotUnderstood } from '../shapes.ts';
import type { Site } from '../site.ts';
import type { Row } from './row.ts';

function eachInput(site: Site, translate: (index: number) => void): void {
  if (site.count === 0) throw new NotUnderstood('it has no input');
  // One that nothing reads is a meeting of ranks all the same.
  for (let i = 0; i < site.count; i++) translate(i);
}

function allReduce(site: Site): void {
  eachInput(site, (i) => {
    const { value, type } = site.tensor(i);
    site.give(i, 'all_reduce', { x: value, reduce: 'sum', group: '' }, type.dtype, type.shape);
  });
}

function allGather(site: Site): void {
  // The schema's default; the shape inference beside it takes 0 where none is written.
  const axis = site.number('axis', 1);
  const ranks = site.number('group_size', 1);
  if (!Number.isSafeInteger(ranks) || ranks < 1)
    throw new NotUnderstood(`attribute "group_size" is ${ranks}`);
  eachInput(site, (i) => {
    const { value, type } = site.tensor(i);
    const dim = axisOf(axis, type.shape.length);
    const shape = type.shape.map((size, at) => (at === dim ? multiply([size, ranks]) : size));
    site.give(i, 'all_gather', { x: value, dim, group: '' }, type.dtype, shape);
  });
}

export const COLLECTIVES: Readonly<Record<string, Row>> = {
  'com.microsoft.AllReduce': allReduce,
  'com.microsoft.AllGather': allGather,
};
