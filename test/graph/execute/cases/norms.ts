/**
 * @file Cases of norms and quantization, worked out by hand.
 */
import { type Case, shaped, t } from '../node.ts';

const f32 = (nested: Parameters<typeof t>[1]) => t('f32', nested);
const NORM = { weight: null, epsilon: 0, weight_bias: 0, cast_before_weight: false };

/** Mean of squares 3: 1 / sqrt(3) is 0.57735, in bf16 0.578125. */
const THIRD = t('bf16', [[1, 1, 1, 3]]);
const SEVENS = t('bf16', [7, 7, 7, 7]);

/** Every code of e2m1 but -0, and the bytes of their pairs, the first in the low nibble. */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.5, -1, -1.5, -2, -3, -4, -6, 0];
const PAIRS = [0x10, 0x32, 0x54, 0x76, 0xa9, 0xcb, 0xed, 0x0f];

export const NORM_CASES: readonly Case[] = [
  {
    shows: 'without a weight',
    op: 'rms_norm',
    operands: {
      ...NORM,
      x: f32([
        [2, -2],
        [3, -3],
      ]),
    },
    gives: [
      f32([
        [1, -1],
        [1, -1],
      ]),
    ],
  },
  {
    shows: 'epsilon under the root: 1 + 3',
    op: 'rms_norm',
    operands: { ...NORM, x: f32([[1, -1]]), epsilon: 3, weight: f32([1, 4]) },
    gives: [f32([[0.5, -2]])],
  },
  {
    shows: '1 more than the weight',
    op: 'rms_norm',
    operands: { ...NORM, x: f32([[[1, -1]]]), weight: f32([0, 2]), weight_bias: 1 },
    gives: [f32([[[1, -3]]])],
  },
  {
    shows: 'one rounding: 0.57735 * 7 = 4.04145',
    op: 'rms_norm',
    operands: { ...NORM, x: THIRD, weight: SEVENS },
    gives: [t('bf16', [[4.03125, 4.03125, 4.03125, 12.125]])],
  },
  {
    shows: 'two roundings: 0.578125 * 7 = 4.046875, a tie',
    op: 'rms_norm',
    operands: { ...NORM, x: THIRD, weight: SEVENS, cast_before_weight: true },
    gives: [t('bf16', [[4.0625, 4.0625, 4.0625, 12.125]])],
  },
  {
    shows: 'no rounding in float64',
    op: 'rms_norm',
    operands: { ...NORM, x: THIRD, weight: SEVENS, cast_before_weight: true },
    gives: [t('bf16', [[7 / Math.sqrt(3), 7 / Math.sqrt(3), 7 / Math.sqrt(3), 21 / Math.sqrt(3)]])],
    within: 1e-14,
    options: { precision: 'float64' },
  },
  {
    shows: 'no rows',
    op: 'rms_norm',
    operands: { ...NORM, x: shaped('f32', [0, 4]) },
    gives: [shaped('f32', [0, 4])],
  },
  {
    shows: 'the norm is of the rounded sum: 256 + 1 is 256 in bf16; mean of squares 65280.5',
    op: 'add_rms_norm',
    operands: { ...NORM, x: t('bf16', [[256, -256]]), residual: t('bf16', [[1, 1]]) },
    // 256 / 255.5005 = 1.00195 and -255 / 255.5005 = -0.99804
    gives: [t('bf16', [[1, -0.99609375]]), t('bf16', [[256, -255]])],
  },
  {
    shows: 'mean 2, variance 1',
    op: 'layer_norm',
    operands: {
      x: f32([
        [1, 3],
        [3, 1],
      ]),
      weight: f32([2, 5]),
      bias: f32([10, 20]),
      epsilon: 0,
    },
    gives: [
      f32([
        [8, 25],
        [12, 15],
      ]),
    ],
  },
  {
    shows: 'variance 1 and epsilon 3, neither weight nor bias',
    op: 'layer_norm',
    operands: {
      x: f32([
        [1, 3],
        [2, 2],
      ]),
      weight: null,
      bias: null,
      epsilon: 3,
    },
    gives: [
      f32([
        [-0.5, 0.5],
        [0, 0],
      ]),
    ],
  },
  {
    shows: 'f8e4m3 saturates',
    op: 'quantize_static',
    operands: { x: f32([[2, 3, 1000, -1]]), scale: 2 },
    gives: [t('f8e4m3', [[1, 1.5, 448, -0.5]])],
  },
  {
    shows: 'i8 saturates, ties to even',
    op: 'quantize_static',
    operands: { x: f32([1, 1.25, 100, -100]), scale: f32([0.5]) },
    gives: [t('i8', [2, 2, 127, -128])],
  },
  {
    shows: 'rows of 254 and of zeros',
    op: 'quantize_token',
    operands: {
      x: f32([
        [254, -127, 1],
        [0, 0, 0],
      ]),
    },
    gives: [
      t('i8', [
        [127, -64, 0],
        [0, 0, 0],
      ]),
      f32([[2], [1]]),
    ],
  },
  {
    shows: 'f8e4m3, in three dims',
    op: 'quantize_token',
    operands: { x: t('bf16', [[[896, 448]], [[-224, 112]]]) },
    gives: [t('f8e4m3', [[[448, 224]], [[-448, 224]]]), f32([[[2]], [[0.5]]])],
  },
  {
    shows: 'every code, and a block twice as large',
    op: 'quantize_nvfp4',
    operands: { x: shaped('bf16', [1, 32], [...E2M1, ...E2M1.map((value) => 2 * value)]), scale: 1 },
    gives: [shaped('e2m1x2', [1, 16], [...PAIRS, ...PAIRS]), t('f8e4m3', [[1, 2]])],
  },
];
