/**
 * @file What peers may reach for in a collective: the tensor it reads, and those it writes. Residuals, weights and scales stay on the rank.
 */
import { isValue, type Node, type Value, valuesIn } from '../ir/graph.ts';
import { isCollective } from '../ir/operations.ts';
import { isKnown } from './views.ts';

export interface Reached {
  readonly read: Value;
  readonly written: readonly Value[];
}

/** Undefined for what is no collective, or one that is not understood. */
export function reachedIn(node: Node): Reached | undefined {
  if (!isKnown(node.op) || !isCollective(node.op) || !isValue(node.operands.x)) return undefined;
  return { read: node.operands.x, written: node.outputs.filter(({ type }) => type.kind === 'tensor') };
}

/** Values of all operands but the one that peers reach for; it is among them when the node reads it twice. */
export function othersIn({ operands }: Node): Value[] {
  return Object.entries(operands).flatMap(([name, operand]) => (name === 'x' ? [] : [...valuesIn(operand)]));
}

/** Collectives whose first result may be written over what they read: it is as long, and the Communicator takes the same tensor for both. */
const IN_PLACE: ReadonlySet<string> = new Set(['all_reduce', 'broadcast', 'all_reduce_rms_norm']);

export function mayRunInPlace(op: string): boolean {
  return IN_PLACE.has(op);
}

/** The unfused sequence, which a plan may choose in place of the fused operation, reduces its input where it lies. */
export function mayOverwrite(op: string): boolean {
  return op === 'all_reduce_rms_norm';
}
