/**
 * @file Cases of the operations in which ranks meet, worked out by hand.
 */
import { type Case, each, shaped, t } from '../node.ts';

const f32 = (nested: Parameters<typeof t>[1]) => t('f32', nested);
const bf16 = (nested: Parameters<typeof t>[1]) => t('bf16', nested);
const ALL = { group: '' };
const SUM = { reduce: 'sum', ...ALL };
const NORM = { weight: null, epsilon: 0, weight_bias: 0, cast_before_weight: false, scale: null, ...ALL };

const three = (reduce: string, to: number[]): Case => ({
  shows: `${reduce} of three ranks`,
  op: 'all_reduce',
  operands: { x: each(f32([1, -8]), f32([5, 2]), f32([3, 3])), reduce, group: '' },
  gives: [f32(to)],
});

/** Sum 1, 1, -1, -1; with the residual 2, 2, -2, -2, whose root mean square is 2. */
const PARTS = each(bf16([[1, 2, -1, -2]]), bf16([[0, -1, 0, 1]]));
const RESIDUAL = bf16([[1, 1, -1, -1]]);
const TWOS = bf16([[2, 2, -2, -2]]);

/** Root mean square 4. */
const FOURS = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 4 : -4));

export const COLLECTIVE_CASES: readonly Case[] = [
  three('sum', [9, -3]),
  three('avg', [3, -1]),
  three('max', [5, 3]),
  three('min', [1, -8]),
  {
    shows: 'one rank alone',
    op: 'all_reduce',
    operands: { x: f32([1, 2]), ...SUM },
    gives: [f32([1, 2])],
  },
  {
    shows: 'one rounding to bf16: 256 + 1 + 1 is 258',
    op: 'all_reduce',
    operands: { x: each(bf16([256]), bf16([1]), bf16([1])), ...SUM },
    gives: [bf16([258])],
  },
  {
    shows: 'sums are float32, in rank order: 2^24 + 1 + 1 is 2^24, 1 + 1 + 2^24 is more',
    op: 'all_reduce',
    operands: { x: each(f32([2 ** 24, 1]), f32([1, 1]), f32([1, 2 ** 24])), ...SUM },
    gives: [f32([2 ** 24, 2 ** 24 + 2])],
  },
  {
    shows: 'sums are float64 when nothing is rounded',
    op: 'all_reduce',
    operands: { x: each(f32([2 ** 24]), f32([1]), f32([1])), ...SUM },
    gives: [f32([2 ** 24 + 2])],
    options: { precision: 'float64' },
  },
  {
    shows: 'whole numbers wrap around',
    op: 'all_reduce',
    operands: { x: each(t('i8', [100]), t('i8', [100])), ...SUM },
    gives: [t('i8', [-56])],
  },
  {
    shows: 'two groups of two',
    op: 'all_reduce',
    operands: { x: each(f32([1]), f32([2]), f32([10]), f32([20])), reduce: 'sum', group: 'tp' },
    gives: [each(f32([11]), f32([22]), f32([11]), f32([22]))],
    options: {
      groups: {
        tp: [
          [0, 2],
          [3, 1],
        ],
      },
    },
  },
  {
    shows: 'along columns',
    op: 'all_gather',
    operands: { x: each(f32([[1], [2]]), f32([[3], [4]])), dim: -1, ...ALL },
    gives: [
      f32([
        [1, 3],
        [2, 4],
      ]),
    ],
  },
  {
    shows: 'along rows, in the order of the group',
    op: 'all_gather',
    operands: { x: each(f32([[1]]), f32([[2]])), dim: 0, group: 'backwards' },
    gives: [f32([[2], [1]])],
    options: { groups: { backwards: [[1, 0]] } },
  },
  {
    shows: 'rows',
    op: 'reduce_scatter',
    operands: {
      x: each(
        f32([
          [1, 2],
          [3, 4],
        ]),
        f32([
          [10, 20],
          [30, 40],
        ]),
      ),
      dim: 0,
      ...SUM,
    },
    gives: [each(f32([[11, 22]]), f32([[33, 44]]))],
  },
  {
    shows: 'columns',
    op: 'reduce_scatter',
    operands: {
      x: each(
        f32([
          [1, 2],
          [3, 4],
        ]),
        f32([
          [10, 20],
          [30, 40],
        ]),
      ),
      dim: 1,
      ...SUM,
    },
    gives: [each(f32([[11], [33]]), f32([[22], [44]]))],
  },
  {
    shows: 'of rank 1',
    op: 'broadcast',
    operands: { x: each(f32([1]), f32([2]), f32([3])), root: 1, ...ALL },
    gives: [f32([2])],
  },
  {
    shows: 'the norm and the sum',
    op: 'all_reduce_rms_norm',
    operands: { ...NORM, x: PARTS, residual: RESIDUAL, weight: bf16([1, 2, 3, 4]), quantization: 'none' },
    gives: [bf16([[1, 2, -3, -4]]), TWOS],
  },
  {
    shows: 'without a residual',
    op: 'all_reduce_rms_norm',
    operands: {
      ...NORM,
      x: PARTS,
      residual: null,
      weight_bias: 1,
      weight: bf16([0, 0, 1, 1]),
      quantization: 'none',
    },
    gives: [bf16([[1, 1, -2, -2]]), bf16([[1, 1, -1, -1]])],
  },
  {
    shows: 'the sum is rounded before the residual is added: 256 + 1 is 256, and + 1 is 256 again',
    op: 'all_reduce_rms_norm',
    operands: { ...NORM, x: each(bf16([[256]]), bf16([[1]])), residual: bf16([[1]]), quantization: 'none' },
    gives: [bf16([[1]]), bf16([[256]])],
  },
  {
    shows: 'with codes by a scale that is given',
    op: 'all_reduce_rms_norm',
    operands: { ...NORM, x: PARTS, residual: RESIDUAL, quantization: 'f8e4m3_static', scale: 0.5 },
    gives: [bf16([[1, 1, -1, -1]]), TWOS, t('f8e4m3', [[2, 2, -2, -2]])],
  },
  {
    shows: 'with i8 codes and scales',
    op: 'all_reduce_rms_norm',
    operands: {
      ...NORM,
      x: PARTS,
      residual: RESIDUAL,
      weight: bf16([127, 64, 2, 1]),
      quantization: 'i8_token',
    },
    gives: [bf16([[127, 64, -2, -1]]), TWOS, t('i8', [[127, 64, -2, -1]]), f32([[1]])],
  },
  {
    shows: 'with f8e4m3 codes and scales',
    op: 'all_reduce_rms_norm',
    operands: {
      ...NORM,
      x: PARTS,
      residual: RESIDUAL,
      weight: bf16([896, 448, 2, 1]),
      quantization: 'f8e4m3_token',
    },
    gives: [bf16([[896, 448, -2, -1]]), TWOS, t('f8e4m3', [[448, 224, -1, -0.5]]), f32([[2]])],
  },
  {
    shows: 'with pairs of e2m1: norms of 1 and -1 with block scale 1/6 in f8e4m3, 0.171875, become 6',
    op: 'all_reduce_rms_norm',
    operands: { ...NORM, x: shaped('bf16', [1, 16], FOURS), residual: null, quantization: 'nvfp4', scale: 1 },
    gives: [
      shaped('bf16', [1, 16], FOURS.map(Math.sign)),
      shaped('bf16', [1, 16], FOURS),
      shaped('e2m1x2', [1, 8], new Array(8).fill(0xf7)),
      t('f8e4m3', [[0.171875]]),
    ],
  },
];
