/**
 * @file The operators that are translated, by domain and name. Those of ai.onnx have their name alone.
 */
import type { OnnxNode } from '../messages.ts';
import { COLLECTIVES } from './collectives.ts';
import { CONSTANTS } from './constants.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { NORMS } from './norms.ts';
import { PARTS } from './parts.ts';
import { PRODUCTS } from './products.ts';
import { REDUCTIONS } from './reductions.ts';
import type { Row } from './row.ts';
import { VIEWS } from './views.ts';

export const ROWS: Readonly<Record<string, Row>> = {
  ...ELEMENTWISE,
  ...CONSTANTS,
  ...VIEWS,
  ...PARTS,
  ...REDUCTIONS,
  ...PRODUCTS,
  ...NORMS,
  ...COLLECTIVES,
};

/** The key of a node's operator in tables. */
export function rowKey({ domain, op }: OnnxNode): string {
  return domain === '' ? op : `${domain}.${op}`;
}
