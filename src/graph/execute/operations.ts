/**
 * @file Which function computes which operation.
 */
import { CrossoverError } from '../../errors.ts';
import { ATTENTION } from './attention.ts';
import type { CollectiveImplementation, Implementation } from './call.ts';
import { COLLECTIVES } from './collectives.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { INDEXING } from './indexing.ts';
import { MODEL } from './model.ts';
import { NORMS } from './norms.ts';
import { PRODUCTS } from './products.ts';
import { QUANTIZE } from './quantize.ts';
import { REDUCTIONS } from './reductions.ts';
import { SHAPES } from './shapes.ts';

const LOCAL: ReadonlyMap<string, Implementation> = new Map(
  [ELEMENTWISE, SHAPES, INDEXING, REDUCTIONS, PRODUCTS, ATTENTION, NORMS, QUANTIZE, MODEL].flatMap(
    Object.entries<Implementation>,
  ),
);
const TOGETHER: ReadonlyMap<string, CollectiveImplementation> = new Map(Object.entries(COLLECTIVES));

/** Whether the executor computes an operation. */
export function isRunnable(op: string): boolean {
  return LOCAL.has(op) || TOGETHER.has(op);
}

/** Undefined for what each rank computes alone. */
export function collectiveOf(op: string): CollectiveImplementation | undefined {
  return TOGETHER.get(op);
}

/** @throws CrossoverError for an operation that is not computed, or not alone */
export function localOf(op: string): Implementation {
  const found = LOCAL.get(op);
  if (found) return found;
  throw new CrossoverError(`no rank computes "${op}" alone`);
}
