/**
 * @file Cases of products and attention, worked out by hand.
 */
import { type Case, shaped, t } from '../node.ts';

const { POSITIVE_INFINITY: inf } = Number;
const f32 = (nested: Parameters<typeof t>[1]) => t('f32', nested);

const A = f32([
  [1, 2],
  [3, 4],
]);
const SETTINGS = { causal: false, scale: 1, grouped: false, mask: null };
/** Products 0 and ln 3: weights 1/4 and 3/4. */
const QUERY = f32([[1]]);
const KEY = f32([[0], [Math.log(3)]]);
const VALUE = f32([
  [4, 0],
  [8, 4],
]);

export const PRODUCT_CASES: readonly Case[] = [
  {
    shows: 'matrices',
    op: 'matmul',
    operands: {
      a: A,
      b: f32([
        [5, 6],
        [7, 8],
      ]),
    },
    gives: [
      f32([
        [19, 22],
        [43, 50],
      ]),
    ],
  },
  {
    shows: 'a row and a column',
    op: 'matmul',
    operands: { a: f32([1, 2]), b: f32([3, 4]) },
    gives: [shaped('f32', [], [11])],
  },
  { shows: 'a row and a matrix', op: 'matmul', operands: { a: f32([1, 2]), b: A }, gives: [f32([7, 10])] },
  { shows: 'a matrix and a column', op: 'matmul', operands: { a: A, b: f32([1, 2]) }, gives: [f32([5, 11])] },
  {
    shows: 'batches that are broadcast',
    op: 'matmul',
    operands: {
      a: f32([[[[1, 2]]], [[[3, 4]]]]),
      b: f32([
        [[1], [0]],
        [[0], [1]],
        [[1], [1]],
      ]),
    },
    gives: [
      f32([
        [[[1]], [[2]], [[3]]],
        [[[3]], [[4]], [[7]]],
      ]),
    ],
  },
  {
    shows: 'a sum of nothing is 0',
    op: 'matmul',
    operands: { a: shaped('f32', [2, 0]), b: shaped('f32', [0, 2]) },
    gives: [
      f32([
        [0, 0],
        [0, 0],
      ]),
    ],
  },
  {
    shows: 'one rounding: 256 + 1 + 1 in bf16 is 258',
    op: 'matmul',
    operands: { a: t('bf16', [[256, 1, 1]]), b: t('bf16', [[1], [1], [1]]) },
    gives: [t('bf16', [[258]])],
  },
  {
    shows: 'x times weight transposed',
    op: 'linear',
    operands: {
      x: f32([[1, 2]]),
      weight: f32([
        [1, 0],
        [0, 1],
        [3, 4],
      ]),
    },
    gives: [f32([[1, 2, 11]])],
  },
  {
    shows: 'a row, with bias',
    op: 'linear',
    operands: {
      x: f32([1, 2]),
      weight: f32([
        [1, 1],
        [2, 0],
      ]),
      bias: f32([10, 20]),
    },
    gives: [f32([13, 22])],
  },
  {
    shows: 'the bias before the only rounding: 256 + 1 + 1 in bf16 is 258',
    op: 'linear',
    operands: { x: t('bf16', [[256, 1]]), weight: t('bf16', [[1, 1]]), bias: t('bf16', [1]) },
    gives: [t('bf16', [[258]])],
  },
  {
    shows: 'weights 1/4 and 3/4',
    op: 'attention',
    operands: { query: QUERY, key: KEY, value: VALUE, ...SETTINGS },
    gives: [f32([[7, 3]])],
    within: 1e-6,
  },
  {
    shows: '1 / sqrt(4) is the scale of 4 columns',
    op: 'attention',
    operands: {
      ...SETTINGS,
      query: f32([[1, 1, 1, 1]]),
      key: f32([
        [0, 0, 0, 0],
        [Math.log(9), 0, 0, 0],
      ]),
      value: VALUE,
      scale: null,
    },
    gives: [f32([[7, 3]])],
    within: 1e-6,
  },
  {
    shows: 'a mask that is added: ln 3 less makes them equal',
    op: 'attention',
    operands: { ...SETTINGS, query: QUERY, key: KEY, value: VALUE, mask: f32([[0, -Math.log(3)]]) },
    gives: [f32([[6, 2]])],
    within: 1e-6,
  },
  {
    shows: 'a mask of truth values; a row that may see nothing gives zeros',
    op: 'attention',
    operands: {
      ...SETTINGS,
      query: f32([[1], [1]]),
      key: KEY,
      value: VALUE,
      mask: t('bool', [
        [false, true],
        [false, false],
      ]),
    },
    gives: [
      f32([
        [8, 4],
        [0, 0],
      ]),
    ],
  },
  {
    shows: 'nothing but -inf gives zeros too',
    op: 'attention',
    operands: { ...SETTINGS, query: QUERY, key: KEY, value: VALUE, mask: f32([[-inf, -inf]]) },
    gives: [f32([[0, 0]])],
  },
  {
    shows: 'causal: the first row sees the first column, however many there are',
    op: 'attention',
    operands: {
      ...SETTINGS,
      query: f32([[1], [1]]),
      key: f32([[0], [Math.log(3)], [5]]),
      value: f32([[4], [8], [100]]),
      causal: true,
    },
    gives: [f32([[4], [7]])],
    within: 1e-6,
  },
  {
    shows: 'four heads of the query share two, side by side',
    op: 'attention',
    operands: {
      ...SETTINGS,
      query: shaped('f32', [1, 4, 1, 1], [1, 1, 1, 1]),
      key: shaped('f32', [1, 2, 1, 1], [1, 1]),
      value: shaped('f32', [1, 2, 1, 1], [10, 20]),
      grouped: true,
    },
    gives: [shaped('f32', [1, 4, 1, 1], [10, 10, 20, 20])],
  },
  {
    shows: 'one head of key and value is broadcast',
    op: 'attention',
    operands: {
      ...SETTINGS,
      query: shaped('f32', [2, 1, 1], [1, 1]),
      key: shaped('f32', [1, 2, 1], [0, Math.log(3)]),
      value: shaped('f32', [1, 2, 1], [4, 8]),
      mask: t('bool', [[[true, true]], [[true, false]]]),
    },
    gives: [shaped('f32', [2, 1, 1], [7, 4])],
    within: 1e-6,
  },
];
