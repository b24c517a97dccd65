/**
 * @file Operations that make tensors out of numbers, or of the shape of another tensor.
 */
import type { Operand } from '../../../ir/graph.ts';
import { tensorType } from '../../../ir/type.ts';
import type { Call } from '../call.ts';
import type { Row, Rows } from './row.ts';

/** A tensor full of one number. The dtype is what the file declares. */
function filled(shapeOf: (call: Call) => readonly Operand[], numberOf: (call: Call) => Operand): Row {
  return (call) => {
    call.ignore('dtype');
    return call.emit('full', { shape: shapeOf(call), value: numberOf(call) });
  };
}

const given = (call: Call): readonly Operand[] => call.ints('size');
const newer = (call: Call): readonly Operand[] => {
  call.ignore('self');
  return call.ints('size');
};
const like = (call: Call): readonly Operand[] => call.sizes(call.out().shape, [call.tensor('self')], false);
const zero = (): number => 0;
const one = (): number => 1;
const value = (call: Call): Operand => call.number('fill_value');

const arange: Row = (call) => {
  call.ignore('dtype', 'end');
  return call.emit('arange', { start: call.number('start', 0), step: call.number('step', 1) });
};

/** The part above or below a diagonal of the last two dims, 0 elsewhere: where the column less the row is on the right side of it. */
function triangle(op: 'ge' | 'le'): Row {
  return (call) => {
    const x = call.tensor('self');
    const diagonal = call.constantInt('diagonal', 0);
    const [rows, columns] = x.type.shape.slice(-2);
    if (typeof rows !== 'number' || typeof columns !== 'number') return call.refuse();
    const count = { start: 0, step: 1 };
    const column = call.step('arange', count, tensorType('i64', [columns]));
    const row = call.step('arange', count, tensorType('i64', [rows]));
    const standing = call.step('reshape', { x: row, shape: [rows, 1] }, tensorType('i64', [rows, 1]));
    const distance = call.step('sub', { a: column, b: standing }, tensorType('i64', [rows, columns]));
    const condition = call.step(op, { a: distance, b: diagonal }, tensorType('bool', [rows, columns]));
    return call.emit('where', { condition, a: x, b: 0 });
  };
}

export const CREATION: Rows = {
  'aten.arange': arange,
  'aten.full': filled(given, value),
  'aten.zeros': filled(given, zero),
  'aten.ones': filled(given, one),
  'aten.full_like': filled(like, value),
  'aten.zeros_like': filled(like, zero),
  'aten.ones_like': filled(like, one),
  'aten.new_full': filled(newer, value),
  'aten.new_zeros': filled(newer, zero),
  'aten.new_ones': filled(newer, one),
  // Of fill_ and zero_: the shape is that of what they write to.
  'aten.fill': filled(like, (call) => call.number('value')),
  'aten.zero': filled(like, zero),
  'aten.scalar_tensor': filled(
    () => [],
    (call) => call.number('s'),
  ),
  'aten.triu': triangle('ge'),
  'aten.tril': triangle('le'),
  'aten.sym_size': (call) => {
    const x = call.tensor('self');
    return call.emit('size', { x, dim: call.dim('dim', x.type.shape.length) });
  },
};
