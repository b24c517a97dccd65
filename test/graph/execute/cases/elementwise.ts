/**
 * @file Cases of the operations element by element, worked out by hand.
 */
import { type Case, shaped, t } from '../node.ts';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const f32 = (nested: Parameters<typeof t>[1]) => t('f32', nested);
const i64 = (nested: Parameters<typeof t>[1]) => t('i64', nested);
const bool = (nested: Parameters<typeof t>[1]) => t('bool', nested);

const unary = (op: string, from: number[], to: number[], within = 0): Case => ({
  shows: 'of f32',
  op,
  operands: { x: f32(from) },
  gives: [f32(to)],
  within,
});

const compare = (op: string, to: boolean[]): Case => ({
  shows: '1, 2, 3, NaN with 2',
  op,
  operands: { a: f32([1, 2, 3, nan]), b: 2 },
  gives: [bool(to)],
});

export const ELEMENTWISE_CASES: readonly Case[] = [
  {
    shows: 'a column and a row',
    op: 'add',
    operands: { a: f32([[1], [2]]), b: f32([10, 20, 30]) },
    gives: [
      f32([
        [11, 21, 31],
        [12, 22, 32],
      ]),
    ],
  },
  {
    shows: 'one rounding to bf16, ties to even: 256 + 1 is 256, 258 + 1 is 260',
    op: 'add',
    operands: { a: t('bf16', [256, 258]), b: 1 },
    gives: [t('bf16', [256, 260])],
  },
  {
    shows: 'no rounding in float64',
    op: 'add',
    operands: { a: t('bf16', [256, 258]), b: 1 },
    gives: [t('bf16', [257, 259])],
    options: { precision: 'float64' },
  },
  {
    shows: 'f16 overflows to infinity',
    op: 'add',
    operands: { a: t('f16', [65504, 65504]), b: t('f16', [8, 16]) },
    gives: [t('f16', [65504, inf])],
  },
  {
    shows: 'i32 wraps around',
    op: 'add',
    operands: { a: t('i32', [2147483647]), b: 1 },
    gives: [t('i32', [-2147483648])],
  },
  {
    shows: 'u8 wraps around',
    op: 'sub',
    operands: { a: t('u8', [3]), b: t('u8', [5]) },
    gives: [t('u8', [254])],
  },
  {
    shows: 'a number and a tensor without dims',
    op: 'sub',
    operands: { a: 1, b: shaped('f32', [], [3]) },
    gives: [shaped('f32', [], [-2])],
  },
  {
    shows: 'nothing and a column',
    op: 'mul',
    operands: { a: shaped('f32', [2, 0]), b: f32([[1], [2]]) },
    gives: [shaped('f32', [2, 0])],
  },
  {
    shows: 'the lowest 32 bits of a product',
    op: 'mul',
    operands: { a: t('i32', [2147483647, 123456789]), b: t('i32', [2147483647, 987654321]) },
    // (2^31 - 1)^2 = 2^62 - 2^32 + 1, and 121932631112635269.
    gives: [t('i32', [1, -67153019])],
  },
  {
    shows: 'of f32',
    op: 'div',
    operands: { a: f32([1, -1, 0]), b: f32([4, 0, 0]) },
    gives: [f32([0.25, -inf, nan])],
  },
  {
    shows: 'whole numbers that give floating point ones',
    op: 'div',
    operands: { a: i64([7, -7]), b: i64([2, 2]) },
    gives: [f32([3.5, -3.5])],
  },
  {
    shows: 'whole numbers toward zero',
    op: 'div',
    operands: { a: i64([7, -7]), b: i64([2, 2]) },
    gives: [i64([3, -3])],
  },
  {
    shows: 'C has 1 where JavaScript has NaN',
    op: 'pow',
    operands: { a: f32([2, 1, -1, -8, 0]), b: f32([-1, nan, inf, 0.5, 0]) },
    gives: [f32([0.5, 1, 1, nan, 1])],
  },
  {
    shows: 'whole numbers, exactly',
    op: 'pow',
    operands: { a: i64([3, -2, 2, -1, 1, 0]), b: i64([33, 3, -1, -3, -2, 0]) },
    gives: [i64([5559060566555523, -8, 0, -1, 1, 1])],
  },
  {
    shows: 'i32 wraps around: 3^21 - 2 * 2^32',
    op: 'pow',
    operands: { a: t('i32', [3]), b: 21 },
    gives: [t('i32', [1870418611])],
  },
  { shows: 'NaN wins', op: 'minimum', operands: { a: f32([1, 5, nan]), b: 3 }, gives: [f32([1, 3, nan])] },
  { shows: 'NaN wins', op: 'maximum', operands: { a: f32([1, 5, nan]), b: 3 }, gives: [f32([3, 5, nan])] },
  compare('eq', [false, true, false, false]),
  compare('ne', [true, false, true, true]),
  compare('lt', [true, false, false, false]),
  compare('le', [true, true, false, false]),
  compare('gt', [false, false, true, false]),
  compare('ge', [false, true, true, false]),
  {
    shows: 'a number becomes f32 first',
    op: 'eq',
    operands: { a: f32([Math.fround(0.1)]), b: 0.1 },
    gives: [bool([true])],
  },
  {
    shows: 'all four',
    op: 'and',
    operands: { a: bool([true, true, false, false]), b: bool([true, false, true, false]) },
    gives: [bool([true, false, false, false])],
  },
  {
    shows: 'all four',
    op: 'or',
    operands: { a: bool([true, true, false, false]), b: bool([true, false, true, false]) },
    gives: [bool([true, true, true, false])],
  },
  { shows: 'of truth values', op: 'not', operands: { x: bool([true, false]) }, gives: [bool([false, true])] },
  unary('neg', [1, -2, 0], [-1, 2, 0]),
  { shows: 'u8 wraps around', op: 'neg', operands: { x: t('u8', [1, 0]) }, gives: [t('u8', [255, 0])] },
  unary('abs', [1, -2, -inf], [1, 2, inf]),
  unary('exp', [0, 1, -inf, 100], [1, Math.fround(Math.E), 0, inf]),
  unary('log', [1, 0, -1, 8], [0, -inf, nan, Math.fround(2.0794415416798357)]),
  unary('sqrt', [4, 2, -1], [2, Math.fround(Math.SQRT2), nan]),
  unary('rsqrt', [4, 0.25, 0], [0.5, 2, inf]),
  unary('reciprocal', [4, -0.5, 3], [0.25, -2, Math.fround(1 / 3)]),
  unary('sin', [0, 1.5707963267948966], [0, 1], 1e-7),
  unary('cos', [0, Math.PI], [1, -1], 1e-7),
  unary('tanh', [0, 1, -inf], [0, 0.7615941559557649, -1], 1e-7),
  unary(
    'erf',
    [0, 0.5, -1, 2, 3.5, 7, nan],
    [0, 0.5204998778130465, -0.8427007929497149, 0.9953222650189527, 0.9999992569016276, 1, nan],
    1e-7,
  ),
  {
    shows: 'to the last bits of f64',
    op: 'erf',
    operands: { x: t('f64', [0.5, 1, 2, 3, -4.5]) },
    gives: [
      t(
        'f64',
        [0.5204998778130465, 0.8427007929497149, 0.9953222650189527, 0.9999779095030014, -0.9999999998033839],
      ),
    ],
    within: 1e-15,
  },
  unary('sigmoid', [0, 2, -1000, 1000], [0.5, 0.8807970779778823, 0, 1], 1e-7),
  unary('silu', [0, 2, -1, -1000], [0, 1.7615941559557646, -0.2689414213699951, 0], 1e-7),
  unary('relu', [-1, 0, 2, nan], [0, 0, 2, nan]),
  {
    shows: 'by the error function',
    op: 'gelu',
    operands: { x: f32([0, 1, -1, 3]), approximate: 'none' },
    gives: [f32([0, 0.8413447460685429, -0.15865525393145707, 2.995950304137313])],
    within: 2e-7,
  },
  {
    shows: 'by tanh',
    op: 'gelu',
    operands: { x: f32([0, 1, -1, 3]), approximate: 'tanh' },
    gives: [f32([0, 0.8411919906082768, -0.15880800939172324, 2.996362611803106])],
    within: 3e-7,
  },
  unary('round', [0.5, 1.5, 2.5, -0.5, -1.5, -1.6, 2.4], [0, 2, 2, 0, -2, -2, 2]),
  unary('floor', [0.5, -0.5, 2], [0, -1, 2]),
  unary('ceil', [0.5, -0.5, 2], [1, 0, 2]),
  {
    shows: 'to whole numbers, toward zero, around the end',
    op: 'cast',
    operands: { x: f32([1.9, -1.9, 200, -129]) },
    gives: [t('i8', [1, -1, -56, 127])],
  },
  {
    shows: 'to bool',
    op: 'cast',
    operands: { x: f32([0, 0.1, nan, -0]) },
    gives: [bool([false, true, true, false])],
  },
  {
    shows: 'to f8e4m3, which saturates',
    op: 'cast',
    operands: { x: f32([1.0625, 1.1875, 500, -inf]) },
    gives: [t('f8e4m3', [1, 1.25, 448, -448])],
  },
  {
    shows: 'to f8e5m2, which does not',
    op: 'cast',
    operands: { x: f32([1.125, 1.375, 61439, 61440, -inf, 2 ** -17]) },
    gives: [t('f8e5m2', [1, 1.5, 57344, inf, -inf, 0])],
  },
  {
    shows: 'to f8e4m3 even where nothing else is rounded',
    op: 'cast',
    operands: { x: f32([1.0625]) },
    gives: [t('f8e4m3', [1])],
    options: { precision: 'float64' },
  },
  {
    shows: 'both ends',
    op: 'clamp',
    operands: { x: f32([-5, 0, 5, nan]), min: -1, max: 2 },
    gives: [f32([-1, 0, 2, nan])],
  },
  { shows: 'one end', op: 'clamp', operands: { x: f32([-5, 5]), min: null, max: 2 }, gives: [f32([-5, 2])] },
  {
    shows: 'ends that crossed',
    op: 'clamp',
    operands: { x: f32([-5, 5]), min: 3, max: 2 },
    gives: [f32([2, 2])],
  },
  {
    shows: 'three shapes',
    op: 'where',
    operands: { condition: bool([[true], [false]]), a: f32([1, 2]), b: -1 },
    gives: [
      f32([
        [1, 2],
        [-1, -1],
      ]),
    ],
  },
];
