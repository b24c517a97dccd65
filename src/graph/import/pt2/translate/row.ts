/**
 * @file A row of the translation table: what becomes of one operation of torch. Rows go by the operation's name, whatever its overload: overloads
 * of one name mean the same, and differ in the arguments that they take.
 */
import type { Call, Results } from '../call.ts';

/** Makes nodes of the call, and gives what stands for each output. Throws NotUnderstood for what it does not know. */
export type Row = (call: Call) => Results;

export type Rows = Readonly<Record<string, Row>>;
