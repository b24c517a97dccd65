/**
 * @file What several rows do with their operands.
 */
import type { Operand } from '../../../ir/graph.ts';
import { tensorOf } from '../../../ir/graph.ts';
import { tensorType } from '../../../ir/type.ts';
import type { Call, Tensor } from '../call.ts';

export function isTensor(operand: Operand): operand is Tensor {
  return tensorOf(operand) !== undefined;
}

/** A tensor as truth values: whether each element is another number than 0. */
export function asBool(call: Call, x: Tensor): Tensor {
  return x.type.dtype === 'bool' ? x : call.step('ne', { a: x, b: 0 }, tensorType('bool', x.type.shape));
}
