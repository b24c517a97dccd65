/**
 * @file Cases of the operations that look elements up, worked out by hand.
 */
import { type Case, shaped, t } from '../node.ts';

const f32 = (nested: Parameters<typeof t>[1]) => t('f32', nested);
const i64 = (nested: Parameters<typeof t>[1]) => t('i64', nested);

/** 0 to 5 in two rows of three. */
const X = f32([
  [0, 1, 2],
  [3, 4, 5],
]);
/** 0 to 23. */
const CUBE = shaped(
  'f32',
  [2, 3, 4],
  Array.from({ length: 24 }, (_, i) => i),
);

export const INDEXING_CASES: readonly Case[] = [
  {
    shows: 'a null takes a whole dim, positions count from the end',
    op: 'index',
    operands: { x: X, indices: [null, i64([2, -3])] },
    gives: [
      f32([
        [2, 0],
        [5, 3],
      ]),
    ],
  },
  {
    shows: 'pairs of positions',
    op: 'index',
    operands: { x: X, indices: [i64([0, 1]), i64([2, 0])] },
    gives: [f32([2, 3])],
  },
  {
    shows: 'a column of rows and a row of columns',
    op: 'index',
    operands: { x: X, indices: [i64([[1], [0]]), i64([0, 2])] },
    gives: [
      f32([
        [3, 5],
        [0, 2],
      ]),
    ],
  },
  {
    shows: 'indexed dims that stand together stay in place',
    op: 'index',
    operands: { x: CUBE, indices: [null, i64([2, 0]), i64([3, 1])] },
    // x[i][2][3], x[i][0][1]
    gives: [
      f32([
        [11, 1],
        [23, 13],
      ]),
    ],
  },
  {
    shows: 'indexed dims with one between them come first',
    op: 'index',
    operands: { x: CUBE, indices: [i64([1, 0]), null, i64([3, 0])] },
    // x[1][j][3], x[0][j][0]
    gives: [
      f32([
        [15, 19, 23],
        [0, 4, 8],
      ]),
    ],
  },
  {
    shows: 'one in the middle, with a shape of its own',
    op: 'index',
    operands: { x: CUBE, indices: [null, i64([[2, 1]])] },
    gives: [shaped('f32', [2, 1, 2, 4], [8, 9, 10, 11, 4, 5, 6, 7, 20, 21, 22, 23, 16, 17, 18, 19])],
  },
  {
    shows: 'a mask',
    op: 'index',
    operands: {
      x: X,
      indices: [
        t('bool', [
          [true, false, false],
          [false, true, true],
        ]),
      ],
    },
    gives: [f32([0, 4, 5])],
  },
  {
    shows: 'nothing',
    op: 'index',
    operands: { x: X, indices: [shaped('i64', [0])] },
    gives: [shaped('f32', [0, 3])],
  },
  {
    shows: 'torch: out[i][j] = x[index[i][j]][j]',
    op: 'gather',
    operands: {
      x: X,
      dim: 0,
      index: i64([
        [1, 0, -1],
        [0, 0, 1],
      ]),
    },
    gives: [
      f32([
        [3, 1, 5],
        [0, 1, 5],
      ]),
    ],
  },
  {
    shows: 'fewer rows than x has',
    op: 'gather',
    operands: { x: X, dim: 1, index: i64([[2, 2, 0, 1]]) },
    gives: [f32([[2, 2, 0, 1]])],
  },
  {
    shows: 'rows by number',
    op: 'embedding',
    operands: {
      weight: X,
      indices: i64([
        [1, 0],
        [1, 1],
      ]),
    },
    gives: [
      f32([
        [
          [3, 4, 5],
          [0, 1, 2],
        ],
        [
          [3, 4, 5],
          [3, 4, 5],
        ],
      ]),
    ],
  },
];
