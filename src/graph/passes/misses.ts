/**
 * @file Why an all-reduce is not fused: follows its result to where the chain that is looked for breaks, and names the operation there.
 */
import { type DType, isReducible } from '../../tensor/dtype.ts';
import { type Node, type Operand, tensorOf, type Value } from '../ir/graph.ts';
import { sameType, typeText } from '../ir/type.ts';
import type { GraphIndex } from './match.ts';
import { STEPS } from './norm-forms.ts';

/** Why an all-reduce is not fused whatever follows it, or undefined. */
export function unfit({ operands, outputs }: Node, group: string): string | undefined {
  if (operands.group !== group)
    return `it is of group "${operands.group}", and the tensor-parallel group is "${group}"`;
  if (operands.reduce !== 'sum') return `it reduces by ${operands.reduce}; only sums are fused`;
  const { dtype } = tensorOf(outputs[0])!;
  return isReducible(dtype as DType) ? undefined : `it is of ${dtype}; f32, f16 and bf16 are fused`;
}

/** The reason, in words. */
export function whyNot(allReduce: Node, group: string, index: GraphIndex): string {
  const own = unfit(allReduce, group);
  if (own !== undefined) return own;
  const raw = allReduce.outputs[0]!;
  if (!index.alive.has(allReduce)) return 'nothing needs its result';
  const readers = readersBehindViews(raw, index);
  const add = readers.find(({ op }) => op === 'add' || op === 'sub' || op === 'add_rms_norm');
  if (!add) {
    const broken = brokenNorm(raw, index);
    if (broken) return broken;
    const [first] = readers;
    if (!first) return 'its result is an output of the graph, and no norm follows';
    if (first.op === 'mul' || first.op === 'div')
      return `its result is scaled before the residual is added (${place(first)}); there is no fused form with a scale`;
    return `its result is read by ${place(first)}, where a residual or a norm would have to follow`;
  }
  if (add.op === 'sub')
    return `its result is subtracted (${place(add)}), where a residual would have to be added`;
  const sum = add.op === 'add' ? add.outputs[0]! : add.outputs[1]!;
  const [summand, other] = summands(add, raw, index);
  const otherType = tensorOf(other);
  if (!otherType) return `a number is added to its result (${place(add)}), where a residual would have to be`;
  if (!sameType(otherType, sum.type))
    return `${typeText(otherType)} is added to its result (${place(add)}), no residual of ${typeText(sum.type)}`;
  const ownType = tensorOf(summand);
  if (ownType && !sameType(ownType, sum.type))
    return `it is ${typeText(ownType)}, and its sum with the residual (${place(add)}) is ${typeText(sum.type)}; the fused operation has one type`;
  return brokenNorm(sum, index) ?? `the sum with the residual (${place(add)}) is read by no norm`;
}

/** How far the chain of a norm goes from `start`, if anything of it is there. */
function brokenNorm(start: Value, index: GraphIndex): string | undefined {
  let values = withViews(start, index);
  let reached = '';
  for (const [i, step] of STEPS.entries()) {
    const next = values.flatMap((value) => index.readers(value)).filter(({ op }) => step.ops.includes(op));
    if (next.length === 0) {
      if (step.isOptional) continue;
      if (i <= 1 || reached === '') return undefined;
      const there = values.flatMap((value) => index.readers(value)).map(place);
      return `the norm breaks after ${reached}: ${step.name} was expected, and there is ${[...new Set(there)].join(', ') || 'nothing'}`;
    }
    // A square may be of anything; a mean behind it makes it a norm's.
    if (step.name === 'the mean of a row') reached = step.name;
    else if (reached !== '') reached = step.name;
    const made = next.flatMap(({ outputs }) => outputs).flatMap((value) => withViews(value, index));
    values = step.isOptional ? [...values, ...made] : made;
  }
  return `a norm follows that has another form: ${formDetails(start, index)}`;
}

/** What of a complete norm may not fit. */
function formDetails(start: Value, index: GraphIndex): string {
  const dtype = tensorOf(start)!.dtype;
  const squares = withViews(start, index)
    .flatMap((value) => index.readers(value))
    .filter(({ op }) => op === 'pow' || op === 'mul');
  if (dtype !== 'f32' && squares.some(({ outputs }) => tensorOf(outputs[0])?.dtype === dtype))
    return `it is computed in ${dtype}, and the fused operation computes in f32`;
  return 'its mean, epsilon or weight is not of the kind that the table of forms has';
}

/** Operands of a sum: the one that is `raw`, or a view of it, and the other. */
function summands(
  add: Node,
  raw: Value,
  index: GraphIndex,
): [own: Operand | undefined, other: Operand | undefined] {
  const [a, b] =
    add.op === 'add' ? [add.operands.a, add.operands.b] : [add.operands.x, add.operands.residual];
  return a !== undefined && index.behindViews(a) === raw ? [a, b] : [b, a];
}

/** A value and its views that keep rows. */
function withViews(value: Value, index: GraphIndex): Value[] {
  const base = index.behindViews(value);
  const all = [value];
  for (let i = 0; i < all.length; i++) {
    for (const { outputs } of index.readers(all[i]!)) {
      const [out] = outputs;
      if (out && out !== base && index.behindViews(out) === base) all.push(out);
    }
  }
  return all;
}

/** What reads a value or a view of it, the views themselves left out. */
function readersBehindViews(value: Value, index: GraphIndex): Node[] {
  const views = withViews(value, index);
  return views
    .flatMap((view) => index.readers(view))
    .filter(({ outputs }) => !outputs[0] || !views.includes(outputs[0]));
}

function place({ op, origin, outputs }: Node): string {
  return `${op}${origin === '' ? (outputs[0] ? ` %${outputs[0].name}` : '') : ` at ${origin}`}`;
}
