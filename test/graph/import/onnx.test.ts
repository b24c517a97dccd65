/**
 * @file ONNX files as graphs: what each operator becomes, what is carried through, where weights come from, and what is refused.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importOnnx } from '../../../dist/graph/import/onnx/onnx.js';
import type { Graph } from '../../../dist/graph/ir/graph.js';
import { printGraph, printNode } from '../../../dist/graph/ir/print.js';
import { verify } from '../../../dist/graph/ir/verify.js';
import {
  type Attribute,
  BF16,
  BOOL,
  encodeModel,
  F8E4M3,
  F16,
  F32,
  f32s,
  float,
  type GraphSpec,
  graph,
  I8,
  I64,
  i64s,
  inFolder,
  int,
  ints,
  list,
  type ModelSpec,
  type NodeSpec,
  scalar,
  type TensorSpec,
  tensor,
  text,
  type ValueSpec,
  weight,
  writeModel,
} from '../support/onnx.ts';

const MS = 'com.microsoft';

function load(spec: ModelSpec): Graph {
  return inFolder((folder) => {
    const graph = importOnnx(writeModel(folder, encodeModel(spec)));
    verify(graph);
    return graph;
  });
}

const value = (name: string, type: number, ...dims: (number | string | null)[]): ValueSpec => ({
  name,
  type,
  dims,
});

function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Record<string, Attribute> = {},
  domain?: string,
): NodeSpec {
  return { op, inputs, outputs, attributes, ...(domain === undefined ? {} : { domain }) };
}

/** Nodes as text, sizes included. */
const lines = ({ nodes }: Graph): string[] => nodes.map(printNode);

interface Case {
  inputs?: ValueSpec[];
  initializers?: GraphSpec['initializers'];
  infos?: ValueSpec[];
  opset?: number;
}

/** What the nodes become that make `y`, of x: f32[s, 4, 8] unless said otherwise. */
function translated(
  nodes: NodeSpec | NodeSpec[],
  { inputs, initializers, infos, opset = 21 }: Case = {},
): string[] {
  return lines(
    load({
      nodes: Array.isArray(nodes) ? nodes : [nodes],
      inputs: inputs ?? [value('x', F32, 's', 4, 8)],
      outputs: [{ name: 'y', type: F32 }],
      ...(initializers ? { initializers } : {}),
      ...(infos ? { infos } : {}),
      opsets: { '': opset, [MS]: 1 },
    }),
  );
}

const X = value('x', F32, 's', 4, 8);
const TWO = [value('a', F32, 's', 4, 8), value('b', F32, 8)];

describe('collectives', () => {
  it('makes each input of AllReduce one of its own', () => {
    const nodes = [node('AllReduce', ['a', 'b'], ['y', 'z'], {}, MS)];
    expect(translated(nodes, { inputs: TWO })).toEqual([
      '%y = all_reduce(x: %a, reduce: "sum", group: "") : f32[s, 4, 8]',
      '%z = all_reduce(x: %b, reduce: "sum", group: "") : f32[8]',
    ]);
  });

  it('multiplies the gathered dim by the ranks', () => {
    const gather = (attributes: Record<string, Attribute>): string[] =>
      translated(node('AllGather', ['x'], ['y'], attributes, MS));
    expect(gather({ group_size: int(2) })).toEqual([
      '%y = all_gather(x: %x, dim: 1, group: "") : f32[s, 8, 8]',
    ]);
    expect(gather({ group_size: int(4), axis: int(0) })).toEqual([
      '%y = all_gather(x: %x, dim: 0, group: "") : f32[4*s, 4, 8]',
    ]);
    expect(gather({ group_size: int(2), axis: int(-1) })[0]).toContain('dim: 2');
  });

  it('carries AllToAll through', () => {
    expect(translated(node('AllToAll', ['x'], ['y'], { group_size: int(2) }, MS))).toEqual([
      '%y = onnx.com.microsoft.AllToAll(input0: %x, group_size: 2) : opaque',
    ]);
  });
});

describe('norms', () => {
  const w = [weight('w', F32, 8), weight('bias', F32, 8)];
  const inputs = [X, value('r', F32, 's', 4, 8)];

  it('reads AllReduce, Add, SimplifiedLayerNormalization', () => {
    const nodes = [
      node('AllReduce', ['x'], ['sum'], {}, MS),
      node('Add', ['r', 'sum'], ['h']),
      node('SimplifiedLayerNormalization', ['h', 'w'], ['y'], {
        epsilon: float(0.5),
        axis: int(-1),
        stash_type: int(1),
      }),
    ];
    expect(translated(nodes, { inputs, initializers: w })).toEqual([
      '%sum = all_reduce(x: %x, reduce: "sum", group: "") : f32[s, 4, 8]',
      '%h = add(a: %r, b: %sum) : f32[s, 4, 8]',
      '%y = rms_norm(x: %h, weight: %w, epsilon: 0.5, weight_bias: 0, cast_before_weight: false) : f32[s, 4, 8]',
    ]);
  });

  it('reads AllReduce, SkipSimplifiedLayerNormalization with its first and fourth output', () => {
    const result = load({
      nodes: [
        node('AllReduce', ['x'], ['sum'], {}, MS),
        node('SkipSimplifiedLayerNormalization', ['sum', 'r', 'w'], ['y', '', '', 'h'], {}, MS),
      ],
      inputs,
      initializers: w,
      outputs: [value('y', F32), value('h', F32)],
    });
    expect(lines(result).at(-1)).toBe(
      '%y, %h = add_rms_norm(x: %sum, residual: %r, weight: %w, epsilon: 1e-12, weight_bias: 0, cast_before_weight: false)' +
        ' : f32[s, 4, 8], f32[s, 4, 8]',
    );
    expect(result.outputs).toEqual(result.nodes[1]?.outputs);
    expect(result.notes).toEqual([]);
  });

  it('gives the sum a name where the file has none, and takes outputs that nothing reads', () => {
    const nodes = node('SkipSimplifiedLayerNormalization', ['x', 'r', 'w'], ['y', 'mean', 'rstd'], {}, MS);
    expect(translated(nodes, { inputs, initializers: w })[0]).toMatch(/^%y, %y.1 = add_rms_norm/);
  });

  it('carries a bias through, and says so', () => {
    const spec: ModelSpec = {
      nodes: [
        { ...node('SkipSimplifiedLayerNormalization', ['x', 'r', 'w', 'bias'], ['y'], {}, MS), name: '/n' },
      ],
      inputs,
      initializers: w,
      outputs: [{ name: 'y', type: F32 }],
    };
    const result = load(spec);
    expect(lines(result)).toEqual([
      '%y = onnx.com.microsoft.SkipSimplifiedLayerNormalization(input0: %x, input1: %r, input2: %w, input3: %bias) : opaque   # n',
    ]);
    expect(result.notes).toEqual([
      'graph.node[0] "/n": com.microsoft.SkipSimplifiedLayerNormalization is carried through untouched, as it has a bias, which versions of ONNX Runtime treat differently.',
    ]);
  });

  it('has each operator its own epsilon and rounding', () => {
    const one = (op: string, opset = 21): string =>
      translated(node(op, ['x', 'w'], ['y']), { initializers: w, opset })[0]!;
    expect(one('SimplifiedLayerNormalization')).toMatch(/epsilon: 0.00001, .* cast_before_weight: false/);
    expect(one('RMSNormalization', 23)).toMatch(/rms_norm.* epsilon: 0.00001, .* cast_before_weight: true/);
    expect(one('LayerNormalization')).toMatch(
      /layer_norm\(x: %x, weight: %w, bias: null, epsilon: 0.00001\)/,
    );
    const both = translated(node('LayerNormalization', ['x', 'w', 'bias'], ['y']), { initializers: w });
    expect(both[0]).toContain('bias: %bias');
  });

  it('does not take a norm over several dims, in another precision, with another weight, or one whose deviation is read', () => {
    const op = (attributes: Record<string, Attribute>, outputs = ['y'], scale = 'w'): string =>
      translated(
        [
          node('RMSNormalization', ['x', scale], outputs, attributes),
          ...(outputs[1] ? [node('Neg', ['v'], ['u'])] : []),
        ],
        { initializers: [...w, weight('half', F16, 8), weight('wide', F32, 4, 8)], opset: 23 },
      )[0]!;
    expect(op({})).toContain('= rms_norm');
    for (const line of [
      op({ axis: int(1) }),
      op({ stash_type: int(10) }),
      op({ other: int(1) }),
      op({}, ['y', 'v']),
      op({}, ['y'], 'half'),
      op({}, ['y'], 'wide'),
    ]) {
      expect(line).toContain('onnx.ai.onnx.RMSNormalization');
    }
  });
});

describe('quantization', () => {
  const scale = scalar('scale', 0.25);
  const zero = (type: number, code: number): TensorSpec => ({
    name: 'zero',
    type,
    dims: [],
    int32s: [code],
  });
  const codes = (inputs: string[], initializers: TensorSpec[], attributes = {}): Graph =>
    load({
      nodes: [node('QuantizeLinear', inputs, ['y'], attributes)],
      inputs: [X],
      initializers,
      outputs: [{ name: 'y', type: I8 }],
    });

  it('reads one scale and no zero point', () => {
    const result = codes(['x', 'scale', 'zero'], [scale, zero(F8E4M3, 0)]);
    expect(lines(result)).toEqual(['%y = quantize_static(x: %x, scale: 0.25) : f8e4m3[s, 4, 8]']);
    expect(result.notes).toHaveLength(1);
    expect(result.notes[0]).toContain('reciprocal');
    expect(lines(codes(['x', 'scale'], [scale], { output_dtype: int(I8) }))[0]).toContain(': i8[s, 4, 8]');
    expect(lines(codes(['x', 'scale', 'zero'], [scale, zero(I8, 0)]))[0]).toContain(': i8[s, 4, 8]');
  });

  it('carries others through', () => {
    const rows = { ...weight('scale', F32, 8) };
    for (const result of [
      codes(['x', 'scale', 'zero'], [scale, zero(I8, 3)]),
      codes(['x', 'scale'], [scale]),
      codes(['x', 'scale', 'zero'], [rows, zero(I8, 0)], { axis: int(2) }),
      codes(['x', 'scale', 'zero'], [scale, zero(F8E4M3, 0)], { saturate: int(0) }),
    ]) {
      expect(lines(result)[0]).toContain('onnx.ai.onnx.QuantizeLinear');
      expect(result.notes).toHaveLength(1);
    }
  });
});

describe('element by element', () => {
  it.each([
    ['Add', 'add'],
    ['Sub', 'sub'],
    ['Mul', 'mul'],
    ['Div', 'div'],
    ['Pow', 'pow'],
    ['Min', 'minimum'],
    ['Max', 'maximum'],
  ])('%s is %s', (from, to) => {
    expect(translated(node(from, ['a', 'b'], ['y']), { inputs: TWO })).toEqual([
      `%y = ${to}(a: %a, b: %b) : f32[s, 4, 8]`,
    ]);
  });

  it.each([
    ['Equal', 'eq'],
    ['Less', 'lt'],
    ['LessOrEqual', 'le'],
    ['Greater', 'gt'],
    ['GreaterOrEqual', 'ge'],
  ])('%s is %s, and gives truth values', (from, to) => {
    expect(translated(node(from, ['a', 'b'], ['y']), { inputs: TWO })).toEqual([
      `%y = ${to}(a: %a, b: %b) : bool[s, 4, 8]`,
    ]);
  });

  it.each([
    'Neg',
    'Abs',
    'Exp',
    'Log',
    'Sqrt',
    'Reciprocal',
    'Sin',
    'Cos',
    'Tanh',
    'Erf',
    'Sigmoid',
    'Relu',
    'Round',
    'Floor',
    'Ceil',
  ])('%s keeps its name', (op) => {
    expect(translated(node(op, ['x'], ['y']))).toEqual([`%y = ${op.toLowerCase()}(x: %x) : f32[s, 4, 8]`]);
  });

  it('reads logic of truth values only', () => {
    const bools = [value('a', BOOL, 2), value('b', BOOL, 2)];
    expect(translated(node('And', ['a', 'b'], ['y']), { inputs: bools })[0]).toContain('= and(');
    expect(translated(node('Or', ['a', 'b'], ['y']), { inputs: bools })[0]).toContain('= or(');
    expect(translated(node('Not', ['a'], ['y']), { inputs: bools })[0]).toContain('= not(');
    expect(translated(node('Not', ['x'], ['y']))[0]).toContain('onnx.ai.onnx.Not');
  });

  it('takes a number that the file holds as a number', () => {
    const initializers = [scalar('two', 2), { ...scalar('eps', 0.5), dims: [1] }];
    expect(translated(node('Pow', ['x', 'two'], ['y']), { initializers })[0]).toContain('pow(a: %x, b: 2)');
    expect(translated(node('Add', ['eps', 'x'], ['y']), { initializers })[0]).toContain('add(a: 0.5, b: %x)');
    // It would change the shape, so it stays a tensor.
    const small = { initializers, inputs: [value('x', F32)] };
    expect(translated(node('Add', ['eps', 'x'], ['y']), small)).toEqual([
      '%y = add(a: %eps, b: %x) : f32[1]',
    ]);
  });

  it('reads activations', () => {
    const one = (op: string, attributes = {}, domain?: string): string =>
      translated(node(op, ['x'], ['y'], attributes, domain))[0]!;
    expect(one('Gelu')).toContain('gelu(x: %x, approximate: "none")');
    expect(one('Gelu', { approximate: text('tanh') })).toContain('approximate: "tanh"');
    expect(one('FastGelu', {}, MS)).toContain('approximate: "tanh"');
    expect(one('QuickGelu', { alpha: float(1) }, MS)).toContain('silu(x: %x)');
    expect(one('QuickGelu', {}, MS)).toContain('onnx.com.microsoft.QuickGelu');
    expect(one('Swish')).toContain('silu(x: %x)');
  });

  it('reads Where, Cast, Clip', () => {
    const inputs = [...TWO, value('c', BOOL, 4, 1)];
    expect(translated(node('Where', ['c', 'a', 'b'], ['y']), { inputs })).toEqual([
      '%y = where(condition: %c, a: %a, b: %b) : f32[s, 4, 8]',
    ]);
    expect(translated(node('Cast', ['x'], ['y'], { to: int(BF16) }))).toEqual([
      '%y = cast(x: %x) : bf16[s, 4, 8]',
    ]);
    const bounds = [scalar('low', -1), scalar('high', 2)];
    expect(translated(node('Clip', ['x', '', 'high'], ['y']), { initializers: bounds })[0]).toContain(
      'clamp(x: %x, min: null, max: 2)',
    );
    expect(translated(node('Clip', ['x'], ['y'], { min: float(-1) }), { opset: 6 })[0]).toContain('min: -1');
  });

  it('leaves copies out', () => {
    const nodes = [
      node('Identity', ['x'], ['a']),
      node('Dropout', ['a'], ['b', 'mask']),
      node('Cast', ['b'], ['c'], { to: int(F32) }),
      node('Reshape', ['c', 'same'], ['d']),
      node('Expand', ['d', 'one'], ['e']),
      node('Neg', ['e'], ['y']),
    ];
    const initializers = [list('same', 0, 4, 8), list('one', 1)];
    expect(translated(nodes, { initializers })).toEqual(['%y = neg(x: %x) : f32[s, 4, 8]']);
    const result = load({ nodes: [node('Identity', ['x'], ['y'])], inputs: [X], outputs: [value('y', F32)] });
    expect(result.outputs).toEqual([result.inputs[0]!.value]);
  });

  it('takes several inputs of Min and Max two at a time', () => {
    expect(translated(node('Max', ['a', 'b', 'a'], ['y']), { inputs: TWO })).toEqual([
      '%y.maximum = maximum(a: %a, b: %b) : f32[s, 4, 8]',
      '%y = maximum(a: %y.maximum, b: %a) : f32[s, 4, 8]',
    ]);
  });

  it('carries through what ONNX computes differently, or what has no shape', () => {
    const whole = [value('a', I64, 2), value('b', I64, 2)];
    expect(translated(node('Div', ['a', 'b'], ['y']), { inputs: whole })[0]).toContain('onnx.ai.onnx.Div');
    const odd = [value('a', F32, 3), value('b', F32, 4)];
    expect(translated(node('Add', ['a', 'b'], ['y']), { inputs: odd })[0]).toContain('onnx.ai.onnx.Add');
    const unknown = [value('a', F32, 's'), value('b', F32, 't')];
    expect(translated(node('Add', ['a', 'b'], ['y']), { inputs: unknown })[0]).toContain('onnx.ai.onnx.Add');
    // The file may say it.
    const said = { inputs: unknown, infos: [value('y0', F32, 's')] };
    expect(translated([node('Add', ['a', 'b'], ['y0']), node('Neg', ['y0'], ['y'])], said)[0]).toBe(
      '%y0 = add(a: %a, b: %b) : f32[s]',
    );
  });
});

describe('shapes', () => {
  it.each<[string, number[], string]>([
    ['keeps a dim', [0, 2, 16], '%y = reshape(x: %x, shape: [-1, 2, 16]) : f32[s, 2, 16]'],
    ['infers a dim', [0, -1], '%y = reshape(x: %x, shape: [-1, 32]) : f32[s, 32]'],
    ['infers the symbol', [-1, 8], '%y = reshape(x: %x, shape: [-1, 8]) : f32[4*s, 8]'],
    ['of all', [-1], '%y = reshape(x: %x, shape: [-1]) : f32[32*s]'],
  ])('Reshape %s', (_, shape, line) => {
    expect(
      translated(node('Reshape', ['x', 'shape'], ['y']), { initializers: [list('shape', ...shape)] }),
    ).toEqual([line]);
  });

  it('does not take a shape that does not fit', () => {
    for (const shape of [
      [0, 3, 5],
      [-1, -1],
      [-2, 8],
      [0, 0, 0, 0],
      [-1, 5],
    ]) {
      const initializers = [list('shape', ...shape)];
      const result = translated(node('Reshape', ['x', 'shape'], ['y']), {
        initializers,
        inputs: [value('x', F32, 2, 4, 8)],
      });
      expect(result[0]).toContain('onnx.ai.onnx.Reshape');
    }
  });

  it('reads sizes that exporters compute from shapes', () => {
    const nodes = [
      node('Shape', ['x'], ['shape']),
      node('Gather', ['shape', 'i0'], ['b'], { axis: int(0) }),
      node('Slice', ['shape', 'l1', 'l2'], ['t']),
      node('Unsqueeze', ['b', 'l0'], ['b1']),
      node('Concat', ['b1', 't', 'heads'], ['to'], { axis: int(0) }),
      node('Reshape', ['x', 'to'], ['y']),
    ];
    const initializers = [
      { name: 'i0', type: I64, dims: [], raw: i64s(0) },
      list('l0', 0),
      list('l1', 1),
      list('l2', 2),
      list('heads', 2, 8),
    ];
    const result = load({
      nodes,
      initializers,
      inputs: [value('x', F32, 'b', 's', 16)],
      outputs: [value('y', F32)],
    });
    expect(lines(result)).toEqual([
      '%x.size0 = size(x: %x, dim: 0) : int',
      '%x.size1 = size(x: %x, dim: 1) : int',
      '%y = reshape(x: %x, shape: [%x.size0, %x.size1, 2, 8]) : f32[b, s, 2, 8]',
    ]);
    expect(result.inputs).toHaveLength(1);
    expect(result.notes).toEqual([]);
  });

  it('keeps a shape that something else reads', () => {
    const nodes = [node('Shape', ['x'], ['shape']), node('Unknown', ['shape'], ['y'])];
    expect(translated(nodes)[0]).toBe('%shape = onnx.ai.onnx.Shape(input0: %x, start: 0, end: 3) : i64[3]');
    const fixed = load({
      nodes,
      inputs: [value('x', F32, 2, 4)],
      outputs: [value('y', F32)],
    });
    expect(lines(fixed)).toHaveLength(1);
    expect(fixed.inputs[1]).toMatchObject({ value: { type: { dtype: 'i64', shape: [2] } }, weight: 'shape' });
    expect(fixed.weights.get('shape')!.storage()).toEqual(i64s(2, 4));
  });

  it('computes with known numbers', () => {
    const nodes = [
      node('Shape', ['x'], ['shape'], { start: int(1) }),
      node('Mul', ['shape', 'two'], ['double']),
      node('Div', ['double', 'three'], ['third']),
      node('Cast', ['third'], ['cast'], { to: int(I64) }),
      node('ConstantOfShape', ['one'], ['minus'], { value: tensor({ ...list('', -1) }) }),
      node('Equal', ['cast', 'minus'], ['eq']),
      node('Where', ['eq', 'minus', 'cast'], ['to']),
      node('Squeeze', ['size1', 'zero'], ['n']),
      node('Size', ['f'], ['size']),
      node('Reshape', ['size', 'one'], ['size1']),
      node('Expand', ['f', 'to'], ['y']),
    ];
    const order = [0, 1, 2, 3, 4, 5, 6, 8, 9, 7, 10].map((i) => nodes[i]!);
    const initializers = [
      list('two', 2, 2),
      list('three', 3),
      list('one', 1),
      list('zero', 0),
      weight('f', F32, 1, 1),
    ];
    const inputs = [value('x', F32, 's', 4, 9)];
    expect(translated(order, { inputs, initializers })).toEqual([
      '%y = expand(x: %f, shape: [2, 6]) : f32[2, 6]',
    ]);
  });

  it('squeezes, unsqueezes and flattens', () => {
    const initializers = [list('axes', 1), list('both', 0, -1)];
    const inputs = [value('x', F32, 's', 1, 8)];
    const one = (op: string, name: string, opset = 21): string =>
      translated(node(op, ['x', name], ['y']), { inputs, initializers, opset })[0]!;
    expect(one('Squeeze', 'axes')).toBe('%y = reshape(x: %x, shape: [-1, 8]) : f32[s, 8]');
    expect(one('Unsqueeze', 'both')).toBe(
      '%y = reshape(x: %x, shape: [1, -1, 1, 8, 1]) : f32[1, s, 1, 8, 1]',
    );
    const old = translated(node('Unsqueeze', ['x'], ['y'], { axes: ints([0]) }), { inputs, opset: 11 });
    expect(old[0]).toContain(': f32[1, s, 1, 8]');
    expect(translated(node('Flatten', ['x'], ['y'], { axis: int(2) }))[0]).toBe(
      '%y = reshape(x: %x, shape: [-1, 8]) : f32[4*s, 8]',
    );
  });

  it('permutes and expands', () => {
    expect(translated(node('Transpose', ['x'], ['y'], { perm: ints([1, 0, 2]) }))).toEqual([
      '%y = permute(x: %x, dims: [1, 0, 2]) : f32[4, s, 8]',
    ]);
    expect(translated(node('Transpose', ['x'], ['y']))[0]).toContain('dims: [2, 1, 0]');
    const initializers = [list('shape', 2, 1, 4, 1)];
    expect(translated(node('Expand', ['x', 'shape'], ['y']), { initializers })).toEqual([
      '%y = expand(x: %x, shape: [2, -1, 4, 8]) : f32[2, s, 4, 8]',
    ]);
  });
});

describe('parts', () => {
  it('concatenates', () => {
    const inputs = [X, value('z', F32, 's', 2, 8), value('t', F32, 't', 4, 8)];
    expect(translated(node('Concat', ['x', 'z'], ['y'], { axis: int(1) }), { inputs })).toEqual([
      '%y = cat(xs: [%x, %z], dim: 1) : f32[s, 6, 8]',
    ]);
    expect(translated(node('Concat', ['x', 't', 'x'], ['y'], { axis: int(0) }), { inputs })[0]).toContain(
      ': f32[2*s + t, 4, 8]',
    );
    expect(translated(node('Concat', ['x', 'z'], ['y'], { axis: int(0) }), { inputs })[0]).toContain('onnx.');
  });

  it('slices', () => {
    const initializers = [
      list('starts', 1, -3),
      list('ends', 2 ** 31, -1),
      list('axes', 1, 2),
      list('steps', 2, 1),
      list('zero', 0),
      list('one', 1),
      list('all', 2 ** 62),
    ];
    expect(
      translated(node('Slice', ['x', 'starts', 'ends', 'axes', 'steps'], ['y']), { initializers }),
    ).toEqual([
      '%y.slice = slice(x: %x, dim: 1, start: 1, end: 4, step: 2) : f32[s, 2, 8]',
      '%y = slice(x: %y.slice, dim: 2, start: -3, end: -1, step: 1) : f32[s, 2, 2]',
    ]);
    // The whole of it.
    const nodes = [node('Slice', ['x', 'zero', 'all'], ['a']), node('Neg', ['a'], ['y'])];
    expect(translated(nodes, { initializers })).toEqual(['%y = neg(x: %x) : f32[s, 4, 8]']);
    const said = { initializers, infos: [value('a', F32, 's - 1', 4, 8)] };
    const part = [node('Slice', ['x', 'one', 'all'], ['a']), node('Neg', ['a'], ['y'])];
    expect(translated(part, said)[0]).toMatch(/start: 1, end: \d+, step: 1\) : f32\[s - 1, 4, 8\]/);
    expect(translated(part, { initializers })[0]).toContain('onnx.ai.onnx.Slice');
    const old = node('Slice', ['x'], ['y'], { starts: ints([0]), ends: ints([2]), axes: ints([1]) });
    expect(translated(old, { opset: 9 })).toEqual([
      '%y = slice(x: %x, dim: 1, start: 0, end: 2, step: 1) : f32[s, 2, 8]',
    ]);
  });

  it('splits into slices, of what is read', () => {
    const initializers = [list('sizes', 1, 3), list('odd', 1, 2)];
    const nodes = [node('Split', ['x', 'sizes'], ['a', 'b'], { axis: int(1) }), node('Neg', ['b'], ['y'])];
    expect(translated(nodes, { initializers })).toEqual([
      '%b = slice(x: %x, dim: 1, start: 1, end: 4, step: 1) : f32[s, 3, 8]',
      '%y = neg(x: %b) : f32[s, 3, 8]',
    ]);
    const even = [
      node('Split', ['x'], ['a', 'b', 'c'], { axis: int(2), num_outputs: int(3) }),
      node('Neg', ['c'], ['y']),
    ];
    expect(translated(even)[0]).toBe('%c = slice(x: %x, dim: 2, start: 6, end: 8, step: 1) : f32[s, 4, 2]');
    const odd = [node('Split', ['x', 'odd'], ['a', 'b'], { axis: int(1) }), node('Neg', ['b'], ['y'])];
    expect(translated(odd, { initializers })[0]).toContain('onnx.ai.onnx.Split');
  });

  it('gathers by what it gathers', () => {
    const initializers = [
      weight('table', F32, 100, 8),
      { name: 'i', type: I64, dims: [], raw: i64s(-1) },
      list('is', 1, 2),
    ];
    const inputs = [X, value('ids', I64, 'b', 's'), value('at', I64, 's', 4, 8)];
    const gather = (data: string, index: string, axis: number): string =>
      translated(node('Gather', [data, index], ['y'], { axis: int(axis) }), { inputs, initializers })[0]!;
    expect(gather('table', 'ids', 0)).toBe('%y = embedding(weight: %table, indices: %ids) : f32[b, s, 8]');
    expect(gather('x', 'i', 1)).toBe('%y = select(x: %x, dim: 1, index: -1) : f32[s, 8]');
    expect(gather('x', 'is', -1)).toBe('%y = index(x: %x, indices: [null, null, %is]) : f32[s, 4, 2]');
    const elements = translated(node('GatherElements', ['x', 'at'], ['y'], { axis: int(2) }), { inputs });
    expect(elements).toEqual(['%y = gather(x: %x, dim: 2, index: %at) : f32[s, 4, 8]']);
  });
});

describe('along dims', () => {
  it('reduces, axes as an input or as an attribute', () => {
    const initializers = [list('axes', -1), list('none')];
    const reduce = (op: string, axes: string[], attributes = {}, opset = 21): string =>
      translated(node(op, ['x', ...axes], ['y'], attributes), { initializers, opset })[0]!;
    expect(reduce('ReduceMean', ['axes'])).toBe('%y = mean(x: %x, dims: [2], keepdim: true) : f32[s, 4, 1]');
    expect(reduce('ReduceSum', ['axes'], { keepdims: int(0) })).toBe(
      '%y = sum(x: %x, dims: [2], keepdim: false) : f32[s, 4]',
    );
    expect(reduce('ReduceMax', [], { axes: ints([0, 1]) }, 13)).toBe(
      '%y = amax(x: %x, dims: [0, 1], keepdim: true) : f32[1, 1, 8]',
    );
    expect(reduce('ReduceMean', [], { keepdims: int(0) })).toBe(
      '%y = mean(x: %x, dims: [], keepdim: false) : f32[]',
    );
    const noop = [
      node('ReduceSum', ['x', 'none'], ['a'], { noop_with_empty_axes: int(1) }),
      node('Neg', ['a'], ['y']),
    ];
    expect(translated(noop, { initializers })).toEqual(['%y = neg(x: %x) : f32[s, 4, 8]']);
  });

  it('has softmax along its default axis of the time', () => {
    expect(translated(node('Softmax', ['x'], ['y']))[0]).toContain('softmax(x: %x, dim: 2)');
    expect(translated(node('Softmax', ['x'], ['y']), { opset: 11 })[0]).toContain('onnx.ai.onnx.Softmax');
    expect(translated(node('Softmax', ['x'], ['y'], { axis: int(2) }), { opset: 11 })[0]).toContain('dim: 2');
  });

  it('reads ArgMax and CumSum', () => {
    expect(translated(node('ArgMax', ['x'], ['y'], { axis: int(-1), keepdims: int(0) }))).toEqual([
      '%y = argmax(x: %x, dim: 2, keepdim: false) : i64[s, 4]',
    ]);
    const initializers = [{ name: 'axis', type: I64, dims: [], raw: i64s(1) }];
    expect(translated(node('CumSum', ['x', 'axis'], ['y']), { initializers })).toEqual([
      '%y = cumsum(x: %x, dim: 1) : f32[s, 4, 8]',
    ]);
    const exclusive = node('CumSum', ['x', 'axis'], ['y'], { exclusive: int(1) });
    expect(translated(exclusive, { initializers })[0]).toContain('onnx.ai.onnx.CumSum');
  });
});

describe('products', () => {
  it('multiplies', () => {
    const inputs = [X, value('k', F32, 8, 3), value('v', F32, 8), value('q', F32, 's', 8)];
    const initializers = [weight('w', F32, 3, 8), weight('bias', F32, 3)];
    const one = (op: string, names: string[], attributes = {}): string[] =>
      translated(node(op, names, ['y'], attributes), { inputs, initializers });
    expect(one('MatMul', ['x', 'k'])).toEqual(['%y = matmul(a: %x, b: %k) : f32[s, 4, 3]']);
    expect(one('MatMul', ['x', 'v'])[0]).toContain(': f32[s, 4]');
    expect(one('MatMul', ['x', 'w'])[0]).toContain('onnx.ai.onnx.MatMul');
    expect(one('Gemm', ['q', 'w', 'bias'], { transB: int(1) })).toEqual([
      '%y = linear(x: %q, weight: %w, bias: %bias) : f32[s, 3]',
    ]);
    expect(one('Gemm', ['q', 'k'])).toEqual([
      '%y.permute = permute(x: %k, dims: [1, 0]) : f32[3, 8]',
      '%y = linear(x: %q, weight: %y.permute, bias: null) : f32[s, 3]',
    ]);
    expect(one('Gemm', ['q', 'w'], { transB: int(1), alpha: float(0.5) })[0]).toContain('onnx.ai.onnx.Gemm');
    // Nothing of what a row began is left.
    expect(one('Gemm', ['q', 'k', 'v'])).toHaveLength(1);
  });
});

describe('numbers', () => {
  it('reads constants, and counts', () => {
    const nodes = [
      node('Constant', [], ['c'], {
        value: tensor({ name: '', type: F32, dims: [8], raw: f32s(1, 2, 3, 4, 5, 6, 7, 8) }),
      }),
      node('Constant', [], ['two'], { value_float: float(2) }),
      node('Mul', ['x', 'c'], ['a']),
      node('Mul', ['a', 'two'], ['y']),
    ];
    const result = load({ nodes, inputs: [X], outputs: [value('y', F32)] });
    expect(lines(result)).toEqual([
      '%a = mul(a: %x, b: %c) : f32[s, 4, 8]',
      '%y = mul(a: %a, b: 2) : f32[s, 4, 8]',
    ]);
    expect(result.inputs.map(({ weight }) => weight)).toEqual([undefined, 'c']);
    expect(result.weights.get('c')!.storage()).toEqual(f32s(1, 2, 3, 4, 5, 6, 7, 8));
  });

  it('fills and counts', () => {
    const initializers = [list('shape', 2, 3), scalar('start', 0), scalar('limit', 5), scalar('step', 2)];
    const full = node('ConstantOfShape', ['shape'], ['y'], {
      value: tensor({ ...scalar('', 7), dims: [1] }),
    });
    expect(translated(full, { initializers })).toEqual(['%y = full(shape: [2, 3], value: 7) : f32[2, 3]']);
    expect(translated(node('ConstantOfShape', ['shape'], ['y']), { initializers })[0]).toContain('value: 0');
    expect(translated(node('Range', ['start', 'limit', 'step'], ['y']), { initializers })).toEqual([
      '%y = arange(start: 0, step: 2) : f32[3]',
    ]);
    const numbers = [0, 1].map((at) => ({ name: `i${at}`, type: I64, dims: [], raw: i64s(at) }));
    const nodes = [
      node('Shape', ['x'], ['shape']),
      node('Gather', ['shape', 'i0'], ['n']),
      node('Range', ['i0', 'n', 'i1'], ['y']),
    ];
    expect(translated(nodes, { initializers: numbers })).toEqual(['%y = arange(start: 0, step: 1) : i64[s]']);
  });
});

describe('what is carried through', () => {
  it('keeps operands, attributes, types and origin', () => {
    const result = load({
      nodes: [
        {
          op: 'GroupQueryAttention',
          domain: MS,
          name: '/model/layers.0/attn/GQA',
          inputs: ['x', '', 'w'],
          outputs: ['y', '', 'past'],
          attributes: {
            num_heads: int(-4),
            scale: float(0.5),
            axes: ints([1, -1]),
            mode: text('a'),
            input0: int(9),
            table: tensor({ name: '', type: F32, dims: [2], floats: [1, 2] }),
          },
        },
      ],
      inputs: [X],
      initializers: [weight('w', F16, 2, 2)],
      outputs: [value('y', F32, 's', 4, 8)],
      infos: [value('past', F16, 's', null)],
    });
    expect(lines(result)).toEqual([
      '%y, %past = onnx.com.microsoft.GroupQueryAttention(input0: %x, input1: null, input2: %w, num_heads: -4, scale: 0.5, ' +
        'axes: [1, -1], mode: "a", attribute.input0: 9, table: %y.table) : f32[s, 4, 8], f16[s, past_1]   # model.layers.0.attn.GQA',
    ]);
    expect(result.symbols.get('past_1')).toEqual({ min: 0, max: Number.POSITIVE_INFINITY });
    expect(result.weights.get('y.table')!.storage()).toEqual(f32s(1, 2));
    expect(result.notes).toEqual([
      'Carried through untouched, as no operation here is like them: com.microsoft.GroupQueryAttention.',
    ]);
  });

  it('goes on behind it where the file says the type', () => {
    const nodes = [node('Mystery', ['x'], ['a']), node('Neg', ['a'], ['y'])];
    expect(translated(nodes)[1]).toContain('onnx.ai.onnx.Neg');
    expect(translated(nodes, { infos: [value('a', F32, 's', 2)] })[1]).toBe('%y = neg(x: %a) : f32[s, 2]');
  });

  it('counts what graphs of If and Loop take from around them', () => {
    const inner: GraphSpec = {
      name: 'inner',
      nodes: [node('Add', ['h', 'w'], ['local']), node('Mul', ['local', 'deep'], ['out'])],
      outputs: [value('out', F32)],
    };
    const outer: GraphSpec = {
      name: 'then',
      nodes: [node('If', ['flag'], ['o'], { then_branch: graph(inner) })],
      outputs: [value('o', F32), value('x', F32)],
    };
    const result = load({
      nodes: [
        node('Identity', ['x'], ['h']),
        node('Neg', ['x'], ['deep']),
        node('If', ['flag'], ['y'], { then_branch: graph(outer) }),
      ],
      inputs: [X, value('flag', BOOL)],
      initializers: [weight('w', F32, 8)],
      outputs: [{ name: 'y', type: F32 }],
    });
    expect(lines(result).at(-1)).toBe(
      '%y = onnx.ai.onnx.If(input0: %flag, captured: [%flag, %x, %w, %deep, %x], then_branch: "then") : opaque',
    );
  });

  it('does not take a function of the model for an operator of that name', () => {
    const result = load({
      nodes: [node('Neg', ['x'], ['y'], {}, 'mine'), node('Relu', ['x'], ['z'])],
      inputs: [X],
      outputs: [value('y', F32), value('z', F32)],
      functions: [['', 'Relu']],
    });
    expect(result.nodes.map(({ op }) => op)).toEqual(['onnx.mine.Neg', 'onnx.ai.onnx.Relu']);
  });

  it('says once how many there are', () => {
    const nodes = [
      node('Softmax', ['x'], ['a']),
      node('Softmax', ['x'], ['b']),
      node('Add', ['a', 'b'], ['y']),
    ];
    const result = load({ nodes, inputs: [X], outputs: [value('y', F32)], opsets: { '': 11 } });
    expect(result.notes[0]).toBe(
      'graph.node[0] and 1 more: ai.onnx.Softmax is carried through untouched, as it is over several dims.',
    );
  });
});

describe('inputs, weights, symbols', () => {
  it('names symbols after dim_param', () => {
    const result = load({
      nodes: [],
      inputs: [
        value('a', F32, 'batch', 'past + 1', 'batch-size', '4', null),
        { name: 'b', type: F32 },
        value('c', 8, 2),
        value('d', F32, 'batch_size', 'n*2', ''),
      ],
      outputs: [],
    });
    expect(printGraph(result).match(/%.*/g)).toEqual([
      '%a: f32[batch, past + 1, batch_size_1, s_4, a_4]',
      '%b: opaque',
      '%c: opaque',
      '%d: f32[batch_size, 2*n, d_2]',
    ]);
    expect([...result.symbols.keys()].sort()).toEqual(
      ['a_4', 'batch', 'batch_size', 'batch_size_1', 'd_2', 'n', 'past', 's_4'].sort(),
    );
  });

  it('reads weights in every field, an input of the same name or not', () => {
    const initializers = [
      { name: 'f32', type: F32, dims: [2], floats: [1.5, -2] },
      { name: 'bf16', type: BF16, dims: [2], int32s: [0x3f80, 0xc000] },
      { name: 'i8', type: I8, dims: [2], int32s: [-1, 5] },
      { name: 'i64', type: I64, dims: [2], int64s: [-3, 2 ** 40] },
      { name: 'raw', type: F16, dims: [1], raw: new Uint8Array([1, 2]) },
      { name: 'int4', type: 22, dims: [3], int32s: [0x21, 0x03] },
      { name: 'f4', type: 23, dims: [2, 4], raw: new Uint8Array([1, 2, 3, 4]) },
      { name: 'words', type: 8, dims: [2], texts: ['a', 'b'] },
    ];
    const names = initializers.map(({ name }) => name);
    const result = load({
      nodes: [node('Any', names, ['y'])],
      inputs: [X, value('f32', F32, 2)],
      initializers,
      outputs: [value('y', F32)],
    });
    const bytes = (name: string): number[] => [...result.weights.get(name)!.storage()];
    expect(bytes('f32')).toEqual([...f32s(1.5, -2)]);
    expect(bytes('bf16')).toEqual([0x80, 0x3f, 0, 0xc0]);
    expect(bytes('i8')).toEqual([255, 5]);
    expect(bytes('i64')).toEqual([...i64s(-3, 2 ** 40)]);
    expect(bytes('raw')).toEqual([1, 2]);
    expect(bytes('int4')).toEqual([0x21, 0x03]);
    expect(result.weights.get('f4')).toMatchObject({ dtype: 'e2m1x2', shape: [2, 2], strides: [2, 1] });
    // The array may be viewed as numbers of any width.
    for (const weight of result.weights.values()) expect(weight.storage().byteOffset % 8).toBe(0);
    expect(result.inputs.map(({ value, weight }) => [value.name, weight])).toEqual([
      ['x', undefined],
      ...names.slice(0, -1).map((name) => [name, name]),
    ]);
    expect(result.inputs.find(({ weight }) => weight === 'int4')!.value.type).toEqual({ kind: 'opaque' });
    expect(printNode(result.nodes[0]!)).toBe('%words = onnx.ai.onnx.Constant(value: ["a", "b"]) : opaque');
  });

  it('leaves out weights that nothing reads any more', () => {
    const nodes = node('Reshape', ['x', 'shape'], ['y']);
    const result = load({
      nodes: [nodes],
      inputs: [X],
      initializers: [list('shape', 0, 32)],
      outputs: [value('y', F32)],
    });
    expect(result.inputs.map((input) => input.value.name)).toEqual(['x']);
  });

  it('reads external data by offset and length, when it is asked for', () => {
    inFolder((folder) => {
      const external = { location: 'data/w.bin', offset: '8', length: '8' };
      const spec: ModelSpec = {
        nodes: [node('Mul', ['x', 'w'], ['y'])],
        inputs: [value('x', F32, 2)],
        initializers: [{ name: 'w', type: F32, dims: [2], external }],
        outputs: [value('y', F32)],
      };
      const result = importOnnx(writeModel(folder, encodeModel(spec)));
      verify(result);
      const read = (): Uint8Array => result.weights.get('w')!.storage();
      expect(read).toThrow(/graph.initializer\[0\] "w" lies in .*w\.bin, which cannot be read: ENOENT/);
      writeModel(folder, new Uint8Array(0), 'data');
      expect(read).toThrow(/cannot be read: ENOTDIR/);
      writeFileSync(join(folder, 'w.bin'), f32s(0, 0, 3, 4));
      const plain = { ...external, location: './w.bin' };
      const good = importOnnx(
        writeModel(
          folder,
          encodeModel({ ...spec, initializers: [{ name: 'w', type: F32, dims: [2], external: plain }] }),
        ),
      );
      expect(good.weights.get('w')!.storage()).toEqual(f32s(3, 4));
      writeFileSync(join(folder, 'w.bin'), f32s(0, 0, 3));
      expect(() => good.weights.get('w')!.storage()).toThrow('lies at bytes 8 to 16 of');
    });
  });
});

describe('errors', () => {
  const bad =
    (spec: ModelSpec): (() => Graph) =>
    () =>
      load(spec);
  const importing =
    (bytes: Uint8Array): (() => Graph) =>
    () =>
      inFolder((folder) => importOnnx(writeModel(folder, bytes)));

  it('tells what is no model', () => {
    expect(() => importOnnx('/nonexistent/model.onnx')).toThrow(
      'cannot read /nonexistent/model.onnx: ENOENT: no such file or directory',
    );
    expect(() => importOnnx('/')).toThrow('/ is not a file');
    expect(importing(new Uint8Array(0))).toThrow(/model\.onnx is no ONNX model: its 0 bytes hold no graph/);
    expect(importing(new TextEncoder().encode('{"a": [1, 2, 3]}\n'))).toThrow(
      /model\.onnx: byte 1, in the model: .*an ONNX file is a ModelProto, and this one is not, or is damaged/,
    );
    expect(importing(new TextEncoder().encode('graph block(%x)'))).toThrow(/is a ModelProto/);
    expect(importing(new Uint8Array([0x08, 0x0a]))).toThrow('hold no graph (field 7 of ModelProto)');
  });

  it('tells where a file is cut short', () => {
    const bytes = encodeModel({
      nodes: [node('Neg', ['x'], ['y'])],
      inputs: [X],
      outputs: [value('y', F32)],
    });
    expect(importing(bytes.subarray(0, 20))).toThrow(
      /byte 3, in the model: a field says that it has \d+ bytes, and \d+ are left/,
    );
  });

  it.each<[string, ModelSpec, string]>([
    [
      'an operand that nothing makes',
      { nodes: [{ ...node('Neg', ['z'], ['y']), name: 'n' }] },
      'model.onnx: graph.node[0] "n": it reads "z", which no input, initializer or node before it makes',
    ],
    ['an output that nothing makes', { outputs: [value('y', F32)] }, 'graph.output[0]: it reads "y"'],
    [
      'a name that is made twice',
      { inputs: [X], nodes: [node('Neg', ['x'], ['x'])] },
      'graph.node[0]: "x" is made a second time',
    ],
    [
      'an operator without a version',
      { opsets: {}, inputs: [X], nodes: [node('Neg', ['x'], ['y'])] },
      'no opset_import',
    ],
    [
      'raw data of another size',
      { initializers: [{ name: 'w', type: F32, dims: [3], raw: f32s(1) }] },
      'graph.initializer[0] "w" has 4 bytes of raw_data; its dims and its type need 12',
    ],
    [
      'numbers of another count',
      { initializers: [{ name: 'w', type: F32, dims: [3], floats: [1] }] },
      'has 1 numbers in field 4; its dims and its type need 3',
    ],
    [
      'a huge tensor',
      { initializers: [{ name: 'w', type: F32, dims: [2 ** 40, 2 ** 40] }] },
      'which no file holds',
    ],
    ['a negative dim', { initializers: [{ name: 'w', type: F32, dims: [-1] }] }, 'has the dims -1'],
    ['a data type', { initializers: [{ name: 'w', type: 77, dims: [1] }] }, 'has data_type 77'],
    ['a sparse initializer', { sparse: ['w'] }, '"w" is stored sparsely'],
    [
      'a path that leaves the folder',
      { initializers: [{ name: 'w', type: F32, dims: [1], external: { location: '../w' } }] },
      "expected a path inside the model's folder",
    ],
    [
      'an absolute path',
      { initializers: [{ name: 'w', type: F32, dims: [1], external: { location: '/etc/passwd' } }] },
      "expected a path inside the model's folder",
    ],
    [
      'a path of Windows',
      { initializers: [{ name: 'w', type: F32, dims: [1], external: { location: 'a\\..\\..\\w' } }] },
      "expected a path inside the model's folder",
    ],
    [
      'external data of another length',
      { initializers: [{ name: 'w', type: F32, dims: [1], external: { location: 'w', length: '5' } }] },
      'has 5 bytes of external data; its dims and its type need 4',
    ],
    [
      'an offset that is no number',
      { initializers: [{ name: 'w', type: F32, dims: [1], external: { location: 'w', offset: '-1' } }] },
      'the offset "-1"; expected a whole number',
    ],
  ])('tells of %s', (_, spec, message) => {
    expect(bad(spec)).toThrow(message);
  });

  it('does not follow graphs in graphs for ever', () => {
    let inner: GraphSpec = {};
    for (let i = 0; i < 40; i++) inner = { nodes: [node('If', [], [], { then_branch: graph(inner) })] };
    expect(bad(inner)).toThrow('nested more than 32 deep');
  });
});
