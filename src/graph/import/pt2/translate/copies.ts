/**
 * @file Copies that change no number, and what waits or checks: left out, or a cast where the dtype changes.
 */
import { sameShape } from '../../../ir/type.ts';
import type { Row, Rows } from './row.ts';
import { expand } from './shapes.ts';

/** @param name of the argument that is copied; the dtype, if one is asked for, is the output's */
function copy(name: string, ...others: readonly string[]): Row {
  return (call) => {
    call.ignore('dtype', 'copy', ...others);
    return call.same(call.tensor(name));
  };
}

/** In evaluation, dropout gives what it is given. */
const dropout: Row = (call) => {
  const rate = call.constant('p');
  if (call.flag('train') && rate !== 0) call.refuse();
  return call.same(call.tensor('input'));
};

/** What copy_ leaves in the tensor that it writes to: the source, cast and broadcast to it. */
const copied: Row = (call) => {
  const destination = call.tensor('self');
  const source = call.tensor('src');
  const { dtype, shape } = call.out();
  if (sameShape(shape, source.type.shape)) return call.same(source);
  return expand(call, call.castTo(source, dtype), undefined, [destination]);
};

export const COPIES: Rows = {
  ...Object.fromEntries(
    [
      'alias',
      'clone',
      'contiguous',
      'detach',
      'detach_',
      'lift',
      'lift_fresh_copy',
      'positive',
      'pin_memory',
    ].map((name) => [`aten.${name}`, copy('self')]),
  ),
  'aten.requires_grad_': copy('self', 'requires_grad'),
  'aten.to': copy('self', 'other'),
  'aten._to_copy': copy('self'),
  'aten.copy': copied,
  'aten.type_as': copy('self', 'other'),
  'prims.convert_element_type': copy('a'),
  'aten.dropout': dropout,
  'aten.native_dropout': dropout,
  '_c10d_functional.wait_tensor': copy('tensor'),
  '_c10d_functional_autograd.wait_tensor': copy('tensor'),
};
