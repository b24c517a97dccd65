/**
 * @file What each operation of torch becomes, by what it computes: one node, numbers in, numbers out.
 */
import { describe, expect, it } from 'vitest';
import { execute } from '../../../dist/graph/execute/executor.js';
import type { InputValue } from '../../../dist/graph/execute/inputs.js';
import { importPt2Graph } from '../../../dist/graph/import/pt2/pt2.js';
import { type Graph, isValue, type Operand } from '../../../dist/graph/ir/graph.js';
import { OPERATIONS } from '../../../dist/graph/ir/operations.js';
import { type Arg, dtype, float, oneNode, program, sym, t, ts } from '../support/pt2.ts';

type Types = Readonly<Record<string, string>>;
type Args = Readonly<Record<string, Arg>>;

const NAMESPACE = 'torch.ops.aten.';

function node(target: string, inputs: Types, args: Args, out: Types): Graph {
  const name = target.startsWith('torch.ops.') ? target : NAMESPACE + target;
  return importPt2Graph(oneNode(name, inputs, args, out), 'test', new Map());
}

const ops = ({ nodes }: Graph): string[] => nodes.map(({ op }) => op);
const isForeign = (graph: Graph): boolean => graph.nodes.some(({ op }) => !Object.hasOwn(OPERATIONS, op));

/** Values of the outputs, in the order of memory. */
function compute(graph: Graph, inputs: Record<string, InputValue>): number[][] {
  expect(graph.notes).toEqual([]);
  const [outputs] = execute(graph, [inputs]);
  return outputs!.map((held) => [...(held as { values: Float64Array }).values]);
}

const f = 'f32[2, 3]';
const X = [
  [1, -2, 3],
  [-4, 5, 6],
];
const Y = [
  [2, 2, -2],
  [4, 10, 3],
];

describe('element by element', () => {
  it.each<[target: string, args: Args, out: string, expected: number[]]>([
    ['add.Tensor', { self: t('x'), other: t('y') }, f, [3, 0, 1, 0, 15, 9]],
    ['add.Tensor', { self: t('x'), other: t('y'), alpha: 2 }, f, [5, 2, -1, 4, 25, 12]],
    ['add.Scalar', { self: t('x'), other: 2, alpha: 3 }, f, [7, 4, 9, 2, 11, 12]],
    ['sub.Tensor', { self: t('x'), other: t('y'), alpha: float(0.5) }, f, [0, -3, 4, -6, 0, 4.5]],
    ['rsub.Scalar', { self: t('x'), other: 1, alpha: 2 }, f, [-1, 5, -5, 9, -9, -11]],
    ['rsub.Scalar', { self: t('x'), other: 1 }, f, [0, 3, -2, 5, -4, -5]],
    ['mul.Tensor', { self: t('x'), other: t('y') }, f, [2, -4, -6, -16, 50, 18]],
    ['mul.Scalar', { self: t('x'), other: float(0.5) }, f, [0.5, -1, 1.5, -2, 2.5, 3]],
    ['div.Tensor', { self: t('x'), other: t('y') }, f, [0.5, -1, -1.5, -1, 0.5, 2]],
    ['div.Tensor_mode', { self: t('x'), other: t('y'), rounding_mode: 'floor' }, f, [0, -1, -2, -1, 0, 2]],
    ['div.Tensor_mode', { self: t('x'), other: t('y'), rounding_mode: null }, f, [0.5, -1, -1.5, -1, 0.5, 2]],
    ['floor_divide.default', { self: t('x'), other: 2 }, f, [0, -1, 1, -2, 2, 3]],
    ['pow.Tensor_Scalar', { self: t('x'), exponent: 2 }, f, [1, 4, 9, 16, 25, 36]],
    ['pow.Scalar', { self: 2, exponent: t('x') }, f, [2, 0.25, 8, 0.0625, 32, 64]],
    ['square.default', { self: t('x') }, f, [1, 4, 9, 16, 25, 36]],
    ['neg.default', { self: t('x') }, f, [-1, 2, -3, 4, -5, -6]],
    ['abs.default', { self: t('x') }, f, [1, 2, 3, 4, 5, 6]],
    ['relu.default', { self: t('x') }, f, [1, 0, 3, 0, 5, 6]],
    [
      'reciprocal.default',
      { self: t('x') },
      f,
      [1, -0.5, Math.fround(1 / 3), -0.25, Math.fround(0.2), Math.fround(1 / 6)],
    ],
    ['maximum.default', { self: t('x'), other: t('y') }, f, [2, 2, 3, 4, 10, 6]],
    ['minimum.default', { self: t('x'), other: t('y') }, f, [1, -2, -2, -4, 5, 3]],
    ['clamp.default', { self: t('x'), min: -1, max: 4 }, f, [1, -1, 3, -1, 4, 4]],
    ['clamp.default', { self: t('x'), min: null, max: 4 }, f, [1, -2, 3, -4, 4, 4]],
    ['clamp.Tensor', { self: t('x'), min: t('y') }, f, [2, 2, 3, 4, 10, 6]],
    ['clamp.Tensor', { self: t('x'), min: t('y'), max: t('y') }, f, [2, 2, -2, 4, 10, 3]],
    ['clamp_min.default', { self: t('x'), min: 0 }, f, [1, 0, 3, 0, 5, 6]],
    ['clamp_max.default', { self: t('x'), max: 0 }, f, [0, -2, 0, -4, 0, 0]],
    ['hardtanh.default', { self: t('x') }, f, [1, -1, 1, -1, 1, 1]],
    ['round.default', { self: t('x') }, f, [1, -2, 3, -4, 5, 6]],
    ['eq.Tensor', { self: t('x'), other: t('y') }, 'bool[2, 3]', [0, 0, 0, 0, 0, 0]],
    ['ge.Scalar', { self: t('x'), other: 3 }, 'bool[2, 3]', [0, 0, 1, 0, 1, 1]],
    ['isnan.default', { self: t('x') }, 'bool[2, 3]', [0, 0, 0, 0, 0, 0]],
    ['logical_and.default', { self: t('x'), other: t('y') }, 'bool[2, 3]', [1, 1, 1, 1, 1, 1]],
    ['logical_not.default', { self: t('x') }, 'bool[2, 3]', [0, 0, 0, 0, 0, 0]],
    ['to.dtype', { self: t('x'), dtype: dtype('i64') }, 'i64[2, 3]', [1, -2, 3, -4, 5, 6]],
  ])('%s %j', (target, args, out, expected) => {
    const graph = node(target, { x: f, y: f }, args, { out });
    expect(compute(graph, { x: X, y: Y })[0]!.map((value) => value + 0)).toEqual(expected);
  });

  it('alpha times an operand of half precision is not rounded before the sum', () => {
    const graph = node(
      'add.Tensor',
      { x: 'bf16[1]', y: 'bf16[1]' },
      { self: t('x'), other: t('y'), alpha: float(0.1) },
      { out: 'bf16[1]' },
    );
    expect(graph.nodes.map(({ op, outputs: [value] }) => [op, value!.type])).toEqual([
      ['mul', { kind: 'tensor', dtype: 'f32', shape: [1] }],
      ['add', { kind: 'tensor', dtype: 'bf16', shape: [1] }],
    ]);
  });

  it('of truth values', () => {
    const b = 'bool[2]';
    const given = { x: [true, false], y: [true, true] };
    const of = (target: string): number[] =>
      compute(node(target, { x: b, y: b }, { self: t('x'), other: t('y') }, { out: b }), given)[0]!;
    expect(of('__and__.Tensor')).toEqual([1, 0]);
    expect(of('bitwise_or.Tensor')).toEqual([1, 1]);
    expect(of('logical_xor.default')).toEqual([0, 1]);
    expect(
      compute(node('bitwise_not.default', { x: b }, { self: t('x') }, { out: b }), { x: given.x })[0],
    ).toEqual([0, 1]);
  });

  it('of bits is carried through', () => {
    const i = 'i64[2]';
    expect(
      isForeign(node('bitwise_and.Tensor', { x: i, y: i }, { self: t('x'), other: t('y') }, { out: i })),
    ).toBe(true);
  });

  it('where and masked_fill', () => {
    const inputs = { c: 'bool[2, 3]', x: f };
    const given = {
      c: [
        [true, false, true],
        [false, true, false],
      ],
      x: X,
    };
    const where = node(
      'where.ScalarOther',
      inputs,
      { condition: t('c'), self: t('x'), other: 9 },
      { out: f },
    );
    expect(compute(where, given)[0]).toEqual([1, 9, 3, 9, 5, 9]);
    const masked = node('masked_fill.Scalar', inputs, { self: t('x'), mask: t('c'), value: 7 }, { out: f });
    expect(compute(masked, given)[0]).toEqual([7, -2, 7, -4, 7, 6]);
  });

  it('infinity, as JSON cannot have it', () => {
    const graph = node(
      'masked_fill.Scalar',
      { c: 'bool[2]', x: 'f32[2]' },
      { self: t('x'), mask: t('c'), value: float('-Infinity') },
      { out: 'f32[2]' },
    );
    expect(compute(graph, { c: [true, false], x: [1, 2] })[0]).toEqual([Number.NEGATIVE_INFINITY, 2]);
  });
});

describe('shapes', () => {
  it.each<[target: string, args: Args, out: string, expected: number[]]>([
    ['view.default', { self: t('x'), size: [3, -1] }, 'f32[3, 2]', [1, -2, 3, -4, 5, 6]],
    ['reshape.default', { self: t('x'), shape: [6] }, 'f32[6]', [1, -2, 3, -4, 5, 6]],
    ['unsqueeze.default', { self: t('x'), dim: -1 }, 'f32[2, 3, 1]', [1, -2, 3, -4, 5, 6]],
    ['flatten.using_ints', { self: t('x'), start_dim: 0, end_dim: 1 }, 'f32[6]', [1, -2, 3, -4, 5, 6]],
    ['permute.default', { self: t('x'), dims: [1, 0] }, 'f32[3, 2]', [1, -4, -2, 5, 3, 6]],
    ['transpose.int', { self: t('x'), dim0: -1, dim1: 0 }, 'f32[3, 2]', [1, -4, -2, 5, 3, 6]],
    ['t.default', { self: t('x') }, 'f32[3, 2]', [1, -4, -2, 5, 3, 6]],
    ['mT.default', { self: t('x') }, 'f32[3, 2]', [1, -4, -2, 5, 3, 6]],
    ['movedim.int', { self: t('x'), source: 1, destination: 0 }, 'f32[3, 2]', [1, -4, -2, 5, 3, 6]],
    [
      'expand.default',
      { self: t('x'), size: [2, -1, -1] },
      'f32[2, 2, 3]',
      [1, -2, 3, -4, 5, 6, 1, -2, 3, -4, 5, 6],
    ],
    [
      'repeat.default',
      { self: t('x'), repeats: [2, 1, 1] },
      'f32[2, 2, 3]',
      [1, -2, 3, -4, 5, 6, 1, -2, 3, -4, 5, 6],
    ],
    [
      'repeat.default',
      { self: t('x'), repeats: [1, 2] },
      'f32[2, 6]',
      [1, -2, 3, 1, -2, 3, -4, 5, 6, -4, 5, 6],
    ],
    [
      'repeat_interleave.self_int',
      { self: t('x'), repeats: 2, dim: 0 },
      'f32[4, 3]',
      [1, -2, 3, 1, -2, 3, -4, 5, 6, -4, 5, 6],
    ],
    ['slice.Tensor', { self: t('x'), dim: 1, start: 1, end: 2 ** 63 }, 'f32[2, 2]', [-2, 3, 5, 6]],
    ['slice.Tensor', { self: t('x'), dim: -1, start: 0, end: 2 ** 63, step: 2 }, 'f32[2, 2]', [1, 3, -4, 6]],
    ['narrow.default', { self: t('x'), dim: 1, start: -2, length: 2 }, 'f32[2, 2]', [-2, 3, 5, 6]],
    ['select.int', { self: t('x'), dim: 1, index: -1 }, 'f32[2]', [3, 6]],
    [
      'stack.default',
      { tensors: ts('x', 'y'), dim: 2 },
      'f32[2, 3, 2]',
      [1, 2, -2, 2, 3, -2, -4, 4, 5, 10, 6, 3],
    ],
    [
      'cat.default',
      { tensors: ts('x', 'y'), dim: -1 },
      'f32[2, 6]',
      [1, -2, 3, 2, 2, -2, -4, 5, 6, 4, 10, 3],
    ],
    ['triu.default', { self: t('x'), diagonal: 1 }, f, [0, -2, 3, 0, 0, 6]],
    ['tril.default', { self: t('x') }, f, [1, 0, 0, -4, 5, 0]],
    ['zeros_like.default', { self: t('x') }, f, [0, 0, 0, 0, 0, 0]],
    ['new_full.default', { self: t('x'), size: [2], fill_value: 3 }, 'f32[2]', [3, 3]],
    ['full.default', { size: [], fill_value: true, dtype: dtype('bool') }, 'bool[]', [1]],
    ['arange.start_step', { start: 2, end: 8, step: 2 }, 'i64[3]', [2, 4, 6]],
    ['arange.default', { end: 3 }, 'i64[3]', [0, 1, 2]],
    ['scalar_tensor.default', { s: float(2.5) }, 'f32[]', [2.5]],
  ])('%s %j', (target, args, out, expected) => {
    const graph = node(target, { x: f, y: f }, args, { out });
    expect(compute(graph, { x: X, y: Y })[0]!.map((value) => value + 0)).toEqual(expected);
  });

  it('what changes nothing is left out', () => {
    for (const [target, args] of [
      ['view.default', { self: t('x'), size: [2, 3] }],
      ['expand.default', { self: t('x'), size: [2, -1] }],
      ['slice.Tensor', { self: t('x'), dim: 0, start: 0, end: 2 ** 63 }],
      ['permute.default', { self: t('x'), dims: [0, 1] }],
      ['to.dtype', { self: t('x'), dtype: dtype('f32') }],
      ['clone.default', { self: t('x'), memory_format: { as_memory_format: 1 } }],
      ['contiguous.default', { self: t('x') }],
      ['dropout.default', { input: t('x'), p: float(0.5), train: false }],
      ['dropout.default', { input: t('x'), p: float(0), train: true }],
      ['repeat.default', { self: t('x'), repeats: [1, 1] }],
    ] as const) {
      const graph = node(target, { x: f }, args as Args, { out: f });
      expect(ops(graph)).toEqual([]);
      expect(graph.outputs).toEqual([graph.inputs[0]!.value]);
    }
  });

  it('dropout while training is carried through', () => {
    const args = { input: t('x'), p: float(0.5), train: true };
    expect(ops(node('dropout.default', { x: f }, args, { out: f }))).toEqual([
      'torch.ops.aten.dropout.default',
    ]);
  });

  it('splits are slices', () => {
    const x = { x: f };
    const of = (target: string, args: Args, out: Types): number[][] =>
      compute(node(target, x, args, out), { x: X });
    const two = { a: 'f32[2, 2]', b: 'f32[2, 1]' };
    for (const [target, args] of [
      ['split.Tensor', { self: t('x'), split_size: 2, dim: 1 }],
      ['split_with_sizes.default', { self: t('x'), split_sizes: [2, 1], dim: -1 }],
      ['chunk.default', { self: t('x'), chunks: 2, dim: 1 }],
    ] as const)
      expect(of(target, args as unknown as Args, two)).toEqual([
        [1, -2, -4, 5],
        [3, 6],
      ]);
    expect(of('unbind.int', { self: t('x') }, { a: 'f32[3]', b: 'f32[3]' })).toEqual([
      [1, -2, 3],
      [-4, 5, 6],
    ]);
  });

  it('look-ups', () => {
    const inputs = { x: f, i: 'i64[2]', j: 'i64[2, 2]' };
    const given = {
      x: X,
      i: [1, 0],
      j: [
        [2, 0],
        [1, 1],
      ],
    };
    const of = (target: string, args: Args, out: string): number[] =>
      compute(node(target, inputs, args, { out }), given)[0]!;
    expect(of('embedding.default', { weight: t('x'), indices: t('i') }, f)).toEqual([-4, 5, 6, 1, -2, 3]);
    expect(of('index_select.default', { self: t('x'), dim: 1, index: t('i') }, 'f32[2, 2]')).toEqual([
      -2, 1, 5, -4,
    ]);
    expect(of('gather.default', { self: t('x'), dim: 1, index: t('j') }, 'f32[2, 2]')).toEqual([3, 1, 5, 5]);
    const indices = { as_optional_tensors: [{ as_none: true }, { as_tensor: { name: 'i' } }] };
    expect(of('index.Tensor', { self: t('x'), indices }, 'f32[2, 2]')).toEqual([-2, 1, 5, -4]);
  });

  it('a mask as an index is carried through', () => {
    const args = { self: t('x'), indices: ts('m') };
    expect(isForeign(node('index.Tensor', { x: f, m: 'bool[2]' }, args, { out: 'f32[1, 3]' }))).toBe(true);
  });
});

describe('along dims', () => {
  it.each<[target: string, args: Args, out: string, expected: number[]]>([
    [
      'mean.dim',
      { self: t('x'), dim: [-1], keepdim: true },
      'f32[2, 1]',
      [Math.fround(2 / 3), Math.fround(7 / 3)],
    ],
    ['mean.default', { self: t('x') }, 'f32[]', [1.5]],
    ['sum.dim_IntList', { self: t('x'), dim: [0] }, 'f32[3]', [-3, 3, 9]],
    ['sum.default', { self: t('x') }, 'f32[]', [9]],
    ['amax.default', { self: t('x'), dim: [1] }, 'f32[2]', [3, 6]],
    ['max.default', { self: t('x') }, 'f32[]', [6]],
    ['argmax.default', { self: t('x'), dim: 1 }, 'i64[2]', [2, 2]],
    ['argmax.default', { self: t('x') }, 'i64[]', [5]],
    ['cumsum.default', { self: t('x'), dim: -1 }, f, [1, -1, 2, -4, 1, 7]],
    ['diff.default', { self: t('x'), n: 1, dim: -1 }, 'f32[2, 2]', [-3, 5, 9, 1]],
  ])('%s %j', (target, args, out, expected) => {
    expect(compute(node(target, { x: f }, args, { out }), { x: X })[0]).toEqual(expected);
  });

  it('a maximum with its place', () => {
    const graph = node('max.dim', { x: f }, { self: t('x'), dim: 1 }, { v: 'f32[2]', i: 'i64[2]' });
    expect(compute(graph, { x: X })).toEqual([
      [3, 6],
      [2, 2],
    ]);
  });

  it('softmax, also from half precision to float32', () => {
    const plain = node('softmax.int', { x: f }, { self: t('x'), dim: -1 }, { out: f });
    const wide = node(
      '_softmax.default',
      { x: 'f16[2, 3]' },
      { self: t('x'), dim: 1, half_to_float: true },
      { out: f },
    );
    const asked = node(
      'softmax.int',
      { x: 'bf16[2, 3]' },
      { self: t('x'), dim: 1, dtype: dtype('f32') },
      { out: f },
    );
    const expected = compute(plain, { x: X })[0]!;
    expect(expected[0]! + expected[1]! + expected[2]!).toBeCloseTo(1, 6);
    expect(compute(wide, { x: X })[0]).toEqual(expected);
    expect(compute(asked, { x: X })[0]).toEqual(expected);
  });

  it('safe softmax gives 0 where all is -Infinity', () => {
    const graph = node(
      '_safe_softmax.default',
      { x: 'f32[2, 2]' },
      { self: t('x'), dim: -1 },
      { out: 'f32[2, 2]' },
    );
    const least = Number.NEGATIVE_INFINITY;
    expect(
      compute(graph, {
        x: [
          [least, least],
          [least, 1],
        ],
      })[0],
    ).toEqual([0, 0, 0, 1]);
  });
});

describe('products', () => {
  const A = [
    [1, 2],
    [3, 4],
  ];
  const B = [
    [5, 6],
    [7, 8],
  ];
  const m = 'f32[2, 2]';
  it.each<[target: string, args: Args, expected: number[]]>([
    ['mm.default', { self: t('a'), mat2: t('b') }, [19, 22, 43, 50]],
    ['matmul.default', { self: t('a'), other: t('b') }, [19, 22, 43, 50]],
    ['linear.default', { input: t('a'), weight: t('b') }, [17, 23, 39, 53]],
    ['linear.default', { input: t('a'), weight: t('b'), bias: t('c') }, [117, 223, 139, 253]],
    ['addmm.default', { self: t('c'), mat1: t('a'), mat2: t('b') }, [119, 222, 143, 250]],
  ])('%s', (target, args, expected) => {
    const graph = node(target, { a: m, b: m, c: 'f32[2]' }, args, { out: m });
    expect(compute(graph, { a: A, b: B, c: [100, 200] })[0]).toEqual(expected);
  });

  it('addmm with a transposed weight is one linear layer', () => {
    const graph = importPt2Graph(
      program({
        inputs: { x: 'bf16[4, 2]', w: 'bf16[3, 2]', c: 'bf16[3]' },
        nodes: [
          {
            target: 'torch.ops.aten.permute.default',
            args: { self: t('w'), dims: [1, 0] },
            out: { p: 'bf16[2, 3]' },
          },
          {
            target: 'torch.ops.aten.addmm.default',
            args: { self: t('c'), mat1: t('x'), mat2: t('p') },
            out: { y: 'bf16[4, 3]' },
          },
        ],
        outputs: ['y'],
      }),
      'test',
      new Map(),
    );
    expect(ops(graph)).toEqual(['permute', 'linear']);
  });

  it('attention', () => {
    const shape = 'f32[1, 1, 2, 2]';
    const args = { query: t('a'), key: t('b'), value: t('c'), is_causal: true };
    const inputs = { a: shape, b: shape, c: shape };
    const one = node('scaled_dot_product_attention.default', inputs, args, { out: shape });
    const given = { a: [[A]], b: [[B]], c: [[A]] };
    expect(compute(one, given)[0]!.slice(0, 2)).toEqual([1, 2]);
    const flash = { query: t('a'), key: t('b'), value: t('c'), dropout_p: float(0), is_causal: true };
    const out = { out: shape, lse: 'f32[1, 1, 2]' };
    const target = 'torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default';
    const program1 = program({ inputs, nodes: [{ target, args: flash, out }], outputs: ['out'] });
    expect(compute(importPt2Graph(program1, 'test', new Map()), given)).toEqual(compute(one, given));
    // With the sums of exponentials read, there is no operation for it.
    expect(isForeign(node(target, inputs, flash, out))).toBe(true);
  });
});

describe('norms and quantization', () => {
  const x = { x: 'bf16[2, 4]', w: 'bf16[4]' };
  it('rms_norm: all in float32, rounded at the end', () => {
    const args = { input: t('x'), normalized_shape: [4], weight: t('w'), eps: float(1e-6) };
    const [made] = node('rms_norm.default', x, args, { out: 'bf16[2, 4]' }).nodes;
    expect(made).toMatchObject({
      op: 'rms_norm',
      operands: { epsilon: 1e-6, weight_bias: 0, cast_before_weight: false },
    });
  });

  it('without an epsilon, that of the dtype in which torch computes', () => {
    const args = { input: t('x'), normalized_shape: [4] };
    expect(node('rms_norm.default', x, args, { out: 'bf16[2, 4]' }).nodes[0]!.operands.epsilon).toBe(
      2 ** -23,
    );
    const wide = node('rms_norm.default', { x: 'f64[2, 4]' }, args, { out: 'f64[2, 4]' });
    expect(wide.nodes[0]!.operands).toMatchObject({ epsilon: 2 ** -52, weight: null });
  });

  it('over two dims they are carried through', () => {
    const args = { input: t('x'), normalized_shape: [2, 4] };
    expect(isForeign(node('rms_norm.default', { x: 'f32[2, 4]' }, args, { out: 'f32[2, 4]' }))).toBe(true);
    expect(isForeign(node('layer_norm.default', { x: 'f32[2, 4]' }, args, { out: 'f32[2, 4]' }))).toBe(true);
  });

  it("vLLM's", () => {
    const args = { x: t('x'), x_residual: t('r'), weight: t('w'), epsilon: float(1e-5) };
    const out = { n: 'bf16[2, 4]', s: 'bf16[2, 4]' };
    const inputs = { ...x, r: 'bf16[2, 4]' };
    const [made] = node('torch.ops.vllm_ir.fused_add_rms_norm.default', inputs, args, out).nodes;
    expect(made).toMatchObject({ op: 'add_rms_norm', operands: { epsilon: 1e-5, cast_before_weight: true } });
    expect(made!.outputs.map(({ name }) => name)).toEqual(['n', 's']);
  });

  it('layer norm', () => {
    const args = { input: t('x'), normalized_shape: [2], weight: null, bias: null, eps: float(0) };
    const graph = node('layer_norm.default', { x: 'f32[2, 2]' }, args, { out: 'f32[2, 2]' });
    expect(
      compute(graph, {
        x: [
          [1, 3],
          [-5, 5],
        ],
      })[0],
    ).toEqual([-1, 1, -1, 1]);
  });

  it('static quantization over the whole range of codes, and no other', () => {
    const of = (range: [number, number], zero = 0): Graph =>
      node(
        'torch.ops.quantized_decomposed.quantize_per_tensor.default',
        { x: 'f32[2]' },
        {
          input: t('x'),
          scale: float(0.5),
          zero_point: zero,
          quant_min: range[0],
          quant_max: range[1],
          dtype: dtype('i8'),
        },
        { out: 'i8[2]' },
      );
    expect(compute(of([-128, 127]), { x: [3, -100] })[0]).toEqual([6, -128]);
    expect(isForeign(of([-127, 127]))).toBe(true);
    expect(isForeign(of([-128, 127], 3))).toBe(true);
  });
});

describe('collectives', () => {
  const C = 'torch.ops._c10d_functional.';
  it.each([
    ['all_reduce.default', { reduce_op: 'avg', group_name: 'tp' }, 'f32[4]', { reduce: 'avg', group: 'tp' }],
    [
      'all_gather_into_tensor.default',
      { group_size: 2, group_name: 'tp' },
      'f32[8]',
      { dim: 0, group: 'tp' },
    ],
    [
      'reduce_scatter_tensor.default',
      { reduce_op: 'sum', group_size: 2, group_name: 'tp' },
      'f32[2]',
      { dim: 0, reduce: 'sum', group: 'tp' },
    ],
    ['broadcast.default', { src: 1, group_name: 'tp' }, 'f32[4]', { root: 1, group: 'tp' }],
  ])('%s', (target, args, out, operands) => {
    for (const namespace of [C, 'torch.ops._c10d_functional_autograd.']) {
      const graph = node(namespace + target, { x: 'f32[4]' }, { input: t('x'), ...args }, { out });
      expect(graph.nodes.length).toBe(1);
      expect(graph.nodes[0]!.operands).toMatchObject(operands);
      expect(isForeign(graph)).toBe(false);
    }
  });

  it("vLLM's sums", () => {
    const args = { tensor: t('x'), group_name: 'tp:0' };
    const graph = node('torch.ops.vllm.all_reduce.default', { x: 'f32[4]' }, args, { out: 'f32[4]' });
    expect(graph.nodes[0]).toMatchObject({ op: 'all_reduce', operands: { reduce: 'sum', group: 'tp:0' } });
  });

  it('with another reduction is carried through', () => {
    const args = { input: t('x'), reduce_op: 'product', group_name: '0' };
    expect(isForeign(node(`${C}all_reduce.default`, { x: 'f32[4]' }, args, { out: 'f32[4]' }))).toBe(true);
  });
});

describe('what is not understood is carried through', () => {
  it('with its operands by name and its outputs', () => {
    const { nodes, notes } = node(
      'torch.ops.mylib.fancy.default',
      { x: f, y: f },
      {
        self: t('x'),
        others: ts('x', 'y'),
        maybe: { as_optional_tensors: [{ as_none: true }, { as_tensor: { name: 'y' } }] },
        count: 3,
        rate: float('Infinity'),
        nothing: null,
        mode: 'fast',
        dtype: dtype('bf16'),
        device: { as_device: { type: 'cuda', index: 1 } },
        layout: { as_layout: 7 },
        sizes: [1, 2],
        later: { as_something_new: { x: 1 } },
      },
      { a: 'f32[2]', b: 'i64[]' },
    );
    const [{ op, operands, outputs }] = nodes as [(typeof nodes)[number]];
    const plain = (operand: Operand): unknown =>
      Array.isArray(operand) ? operand.map(plain) : isValue(operand) ? `%${operand.name}` : operand;
    expect(op).toBe('torch.ops.mylib.fancy.default');
    expect(Object.entries(operands).map(([name, operand]) => [name, plain(operand)])).toEqual([
      ['self', '%x'],
      ['others', ['%x', '%y']],
      ['maybe', [null, '%y']],
      ['count', 3],
      ['rate', Number.POSITIVE_INFINITY],
      ['nothing', null],
      ['mode', 'fast'],
      ['dtype', 'bf16'],
      ['device', 'cuda:1'],
      ['layout', 'strided'],
      ['sizes', [1, 2]],
      ['later', '<as_something_new>'],
    ]);
    expect(outputs.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(notes).toEqual(['Carried through as they are: torch.ops.mylib.fancy.default.']);
  });

  it('also where a row knows the operation but not an argument', () => {
    const args = { self: t('x'), other: t('y'), surprise: 1 };
    expect(ops(node('add.Tensor', { x: f, y: f }, args, { out: f }))).toEqual(['torch.ops.aten.add.Tensor']);
    expect(
      ops(node('view.dtype', { x: f }, { self: t('x'), dtype: dtype('i32') }, { out: 'i32[2, 3]' })),
    ).toEqual(['torch.ops.aten.view.dtype']);
  });

  it('and where the file declares what does not follow', () => {
    const graph = node('add.Tensor', { x: f, y: f }, { self: t('x'), other: t('y') }, { out: 'f32[2, 4]' });
    expect(ops(graph)).toEqual(['torch.ops.aten.add.Tensor']);
    expect(graph.notes[0]).toMatch(/^out is carried through: read as add, the output is f32\[2, 4\]/);
  });

  it('a size is a number', () => {
    const { nodes, outputs } = importPt2Graph(
      program({
        inputs: { x: 'f32[s0, 3]' },
        nodes: [
          { target: 'torch.ops.aten.sym_size.int', args: { self: t('x'), dim: 0 }, out: { n: 'int' } },
          {
            target: 'torch.ops.aten.full.default',
            args: { size: { as_sym_ints: [{ as_name: 'n' }, { as_int: 2 }] }, fill_value: 1 },
            out: { y: 'f32[s0, 2]' },
          },
          { target: '_operator.mul', args: { a: sym('n'), b: 2 }, out: { m: 'int' } },
        ],
        outputs: ['y', 'm'],
      }),
      'test',
      new Map(),
    );
    expect(nodes.map(({ op }) => op)).toEqual(['size', 'full', '_operator.mul']);
    expect(nodes[1]!.operands.shape).toEqual([nodes[0]!.outputs[0], 2]);
    expect(outputs.length).toBe(2);
  });
});
