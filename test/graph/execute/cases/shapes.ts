/**
 * @file Cases of the operations that move numbers, worked out by hand.
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
const FAR = 2 ** 63;

const slice = (shows: string, dim: number, start: number, end: number, step: number, to: number[]): Case => ({
  shows,
  op: 'slice',
  operands: { x: f32([0, 1, 2, 3, 4]), dim, start, end, step },
  gives: [shaped('f32', [to.length], to)],
});

export const SHAPE_CASES: readonly Case[] = [
  {
    shows: '-1 is the rest',
    op: 'reshape',
    operands: { x: X, shape: [3, -1] },
    gives: [
      f32([
        [0, 1],
        [2, 3],
        [4, 5],
      ]),
    ],
  },
  {
    shows: 'to no dims',
    op: 'reshape',
    operands: { x: f32([[7]]), shape: [] },
    gives: [shaped('f32', [], [7])],
  },
  {
    shows: 'of nothing',
    op: 'reshape',
    operands: { x: shaped('f32', [0, 3]), shape: [-1, 6] },
    gives: [shaped('f32', [0, 6])],
  },
  {
    shows: 'dims from the end',
    op: 'permute',
    operands: { x: X, dims: [-1, 0] },
    gives: [
      f32([
        [0, 3],
        [1, 4],
        [2, 5],
      ]),
    ],
  },
  {
    shows: 'three dims',
    op: 'permute',
    operands: { x: CUBE, dims: [2, 0, 1] },
    gives: [
      shaped(
        'f32',
        [4, 2, 3],
        [0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23],
      ),
    ],
  },
  {
    shows: '-1 keeps, new dims repeat',
    op: 'expand',
    operands: { x: f32([[1], [2]]), shape: [2, -1, 3] },
    gives: [
      f32([
        [
          [1, 1, 1],
          [2, 2, 2],
        ],
        [
          [1, 1, 1],
          [2, 2, 2],
        ],
      ]),
    ],
  },
  {
    shows: 'to nothing',
    op: 'expand',
    operands: { x: f32([[1, 2]]), shape: [0, 2] },
    gives: [shaped('f32', [0, 2])],
  },
  slice('from the end', 0, -3, -1, 1, [2, 3]),
  slice('ends far away are clamped', -1, -100, FAR, 1, [0, 1, 2, 3, 4]),
  slice('steps', 0, 1, FAR, 2, [1, 3]),
  slice('nothing between', 0, 4, 2, 1, []),
  slice('behind the end', 0, 9, 12, 1, []),
  slice('backwards to before the first', 0, FAR, -FAR, -2, [4, 2, 0]),
  slice('backwards to a position', 0, -1, 1, -1, [4, 3, 2]),
  {
    shows: 'another dim than the last',
    op: 'slice',
    operands: { x: CUBE, dim: 1, start: 1, end: 3, step: 1 },
    gives: [shaped('f32', [2, 2, 4], [4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23])],
  },
  { shows: 'from the end', op: 'select', operands: { x: X, dim: 1, index: -1 }, gives: [f32([2, 5])] },
  {
    shows: 'to no dims',
    op: 'select',
    operands: { x: f32([7, 8]), dim: 0, index: 1 },
    gives: [shaped('f32', [], [8])],
  },
  {
    shows: 'along columns, and an empty one among them',
    op: 'cat',
    operands: { xs: [X, shaped('f32', [0]), f32([[9], [8]])], dim: -1 },
    gives: [
      f32([
        [0, 1, 2, 9],
        [3, 4, 5, 8],
      ]),
    ],
  },
  {
    shows: 'along rows',
    op: 'cat',
    operands: {
      xs: [
        f32([[1, 2]]),
        f32([
          [3, 4],
          [5, 6],
        ]),
      ],
      dim: 0,
    },
    gives: [
      f32([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    ],
  },
  {
    shows: 'as many as the output has',
    op: 'arange',
    operands: { start: 3, step: -2 },
    gives: [i64([3, 1, -1, -3])],
  },
  {
    shows: 'of f32',
    op: 'arange',
    operands: { start: 0, step: 0.1 },
    gives: [f32([0, Math.fround(0.1), Math.fround(0.2)])],
  },
  {
    shows: 'rounds',
    op: 'full',
    operands: { shape: [2, 1], value: 0.1 },
    gives: [f32([[Math.fround(0.1)], [Math.fround(0.1)]])],
  },
  { shows: 'truth', op: 'full', operands: { shape: [2], value: true }, gives: [t('bool', [true, true])] },
  {
    shows: 'a dim from the end',
    op: 'size',
    operands: { x: CUBE, dim: -2 },
    gives: [shaped('i64', [], [3])],
  },
];
