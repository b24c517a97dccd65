/**
 * @file Which values are the same memory, and which may be. An engine runs a reshape by giving the same bytes another shape, and appends to
 * a cache where it lies. A slice, a permutation
 * and their like it may run as a view or as a copy, so nothing here relies on either: such a value has a buffer of its own where it needs one, and
 * what it was cut from is not overwritten while it is read.
 */
import { appendedCaches } from '../ir/caches.ts';
import { isValue, type Node, type Operand, type Value, valuesIn } from '../ir/graph.ts';
import { OPERATIONS } from '../ir/operations.ts';
import { sameType } from '../ir/type.ts';

/** Operations that may give back a part of `x`, or all of it in another order. */
const CUTS: ReadonlySet<string> = new Set(['permute', 'slice', 'select', 'expand']);
/** Operations that give back `x` itself when the type stays what it was. */
const MAY_CHANGE_NOTHING: ReadonlySet<string> = new Set(['slice', 'expand', 'cast']);

export function isKnown(op: string): boolean {
  return Object.hasOwn(OPERATIONS, op);
}

/** Results that are the memory of an operand, byte for byte, and those operands; the other results have their own. */
export function sameMemory(node: Node): ReadonlyMap<Value, Value> {
  const viewed = viewedBy(node);
  return viewed ? new Map([[node.outputs[0]!, viewed]]) : appendedCaches(node);
}

/** The operand that the first result is a view of. */
function viewedBy(node: Node): Value | undefined {
  const { x, dims } = node.operands;
  const out = node.outputs[0];
  if (!isValue(x) || !out) return undefined;
  if (node.op === 'reshape') return x;
  if (node.op === 'permute') return inOrder(dims) ? x : undefined;
  // Equal types: nothing is left out, nothing repeated and nothing rounded.
  return MAY_CHANGE_NOTHING.has(node.op) && sameType(x.type, out.type) && !isReversed(node) ? x : undefined;
}

/** Operands in whose memory the node's results may lie. Of an operation that is unknown here, that is every one of them. */
export function maybeMemory(node: Node): Value[] {
  if (!isKnown(node.op)) return Object.values(node.operands).flatMap((operand) => [...valuesIn(operand)]);
  return CUTS.has(node.op) && isValue(node.operands.x) ? [node.operands.x] : [];
}

function inOrder(dims: Operand | undefined): boolean {
  return Array.isArray(dims) && dims.every((dim, i) => dim === i);
}

/** A slice whose step is no constant 1 may be as long as what it was cut from and yet differ. */
function isReversed(node: Node): boolean {
  return node.op === 'slice' && (node.operands.step ?? 1) !== 1;
}

/** Sizes and truth values travel with the call; what only an unknown operation understands may hold tensors. */
export function hasMemory({ type }: Value): boolean {
  return type.kind === 'tensor' || type.kind === 'opaque';
}
