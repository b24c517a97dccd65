/**
 * @file ONNX files as graphs: collectives, norms and quantization, what is carried through, where weights come from, and what is refused.
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
  scalar,
  type TensorSpec,
  tensor,
  text,
  weight,
  writeModel,
} from '../support/onnx.ts';
import { lines, load, MS, node, TWO, translated, value, X } from '../support/onnx-graphs.ts';

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
        value('e', F32, 'n // 2', 'max', '2 2'),
      ],
      outputs: [],
    });
    expect(printGraph(result).match(/%.*/g)).toEqual([
      '%a: f32[batch, past + 1, batch_size_1, s_4, a_4]',
      '%b: opaque',
      '%c: opaque',
      '%d: f32[batch_size, 2*n, d_2]',
      '%e: f32[n//2, max_1, s_2_2]',
    ]);
    expect([...result.symbols.keys()].sort()).toEqual(
      ['a_4', 'batch', 'batch_size', 'batch_size_1', 'd_2', 'max_1', 'n', 'past', 's_2_2', 's_4'].sort(),
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
