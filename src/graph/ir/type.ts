/**
 * @file Types of the values of a graph: tensors with a dtype and dims that may be symbols, and the scalars that sizes are computed with.
 */

/** Element types that files name; the engines know some of them (tensor/dtype.ts). */
export const GRAPH_DTYPES = [
  'f64',
  'f32',
  'f16',
  'bf16',
  'f8e4m3',
  'f8e5m2',
  'f8e4m3fnuz',
  'f8e5m2fnuz',
  'e2m1x2',
  'i64',
  'i32',
  'i16',
  'i8',
  'u64',
  'u32',
  'u16',
  'u8',
  'bool',
  'complex32',
  'complex64',
  'complex128',
] as const;

export type GraphDType = (typeof GRAPH_DTYPES)[number];

/**
 * A size: a whole number, or an expression over the graph's symbols, as text: `s26`, `2*s26`, `s0 + 1`. Equal text is an equal size; nothing is
 * known of different texts. dim.ts reads and evaluates them.
 */
export type Dim = number | string;

export interface TensorType {
  readonly kind: 'tensor';
  readonly dtype: GraphDType;
  readonly shape: readonly Dim[];
}

/** What is no tensor: a size or another number, a truth value, or something that only an unknown operation understands. */
export interface ScalarType {
  readonly kind: 'int' | 'float' | 'bool' | 'opaque';
}

export type ValueType = TensorType | ScalarType;

/** Smallest and largest value of a symbol, both inclusive; Infinity where there is no bound. */
export interface SymbolRange {
  readonly min: number;
  readonly max: number;
}

export function tensorType(dtype: GraphDType, shape: readonly Dim[]): TensorType {
  return { kind: 'tensor', dtype, shape };
}

/** `bf16[s26, 4096]`, `f32[]`, `int`. */
export function typeText(type: ValueType): string {
  return type.kind === 'tensor' ? `${type.dtype}[${type.shape.join(', ')}]` : type.kind;
}

export function sameShape(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

export function sameType(a: ValueType, b: ValueType): boolean {
  if (a.kind !== 'tensor' || b.kind !== 'tensor') return a.kind === b.kind;
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

/** Bytes of an element; of a pair of values for e2m1x2. */
export function elementBytes(dtype: GraphDType): number {
  switch (dtype) {
    case 'complex128':
      return 16;
    case 'f64':
    case 'i64':
    case 'u64':
    case 'complex64':
      return 8;
    case 'f32':
    case 'i32':
    case 'u32':
    case 'complex32':
      return 4;
    case 'f16':
    case 'bf16':
    case 'i16':
    case 'u16':
      return 2;
    default:
      return 1;
  }
}

export function isFloating(dtype: GraphDType): boolean {
  return dtype.startsWith('f') || dtype === 'bf16';
}
