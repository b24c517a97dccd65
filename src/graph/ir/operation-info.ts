/** @file What is known of an operation. */

/**
 * What an operand may be. `number` is a constant, or a scalar value; `operand` a tensor or a number; `int` and `bool` constants or scalar values; `ints` a
 * list of ints; `indices` a list of tensors and nulls. A `?` behind the kind: may be absent or null.
 */
export type OperandKind =
  | 'tensor'
  | 'tensors'
  | 'operand'
  | 'number'
  | 'int'
  | 'ints'
  | 'bool'
  | 'text'
  | 'indices';
export type Signature = Readonly<Record<string, OperandKind | `${OperandKind}?`>>;

export interface OperationInfo {
  readonly operands: Signature;
  /** Smallest and largest number of outputs. */
  readonly outputs: readonly [least: number, most: number];
  /** Type rule that the verifier checks. */
  readonly rule: Rule;
  /** Whether ranks meet in it. */
  readonly collective?: boolean;
}

/** How the output's shape follows from the operands': see verify.ts. */
export type Rule =
  | 'broadcast'
  | 'same-shape'
  | 'same-type'
  | 'reshape'
  | 'permute'
  | 'matmul'
  | 'linear'
  | 'cat'
  | 'norm'
  | 'reduce'
  | 'free';
