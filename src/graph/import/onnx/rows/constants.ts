/**
 * @file Operators that make tensors from numbers.
 */
import { elementBytes, isFloating } from '../../../ir/type.ts';
import { type Known, readKnown } from '../known.ts';
import { NotUnderstood } from '../shapes.ts';
import type { Site } from '../site.ts';
import type { Row } from './row.ts';

function constant(site: Site): void {
  const tensor = site.tensorAttribute('value');
  if (tensor) {
    site.content(0, tensor);
    return;
  }
  for (const [name, dtype] of [
    ['value_int', 'i64'],
    ['value_float', 'f32'],
  ] as const) {
    const one = site.number(name, undefined);
    if (one !== undefined) site.know(0, { dtype, shape: [], elements: [one] });
    const many = site.numbers(`${name}s`);
    if (many) site.know(0, { dtype, shape: [many.length], elements: many });
  }
}

function constantOfShape(site: Site): void {
  const dims = site.elements(0, 'the dims');
  const shape = dims.map((element) => (typeof element === 'number' ? element : element.dim));
  if (shape.some((dim) => typeof dim === 'number' && !(Number.isSafeInteger(dim) && dim >= 0))) {
    throw new NotUnderstood(`the shape is ${shape.join(', ')}`);
  }
  const { dtype, elements } = fillOf(site);
  const operands = { shape: dims.map((element) => site.size(element)), value: elements[0]! as number };
  site.give(0, 'full', operands, dtype, shape);
}

/** The number that ConstantOfShape repeats, float 0 by default. */
export function fillOf(site: Site): Known {
  const tensor = site.tensorAttribute('value');
  if (!tensor) return { dtype: 'f32', shape: [1], elements: [0] };
  const weight = site.read(tensor);
  const known = weight && readKnown(weight);
  if (known?.elements.length === 1) return known;
  throw new NotUnderstood('its value is no single number');
}

function range(site: Site): void {
  const [start, limit, step] = [site.scalar(0), site.known(1)?.elements[0], site.scalar(2)];
  const { dtype } = site.tensor(0).type;
  if (
    start === undefined ||
    limit === undefined ||
    step === undefined ||
    site.known(1)?.elements.length !== 1
  ) {
    throw new NotUnderstood('its bounds are computed while the model runs');
  }
  if (typeof limit !== 'number') {
    if (start !== 0 || step !== 1) throw new NotUnderstood('how many numbers it gives is not known');
    site.give(0, 'arange', { start, step }, dtype, [limit.dim]);
    return;
  }
  const count = rangeCount(start, limit, step);
  if (isFloating(dtype) && elementBytes(dtype) < 4) throw new NotUnderstood(`its numbers are ${dtype}`);
  site.give(0, 'arange', { start, step }, dtype, [count]);
}

/** How many numbers there are from `start` up to, or down to, `limit`. */
export function rangeCount(start: number, limit: number, step: number): number {
  const count = Math.max(0, Math.ceil((limit - start) / step));
  if (Number.isSafeInteger(count)) return count;
  throw new NotUnderstood(`it goes from ${start} to ${limit} in steps of ${step}`);
}

export const CONSTANTS: Readonly<Record<string, Row>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
};
