/**
 * @file What a call knows of the graph around it.
 */
import type { Node, Operand, Value } from '../../ir/graph.ts';

/** Operands as a call holds them: constants, values, and lists of them. */
export interface CallArgument {
  readonly kind: string;
  readonly operand: Operand;
}

export interface CallContext {
  readonly origin: string;
  readonly args: ReadonlyMap<string, CallArgument>;
  /** The node's outputs as the file declares them. */
  readonly declared: readonly Value[];
  readonly isRead: (output: number) => boolean;
  readonly makerOf: (value: Value) => Node | undefined;
  /** A name that no other value has. */
  readonly freshName: (wanted: string) => string;
}
