/**
 * @file Every operation of the table, by cases worked out by hand.
 */
import { describe, expect, it } from 'vitest';
import { MODEL_OPERATIONS } from '../../../dist/graph/ir/model-operations.js';
import { OPERATIONS } from '../../../dist/graph/ir/operations.js';
import { COLLECTIVE_CASES } from './cases/collectives.ts';
import { ELEMENTWISE_CASES } from './cases/elementwise.ts';
import { INDEXING_CASES } from './cases/indexing.ts';
import { NORM_CASES } from './cases/norms.ts';
import { PRODUCT_CASES } from './cases/products.ts';
import { REDUCTION_CASES } from './cases/reductions.ts';
import { SHAPE_CASES } from './cases/shapes.ts';
import { type Case, type Each, type Example, runNode } from './node.ts';

const CASES: readonly Case[] = [
  ...ELEMENTWISE_CASES,
  ...SHAPE_CASES,
  ...INDEXING_CASES,
  ...REDUCTION_CASES,
  ...PRODUCT_CASES,
  ...NORM_CASES,
  ...COLLECTIVE_CASES,
];

/** What one rank is to have. */
function ofRank(example: Example | Each, rank: number): Example {
  return 'each' in example ? example.each[rank]! : example;
}

function compare(got: Example, wanted: Example, within: number): void {
  expect({ dtype: got.dtype, shape: got.shape }).toEqual({ dtype: wanted.dtype, shape: wanted.shape });
  expect(got.values.length).toBe(wanted.values.length);
  for (const [i, value] of got.values.entries()) {
    const exact = wanted.values[i]!;
    // Tables do not tell -0 from 0.
    const isSame =
      Object.is(value + 0, exact + 0) || Math.abs(value - exact) <= within * Math.max(1, Math.abs(exact));
    if (!isSame) expect(got.values).toEqual(wanted.values);
  }
}

describe('operations', () => {
  it.each(CASES.map((one) => [one.op, one.shows, one] as const))('%s: %s', (_op, _shows, one) => {
    const outputs = one.gives.map((example) => ofRank(example, 0));
    const ranks = runNode(one.op, one.operands, outputs, one.options);
    for (const [rank, results] of ranks.entries()) {
      expect(results.length).toBe(one.gives.length);
      for (const [i, got] of results.entries()) compare(got, ofRank(one.gives[i]!, rank), one.within ?? 0);
    }
  });

  it('are all there', () => {
    const seen = new Set<string>(CASES.map(({ op }) => op));
    // Those of models are in model.test.ts.
    for (const op of Object.keys(MODEL_OPERATIONS)) seen.add(op);
    expect(Object.keys(OPERATIONS).filter((op) => !seen.has(op))).toEqual([]);
  });
});
