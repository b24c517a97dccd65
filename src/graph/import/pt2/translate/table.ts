/**
 * @file The translation table: operations of torch by namespace and name, and what becomes of each.
 */
import { COLLECTIVES } from './collectives.ts';
import { COPIES } from './copies.ts';
import { CREATION } from './creation.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { NORMS } from './norms.ts';
import { PARTS } from './parts.ts';
import { PRODUCTS } from './products.ts';
import { QUANTIZATION } from './quantization.ts';
import { REDUCTIONS } from './reductions.ts';
import type { Row } from './row.ts';
import { SHAPES } from './shapes.ts';

export const TABLE: ReadonlyMap<string, Row> = new Map(
  [
    ELEMENTWISE,
    COPIES,
    SHAPES,
    PARTS,
    CREATION,
    REDUCTIONS,
    PRODUCTS,
    NORMS,
    COLLECTIVES,
    QUANTIZATION,
  ].flatMap((rows) => Object.entries(rows)),
);
