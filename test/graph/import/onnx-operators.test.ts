/**
 * @file ONNX operators of decoder models: what each becomes, and which uses are carried through.
 */
import { describe, expect, it } from 'vitest';
import {
  BF16,
  BOOL,
  F32,
  f32s,
  float,
  I64,
  i64s,
  int,
  ints,
  list,
  scalar,
  tensor,
  text,
  weight,
} from '../support/onnx.ts';
import { lines, load, MS, node, TWO, translated, value, X } from '../support/onnx-graphs.ts';

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
