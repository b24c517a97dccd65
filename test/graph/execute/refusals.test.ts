/**
 * @file Operands that an operation refuses, and what it says of them.
 */
import { describe, expect, it } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { type CaseOperand, type Example, each, runNode, shaped, t } from './node.ts';

const f32 = (nested: Parameters<typeof t>[1]) => t('f32', nested);
const i64 = (nested: Parameters<typeof t>[1]) => t('i64', nested);
const X = f32([
  [0, 1, 2],
  [3, 4, 5],
]);
const NORM = { weight: null, epsilon: 0, weight_bias: 0, cast_before_weight: false };
const META = { scale: null, residual: null, group: '' };

const REFUSALS: readonly [
  op: string,
  operands: Record<string, CaseOperand>,
  gives: Example,
  message: string,
][] = [
  ['div', { a: i64([1]), b: 0 }, i64([0]), '1 is divided by 0, as whole numbers'],
  ['and', { a: i64([1]), b: i64([3]) }, i64([1]), 'the output is i64; and gives bool'],
  ['mul', { a: i64([2 ** 40]), b: i64([2 ** 40]) }, i64([0]), 'whole numbers up to 2^53'],
  ['cast', { x: f32([Number.NaN]) }, t('i32', [0]), 'NaN is no i32'],
  ['cast', { x: f32([1]) }, t('f8e4m3fnuz', [1]), 'the reference executor has no f8e4m3fnuz'],
  ['gelu', { x: f32([1]), approximate: 'erf' }, f32([1]), 'approximate is "erf"; use none or tanh'],
  ['select', { x: X, dim: 2, index: 0 }, f32([1]), 'dim is 2; use -2 to 1 for 2 dims'],
  ['select', { x: X, dim: 1, index: 3 }, f32([1, 2]), 'index is 3; the dim has 3 elements'],
  ['slice', { x: X, dim: 0, start: 0, end: 1, step: 0 }, X, 'step is 0'],
  ['slice', { x: shaped('f32', [], [1]), dim: 0, start: 0, end: 1, step: 1 }, f32([1]), 'x has no dims'],
  ['expand', { x: X, shape: [2, 4] }, f32([1]), '[2, 3] cannot be expanded to [2, 4]'],
  ['expand', { x: X, shape: [-1, 2, 3] }, X, '[2, 3] cannot be expanded to [-1, 2, 3]'],
  ['index', { x: X, indices: [i64([2])] }, X, 'indices holds 2; the dim has 2 elements'],
  ['index', { x: X, indices: [null, null, i64([0])] }, X, 'indices name 3 dims; x has 2'],
  ['index', { x: X, indices: [f32([0])] }, X, 'indices is f32[1]; it must hold whole numbers'],
  [
    'index',
    { x: X, indices: [t('bool', [true])] },
    X,
    'indices hold bool[1], which covers no dims of f32[2, 3]',
  ],
  ['gather', { x: X, dim: 0, index: i64([[0, 1, 2, 0]]) }, X, 'index i64[1, 4] does not fit x f32[2, 3]'],
  ['gather', { x: X, dim: 0, index: i64([[-3]]) }, f32([[0]]), 'index holds -3; the dim has 2 elements'],
  ['embedding', { weight: X, indices: i64([2]) }, X, 'indices hold 2; weight has 2 rows'],
  ['amax', { x: shaped('f32', [2, 0]), dims: [1], keepdim: false }, f32([0, 0]), 'no largest of no elements'],
  ['argmax', { x: shaped('f32', [0]), dim: 0, keepdim: true }, i64([0]), 'no largest of no elements'],
  [
    'linear',
    { x: f32([1, 2]), weight: shaped('f32', [1, 2, 2], [1, 2, 3, 4]), bias: null },
    shaped('f32', [1, 2]),
    'weight f32[1, 2, 2] have no product',
  ],
  [
    'attention',
    { query: X, key: f32([[1, 2]]), value: f32([[1]]), mask: null, causal: false, scale: 1, grouped: false },
    X,
    'query f32[2, 3], key f32[1, 2] and value f32[1, 1] do not fit',
  ],
  [
    'attention',
    {
      query: shaped('f32', [3, 1, 1], [1, 1, 1]),
      key: shaped('f32', [2, 1, 1], [1, 1]),
      value: shaped('f32', [2, 1, 1], [1, 1]),
      mask: null,
      causal: false,
      scale: 1,
      grouped: true,
    },
    shaped('f32', [3, 1, 1]),
    'query f32[3, 1, 1] has no multiple of the heads of f32[2, 1, 1]',
  ],
  ['rms_norm', { ...NORM, x: f32([1]), epsilon: -1 }, f32([1]), 'epsilon is -1'],
  ['quantize_static', { x: f32([1]), scale: 0 }, t('f8e4m3', [1]), 'scale is 0'],
  ['quantize_static', { x: f32([1]), scale: 1 }, t('f8e5m2', [1]), 'codes are f8e5m2; use f8e4m3 or i8'],
  [
    'all_reduce',
    { x: f32([1]), reduce: 'product', group: '' },
    f32([1]),
    'reduce is "product"; use one of sum, max, min, avg',
  ],
  [
    'reduce_scatter',
    { x: each(f32([1, 2, 3]), f32([1, 2, 3])), dim: 0, reduce: 'sum', group: '' },
    f32([1]),
    'dim 0 of [3] is not a multiple of 2',
  ],
  [
    'broadcast',
    { x: each(f32([1]), f32([2])), root: 2, group: '' },
    f32([1]),
    'root is 2; use a rank of those who meet, 0 to 1',
  ],
];

describe('refused', () => {
  it.each(REFUSALS)('%s: %j', (op, operands, gives, message) => {
    const run = () => runNode(op, operands, [gives]);
    expect(run).toThrow(message);
    expect(run).toThrow(CrossoverError);
    expect(run).toThrow(`%out0 = ${op} at here`);
  });

  it('a quantization that is none', () => {
    const operands = { ...NORM, ...META, x: f32([[1]]), quantization: 'int3' };
    expect(() => runNode('all_reduce_rms_norm', operands, [f32([[1]]), f32([[1]])])).toThrow(
      'quantization is "int3"; use one of none',
    );
  });

  it('scales without an output for them', () => {
    const operands = { ...NORM, ...META, x: f32([[1]]), quantization: 'i8_token' };
    const outputs = [f32([[1]]), f32([[1]]), t('i8', [[1]])];
    expect(() => runNode('all_reduce_rms_norm', operands, outputs)).toThrow(
      'there are 4 results for 3 outputs',
    );
  });
});
