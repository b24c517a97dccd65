/**
 * @file The forms that an RMSNorm has in graphs, a row each, those with more operations first. `h` is what is normalized, in the dtype that rows travel in.
 *
 * Forms round differently: LlamaRMSNorm of Hugging Face and the kernels of vLLM round x * rstd before the weight is multiplied, torch's own rms_norm
 * and Gemma's after. The fused operation does as the form does.
 */
import { type Node, tensorOf, type Value } from '../ir/graph.ts';
import {
  castTo,
  either,
  exactly,
  type GraphIndex,
  named,
  number,
  oneOf,
  op,
  overRows,
  type Pattern,
  tensor,
} from './match.ts';

/** A norm that was found. */
export interface NormMatch {
  readonly form: string;
  readonly h: Value;
  readonly weight: Value | undefined;
  readonly epsilon: number;
  readonly weightBias: number;
  readonly castBeforeWeight: boolean;
  readonly out: Value;
}

interface NormForm {
  readonly name: string;
  readonly weightBias: number;
  readonly castBeforeWeight: boolean;
  /** Matched against the norm's output; captures h, epsilon, and weight if there is one. */
  readonly pattern: Pattern;
}

const wide = castTo('f32', tensor('h'));
const variance = either(
  'add',
  overRows('mean', oneOf(op('pow', { a: wide, b: exactly(2) }), op('mul', { a: wide, b: wide }))),
  number('epsilon'),
);
const root = op('sqrt', { x: variance });
const rstd = oneOf(
  op('rsqrt', { x: variance }),
  op('reciprocal', { x: root }),
  op('div', { a: exactly(1), b: root }),
  op('pow', { a: variance, b: exactly(-0.5) }),
);
/** h * rstd in float32. */
const normal = oneOf(either('mul', wide, rstd), op('div', { a: wide, b: root }));
/** The weight in float32. Where it is multiplied as it is, promotion makes it so. */
const weight = oneOf(castTo('f32', tensor('weight')), tensor('weight'));
const onePlusWeight = either('add', castTo('f32', tensor('weight')), exactly(1));
/** Back to the dtype of rows, or float32 all along. */
const back = (inner: Pattern): Pattern => oneOf(op('cast', { x: inner }), inner);

export const NORM_FORMS: readonly NormForm[] = [
  {
    name: '1 + weight',
    weightBias: 1,
    castBeforeWeight: false,
    pattern: back(either('mul', normal, onePlusWeight)),
  },
  {
    name: 'weight after the cast',
    weightBias: 0,
    castBeforeWeight: true,
    pattern: either('mul', tensor('weight'), named('rounded', op('cast', { x: normal }))),
  },
  {
    name: 'weight before the cast',
    weightBias: 0,
    castBeforeWeight: false,
    pattern: back(either('mul', normal, weight)),
  },
  { name: 'no weight', weightBias: 0, castBeforeWeight: false, pattern: back(normal) },
];

/** The norm that a form finds behind a value, or undefined. */
export function matchNorm(form: NormForm, out: Value, graph: GraphIndex): NormMatch | undefined {
  const found = form.pattern(out, new Map(), graph);
  if (!found) return undefined;
  const h = found.get('h') as Value;
  const { dtype } = tensorOf(h)!;
  // A norm that stays in float32 is the inner part of one that goes back.
  if (tensorOf(out)?.dtype !== dtype) return undefined;
  // What is rounded to a third dtype before the weight is rounded nowhere else.
  const rounded = found.get('rounded');
  if (rounded !== undefined && tensorOf(rounded)?.dtype !== dtype) return undefined;
  const given = found.get('weight') as Value | undefined;
  if (given && !isRow(given, h)) return undefined;
  const { name, weightBias } = form;
  // In float32 there is no cast to be before or after.
  const castBeforeWeight = form.castBeforeWeight && dtype !== 'f32';
  return {
    form: name,
    h,
    weight: given,
    epsilon: found.get('epsilon') as number,
    weightBias,
    castBeforeWeight,
    out,
  };
}

/** A norm that is one node: its input is `h`. */
export function readNorm(node: Node): NormMatch | undefined {
  if (node.op !== 'rms_norm') return undefined;
  return { form: 'one operation', h: node.operands.x as Value, ...normOperands(node), out: node.outputs[0]! };
}

/** Operands that rms_norm and add_rms_norm have in common; undefined when one is no constant. */
export function normOperands(
  node: Node,
): Pick<NormMatch, 'weight' | 'epsilon' | 'weightBias' | 'castBeforeWeight'> {
  const { weight: given, epsilon, weight_bias, cast_before_weight } = node.operands;
  return {
    weight: (given ?? undefined) as Value | undefined,
    epsilon: Number(epsilon),
    weightBias: Number(weight_bias),
    castBeforeWeight: cast_before_weight === true,
  };
}

/** Whether a weight has one number for each of a row. */
function isRow(given: Value, h: Value): boolean {
  const shape = tensorOf(given)?.shape ?? [];
  return shape.length === 1 && shape[0] === tensorOf(h)!.shape.at(-1);
}

/** The operations from a sum to its norm, for saying where a chain breaks: each step's name, and those that do it. */
export const STEPS: readonly {
  readonly name: string;
  readonly ops: readonly string[];
  readonly isOptional?: true;
}[] = [
  { name: 'a cast to f32', ops: ['cast'], isOptional: true },
  { name: 'its square', ops: ['pow', 'mul'] },
  { name: 'the mean of a row', ops: ['mean'] },
  { name: 'epsilon added', ops: ['add'] },
  { name: 'the reciprocal root', ops: ['rsqrt', 'sqrt', 'pow'] },
  { name: 'the product with the row', ops: ['mul', 'div', 'reciprocal'] },
];
