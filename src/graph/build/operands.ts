/**
 * @file What the builder's methods take, and how their operands become those of nodes.
 */
import type { Operand, Value } from '../ir/graph.ts';
import type { GraphDType, TensorType } from '../ir/type.ts';

/** Dtypes that weights can be given in. */
export type WeightDType = 'f32' | 'f16' | 'bf16' | 'f8e4m3' | 'i8';
export type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'pow'
  | 'minimum'
  | 'maximum'
  | Comparison
  | 'and'
  | 'or';
type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';
export type UnaryOp =
  | 'neg'
  | 'abs'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'rsqrt'
  | 'reciprocal'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'erf'
  | 'sigmoid'
  | 'silu'
  | 'relu'
  | 'not'
  | 'round'
  | 'floor'
  | 'ceil';

export interface NormOptions {
  /** 1e-6 by default. */
  readonly epsilon?: number;
  /** Added to the weight, 0 by default. */
  readonly weightBias?: number;
  /** Whether x * rstd is rounded before the weight is multiplied; false by default. */
  readonly castBeforeWeight?: boolean;
}

export function normOperands(weight: Value | null, options: NormOptions): Record<string, Operand> {
  const { epsilon = 1e-6, weightBias = 0, castBeforeWeight = false } = options;
  return { weight, epsilon, weight_bias: weightBias, cast_before_weight: castBeforeWeight };
}

const PRECEDENCE: readonly GraphDType[] = [
  'f64',
  'f32',
  'bf16',
  'f16',
  'i64',
  'i32',
  'i16',
  'i8',
  'u8',
  'bool',
];

const COMPARISONS = new Set<string>(['eq', 'ne', 'lt', 'le', 'gt', 'ge']);

/** The dtype that a binary operation gives. */
export function resultDType(op: BinaryOp, types: readonly TensorType[]): GraphDType {
  return COMPARISONS.has(op) ? 'bool' : promote(types);
}

/** The dtype of a result: of tensors with dims before those without, as torch has it. */
function promote(types: readonly TensorType[]): GraphDType {
  const withDims = types.filter(({ shape }) => shape.length > 0);
  const names = (withDims.length > 0 ? withDims : types).map(({ dtype }) => dtype);
  if (names.includes('bf16') && names.includes('f16')) return 'f32';
  return PRECEDENCE.find((dtype) => names.includes(dtype)) ?? names[0]!;
}
