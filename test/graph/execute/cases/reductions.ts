/**
 * @file Cases of the operations along dims, worked out by hand.
 */
import { type Case, shaped, t } from '../node.ts';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const f32 = (nested: Parameters<typeof t>[1]) => t('f32', nested);
const i64 = (nested: Parameters<typeof t>[1]) => t('i64', nested);

const X = f32([
  [0, 1, 2],
  [3, 4, 5],
]);
const CUBE = shaped(
  'f32',
  [2, 3, 2],
  Array.from({ length: 12 }, (_, i) => i),
);

export const REDUCTION_CASES: readonly Case[] = [
  {
    shows: 'rows',
    op: 'cumsum',
    operands: { x: X, dim: 1 },
    gives: [
      f32([
        [0, 1, 3],
        [3, 7, 12],
      ]),
    ],
  },
  {
    shows: 'columns',
    op: 'cumsum',
    operands: { x: X, dim: -2 },
    gives: [
      f32([
        [0, 1, 2],
        [3, 5, 7],
      ]),
    ],
  },
  {
    shows: 'truth values',
    op: 'cumsum',
    operands: { x: t('bool', [true, false, true]), dim: 0 },
    gives: [i64([1, 1, 2])],
  },
  {
    shows: 'of nothing',
    op: 'cumsum',
    operands: { x: shaped('f32', [2, 0]), dim: 1 },
    gives: [shaped('f32', [2, 0])],
  },
  {
    shows: 'accumulates in float64 and rounds once: 256 + 1 + 1 is 258 in bf16',
    op: 'cumsum',
    operands: { x: t('bf16', [256, 1, 1]), dim: 0 },
    gives: [t('bf16', [256, 256, 258])],
  },
  {
    shows: 'rows',
    op: 'diff',
    operands: {
      x: i64([
        [1, 4, 9],
        [0, 5, 3],
      ]),
      dim: -1,
      prepend: null,
    },
    gives: [
      i64([
        [3, 5],
        [5, -2],
      ]),
    ],
  },
  { shows: 'columns', op: 'diff', operands: { x: X, dim: 0 }, gives: [f32([[3, 3, 3]])] },
  {
    shows: 'with something before',
    op: 'diff',
    operands: {
      x: i64([
        [1, 4],
        [0, 5],
      ]),
      dim: 1,
      prepend: i64([[-1], [0]]),
    },
    gives: [
      i64([
        [2, 3],
        [0, 5],
      ]),
    ],
  },
  {
    shows: 'truth values change or do not',
    op: 'diff',
    operands: { x: t('bool', [true, false, false, true]), dim: 0 },
    gives: [t('bool', [true, false, true])],
  },
  { shows: 'a row', op: 'mean', operands: { x: X, dims: [-1], keepdim: true }, gives: [f32([[1], [4]])] },
  {
    shows: 'all',
    op: 'mean',
    operands: { x: X, dims: [], keepdim: false },
    gives: [shaped('f32', [], [2.5])],
  },
  {
    shows: 'of nothing is NaN',
    op: 'mean',
    operands: { x: shaped('f32', [1, 0]), dims: [1], keepdim: false },
    gives: [f32([nan])],
  },
  {
    shows: 'two dims around one',
    op: 'sum',
    operands: { x: CUBE, dims: [0, 2], keepdim: false },
    gives: [f32([14, 22, 30])],
  },
  {
    shows: 'and keeps them',
    op: 'sum',
    operands: { x: CUBE, dims: [2, 0], keepdim: true },
    gives: [f32([[[14], [22], [30]]])],
  },
  {
    shows: 'of nothing is 0',
    op: 'sum',
    operands: { x: shaped('f32', [2, 0]), dims: [1], keepdim: false },
    gives: [f32([0, 0])],
  },
  {
    shows: 'counts truth',
    op: 'sum',
    operands: { x: t('bool', [true, true, false]), dims: [0], keepdim: false },
    gives: [shaped('i64', [], [2])],
  },
  {
    shows: 'columns',
    op: 'amax',
    operands: {
      x: f32([
        [0, 9],
        [3, -4],
      ]),
      dims: [0],
      keepdim: false,
    },
    gives: [f32([3, 9])],
  },
  {
    shows: 'NaN wins',
    op: 'amax',
    operands: {
      x: f32([
        [1, nan],
        [-inf, -inf],
      ]),
      dims: [1],
      keepdim: true,
    },
    gives: [f32([[nan], [-inf]])],
  },
  {
    shows: 'the first of equals',
    op: 'argmax',
    operands: {
      x: f32([
        [1, 3, 3],
        [5, 5, 0],
      ]),
      dim: 1,
      keepdim: false,
    },
    gives: [i64([1, 0])],
  },
  {
    shows: 'the first NaN',
    op: 'argmax',
    operands: { x: f32([1, nan, inf, nan]), dim: -1, keepdim: true },
    gives: [i64([1])],
  },
  {
    shows: 'columns',
    op: 'argmax',
    operands: {
      x: f32([
        [1, 3],
        [5, 0],
      ]),
      dim: 0,
      keepdim: true,
    },
    gives: [i64([[1, 0]])],
  },
  {
    shows: 'rows: exp is 1, 2, 3 over 6',
    op: 'softmax',
    operands: {
      x: f32([
        [0, Math.log(2), Math.log(3)],
        [1000, 1000, -inf],
      ]),
      dim: -1,
    },
    gives: [
      f32([
        [1 / 6, 2 / 6, 3 / 6],
        [0.5, 0.5, 0],
      ]),
    ],
    within: 1e-7,
  },
  {
    shows: 'columns',
    op: 'softmax',
    operands: {
      x: f32([
        [0, 5],
        [Math.log(3), 5],
      ]),
      dim: 0,
    },
    gives: [
      f32([
        [0.25, 0.5],
        [0.75, 0.5],
      ]),
    ],
    within: 1e-7,
  },
  {
    shows: 'nothing but -inf is NaN',
    op: 'softmax',
    operands: { x: f32([-inf, -inf]), dim: 0 },
    gives: [f32([nan, nan])],
  },
];
