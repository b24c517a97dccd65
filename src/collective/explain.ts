/**
 * @file What a call would run and why: what the plan says, and where that cannot be, what runs in its place.
 */
import { MODES, OPERATIONS, type Operation, QUANTIZATIONS, type Quantization } from '../operations.ts';
import type { Explanation } from '../plan/explain.ts';
import type { PlanIndex } from '../plan/lookup.ts';
import { type DType, dtypeCode, parseDType } from '../tensor/dtype.ts';
import { parseOperation } from './catalog.ts';
import type { Dispatcher } from './dispatch.ts';
import { explainHere } from './outside.ts';

export interface ExplainOptions {
  /** `bf16` by default. */
  readonly dtype?: DType | undefined;
  /** Elements of a row, of operations on rows. */
  readonly hidden?: number | undefined;
  /** Of operations on rows; `none` by default. */
  readonly quantization?: Quantization | undefined;
  /** Whether it will be recorded; eager by default. */
  readonly replay?: boolean | undefined;
  /** Whether the buffers lie in the symmetric heap; true by default. */
  readonly registered?: boolean | undefined;
}

/** Of a message of so many bytes. @throws CrossoverError when the operation or the dtype is unknown, or the plan has no such key */
export function explainCall(
  plan: PlanIndex,
  dispatcher: Dispatcher,
  operation: Operation,
  bytes: number,
  { hidden = 0, dtype = 'bf16', quantization = 'none', replay = false, registered = true }: ExplainOptions,
): Explanation {
  const name = parseOperation(operation);
  const codes = [
    OPERATIONS.indexOf(name),
    dtypeCode(parseDType(dtype)),
    replay ? 1 : 0,
    QUANTIZATIONS.indexOf(quantization),
  ] as const;
  const [, code, mode, quantized] = codes;
  const planned = explainHere(
    plan,
    dispatcher.key(name, code, MODES[mode]!, quantized, hidden, registered),
    bytes,
  );
  const { algorithm } = dispatcher.select(...codes, hidden, bytes, !registered);
  if (algorithm.name === planned.algorithm) return planned;
  const note = `${planned.algorithm} cannot serve this size here: ${algorithm.name} does`;
  return { ...planned, notes: [...planned.notes, note] };
}
