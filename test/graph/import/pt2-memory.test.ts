/**
 * @file Nodes that write in place, regions inside a graph, symbolic sizes: what of a file is not one operation after the other.
 */
import { describe, expect, it } from 'vitest';
import { execute } from '../../../dist/graph/execute/executor.js';
import { importPt2Graph } from '../../../dist/graph/import/pt2/pt2.js';
import type { Graph, Value } from '../../../dist/graph/ir/graph.js';
import { OPERATIONS } from '../../../dist/graph/ir/operations.js';
import { graphJson, type Json, type NodeSpec, type ProgramSpec, program, sym, t } from '../support/pt2.ts';

const importSpec = (spec: ProgramSpec): Graph => importPt2Graph(program(spec), 'test', new Map());
const ops = ({ nodes }: Graph): string[] => nodes.map(({ op }) => op);
const names = ({ outputs }: Graph): string[] => outputs.map((operand) => (operand as Value).name);
const A = 'torch.ops.aten.';
const f = 'f32[2]';

const relu = (x: string, out: string): NodeSpec => ({
  target: `${A}relu.default`,
  args: { self: t(x) },
  out: { [out]: f },
});
const addInPlace = (x: string, other: string, out: string): NodeSpec => ({
  target: `${A}add_.Tensor`,
  args: { self: t(x), other: t(other) },
  out: { [out]: f },
});
const view = (x: string, out: string, target = 'view.default'): NodeSpec => ({
  target: A + target,
  args: { self: t(x), size: [2, 1] },
  out: { [out]: 'f32[2, 1]' },
});

describe('writing in place', () => {
  it('an all-reduce in place: what is read later is its result', () => {
    const graph = importSpec({
      inputs: { x: f },
      nodes: [
        relu('x', 'y'),
        {
          target: 'torch.ops._c10d_functional.all_reduce.default',
          args: { input: t('y'), reduce_op: 'sum', group_name: '0' },
          out: { r: f },
        },
        { target: 'torch.ops._c10d_functional.wait_tensor.default', args: { tensor: t('r') }, out: { w: f } },
        { target: `${A}copy_.default`, args: { self: t('y'), src: t('w') }, out: { c: f } },
        relu('y', 'z'),
      ],
      outputs: ['z', 'c'],
    });
    expect(ops(graph)).toEqual(['relu', 'all_reduce', 'relu']);
    expect(graph.nodes[2]!.operands.x).toBe(graph.nodes[1]!.outputs[0]);
    expect(names(graph)).toEqual(['z', 'r']);
    expect(graph.notes).toEqual([]);
  });

  it('the collective itself in place', () => {
    const graph = importSpec({
      inputs: { x: f },
      nodes: [
        relu('x', 'y'),
        {
          target: 'torch.ops._c10d_functional.all_reduce_.default',
          args: { input: t('y'), reduce_op: 'sum', group_name: '0' },
          out: { r: f },
        },
        { target: 'torch.ops._c10d_functional.wait_tensor.default', args: { tensor: t('r') }, out: { w: f } },
        relu('y', 'z'),
      ],
      outputs: ['z', 'w'],
    });
    expect(ops(graph)).toEqual(['relu', 'all_reduce', 'relu']);
    expect(names(graph)).toEqual(['z', 'r']);
  });

  it('copy_ of another dtype and shape casts and expands', () => {
    const graph = importSpec({
      inputs: { x: 'bf16[2, 3]', s: 'f32[3]' },
      nodes: [
        { target: `${A}relu.default`, args: { self: t('x') }, out: { y: 'bf16[2, 3]' } },
        { target: `${A}copy_.default`, args: { self: t('y'), src: t('s') }, out: { c: 'bf16[2, 3]' } },
        { target: `${A}neg.default`, args: { self: t('y') }, out: { z: 'bf16[2, 3]' } },
      ],
      outputs: ['z'],
    });
    expect(ops(graph)).toEqual(['relu', 'cast', 'expand', 'neg']);
  });

  it('arithmetic in place is arithmetic on values', () => {
    const graph = importSpec({
      inputs: { x: f, o: f },
      nodes: [relu('x', 'y'), addInPlace('y', 'o', 'y1'), relu('y', 'z'), addInPlace('y1', 'z', 'y2')],
      outputs: ['y', 'y1', 'y2', 'z'],
    });
    expect(ops(graph)).toEqual(['relu', 'add', 'relu', 'add']);
    // All names of the one tensor have what was written last.
    const [outputs] = execute(graph, [{ x: [1, -1], o: [10, 20] }]);
    const values = outputs!.map((held) => [...(held as { values: Float64Array }).values]);
    expect(values).toEqual([
      [22, 40],
      [22, 40],
      [22, 40],
      [11, 20],
    ]);
  });

  it('fill_, zero_, &= and what is not known', () => {
    const graph = importSpec({
      inputs: { x: f, b: 'bool[2]' },
      nodes: [
        relu('x', 'y'),
        { target: `${A}fill_.Scalar`, args: { self: t('y'), value: 3 }, out: { y1: f } },
        { target: `${A}zero_.default`, args: { self: t('y') }, out: { y2: f } },
        { target: `${A}logical_not.default`, args: { self: t('b') }, out: { m: 'bool[2]' } },
        { target: `${A}__iand__.Tensor`, args: { self: t('m'), other: t('b') }, out: { m1: 'bool[2]' } },
        { target: `${A}erfinv_.default`, args: { self: t('y') }, out: { y3: f } },
      ],
      outputs: ['y', 'm'],
    });
    // A node that wrote in place makes a new value, as its functional twin does.
    expect(ops(graph)).toEqual(['relu', 'full', 'full', 'not', 'and', 'torch.ops.aten.erfinv.default']);
    expect(names(graph)).toEqual(['y3', 'm1']);
  });

  it('to an input: its new value is one more output', () => {
    const graph = importSpec({
      inputs: { x: f, cache: f },
      nodes: [addInPlace('cache', 'x', 'c1'), relu('cache', 'z')],
      outputs: ['z'],
    });
    expect(ops(graph)).toEqual(['add', 'relu']);
    expect(names(graph)).toEqual(['z', 'c1']);
    expect(graph.notes).toEqual([
      'The file writes to its input cache: output 1 is the new value, and the input stays as it is.',
    ]);
  });

  it('is sound where a view exists that nobody reads later', () => {
    const graph = importSpec({
      inputs: { x: f, o: f },
      nodes: [
        relu('x', 'y'),
        view('y', 'v'),
        { target: `${A}neg.default`, args: { self: t('v') }, out: { n: 'f32[2, 1]' } },
        addInPlace('y', 'o', 'y1'),
      ],
      outputs: ['y', 'n'],
    });
    expect(ops(graph)).toEqual(['relu', 'reshape', 'neg', 'add']);
  });

  it.each<[why: string, nodes: NodeSpec[], outputs: string[], reason: RegExp]>([
    [
      'a view is read afterwards',
      [relu('x', 'y'), view('y', 'v'), addInPlace('y', 'o', 'y1')],
      ['v'],
      /node y1 \(torch\.ops\.aten\.add_\.Tensor\) writes to y, whose memory is read as v afterwards/,
    ],
    [
      'the base of a view is read afterwards',
      [
        relu('x', 'y'),
        { target: `${A}view.default`, args: { self: t('y'), size: [2] }, out: { v: f } },
        addInPlace('v', 'o', 'v1'),
      ],
      ['y'],
      /writes to v, whose memory is read as y afterwards/,
    ],
    [
      'what may be a copy or not is read afterwards',
      [
        relu('x', 'y'),
        { target: `${A}contiguous.default`, args: { self: t('y') }, out: { v: f } },
        addInPlace('v', 'o', 'v1'),
      ],
      ['y', 'v1'],
      /read as y afterwards/,
    ],
    [
      'an operation that is not known may have given a view',
      [
        relu('x', 'y'),
        { target: 'torch.ops.mylib.part.default', args: { self: t('y') }, out: { v: f } },
        addInPlace('y', 'o', 'y1'),
      ],
      ['v'],
      /read as v afterwards/,
    ],
    [
      'a part of an input is written',
      [
        {
          target: `${A}slice.Tensor`,
          args: { self: t('x'), dim: 0, start: 0, end: 1 },
          out: { v: 'f32[1]' },
        },
        { target: `${A}relu_.default`, args: { self: t('v') }, out: { v1: 'f32[1]' } },
      ],
      ['o'],
      /read as x afterwards/,
    ],
    [
      'a node gives nothing',
      [
        relu('x', 'y'),
        { target: 'torch.ops._C.silu_and_mul.default', args: { out: t('y'), x: t('o') }, out: {} },
      ],
      ['y'],
      /writes its result to an operand/,
    ],
    [
      'a node gives nothing, whatever its operands are called',
      [relu('x', 'y'), { target: 'torch.ops.mylib.write.default', args: { a: t('y') }, out: {} }],
      ['y'],
      /gives nothing, so that it may write to what it reads/,
    ],
    [
      'an operation of another namespace writes in place',
      [relu('x', 'y'), { target: 'torch.ops.mylib.scale_.default', args: { self: t('y') }, out: { y1: f } }],
      ['y'],
      /writes in place, and it is not known where/,
    ],
    [
      'a result is written out',
      [
        relu('x', 'y'),
        { target: `${A}add.out`, args: { self: t('x'), other: t('o'), out: t('y') }, out: { y1: f } },
      ],
      ['y'],
      /writes its result to an operand/,
    ],
  ])('where it would not be sound, nothing is translated: %s', (_, nodes, outputs, reason) => {
    const graph = importSpec({ inputs: { x: f, o: f }, nodes, outputs });
    expect(ops(graph)).toEqual(nodes.map(({ target }) => target));
    expect(names(graph)).toEqual(outputs);
    expect(graph.nodes.some(({ op }) => Object.hasOwn(OPERATIONS, op))).toBe(false);
    expect(graph.notes[0]).toMatch(reason);
    expect(graph.notes[0]).toMatch(/^Nothing of this graph is translated, and nothing can be fused: /);
  });

  it('a clone has memory of its own', () => {
    const graph = importSpec({
      inputs: { x: f, o: f },
      nodes: [
        relu('x', 'y'),
        { target: `${A}clone.default`, args: { self: t('y') }, out: { c: f } },
        addInPlace('y', 'o', 'y1'),
      ],
      outputs: ['c', 'y'],
    });
    expect(ops(graph)).toEqual(['relu', 'add']);
    expect(names(graph)).toEqual(['y', 'y1']);
  });

  it('checks and hints are left out', () => {
    const graph = importSpec({
      inputs: { x: f, n: 'int' },
      nodes: [
        { target: `${A}_assert_tensor_metadata.default`, args: { a: t('x') }, out: {} },
        { target: `${A}sym_constrain_range_for_size.default`, args: { size: sym('n') }, out: {} },
        relu('x', 'y'),
      ],
      outputs: ['y'],
    });
    expect(ops(graph)).toEqual(['relu']);
  });
});

describe('regions', () => {
  const region = (spec: ProgramSpec): Json => ({ as_graph: { name: 'submod', graph: graphJson(spec) } });
  const inner: ProgramSpec = {
    inputs: { arg0: f },
    nodes: [relu('arg0', 'y'), relu('y', 'z')],
    outputs: ['z'],
  };
  const around = (target: string, args: Record<string, Json>): Graph =>
    importSpec({
      inputs: { x: f },
      nodes: [
        relu('x', 'y'),
        { target: `torch.ops.higher_order.${target}`, args, out: { r: f } },
        relu('r', 'z'),
      ],
      outputs: ['z', 'r'],
    });

  it('without gradients are opened', () => {
    const args = { enabled: false, graph: region(inner), a: t('y') };
    const graph = around('wrap_with_set_grad_enabled', args);
    expect(ops(graph)).toEqual(['relu', 'relu', 'relu', 'relu']);
    expect(names(graph)).toEqual(['z', 'r.z']);
    expect(graph.nodes.map(({ outputs }) => outputs[0]!.name)).toEqual(['y', 'r.y', 'r.z', 'z']);
  });

  it('with automatic casts switched off are opened, others are not', () => {
    const args = (enabled: boolean): Record<string, Json> => ({
      device_type: 'cuda',
      dtype: null,
      enabled,
      cache: null,
      graph: region(inner),
      a: t('y'),
    });
    expect(ops(around('wrap_with_autocast', args(false)))).toEqual(['relu', 'relu', 'relu', 'relu']);
    expect(ops(around('wrap_with_autocast', args(true)))).toEqual([
      'relu',
      'torch.ops.higher_order.wrap_with_autocast',
      'relu',
    ]);
  });

  it('in regions are opened too', () => {
    const target = 'torch.ops.higher_order.wrap_with_set_grad_enabled';
    const outer: ProgramSpec = {
      inputs: { arg0: f },
      nodes: [
        { target, args: { enabled: false, graph: region(inner), a: t('arg0') }, out: { y: f } },
        relu('y', 'z'),
      ],
      outputs: ['z'],
    };
    const graph = around('wrap_with_set_grad_enabled', { enabled: true, graph: region(outer), a: t('y') });
    expect(graph.nodes.map(({ outputs }) => outputs[0]!.name)).toEqual(['y', 'r.y.y', 'r.y.z', 'r.z', 'z']);
  });

  it('as deep as one likes do no harm', () => {
    let spec = inner;
    for (let i = 0; i < 200; i++) {
      const args = { enabled: false, graph: region(spec), a: t('arg0') };
      const target = 'torch.ops.higher_order.wrap_with_set_grad_enabled';
      spec = { inputs: { arg0: f }, nodes: [{ target, args, out: { z: f } }], outputs: ['z'] };
    }
    const graph = around('wrap_with_set_grad_enabled', { enabled: false, graph: region(spec), a: t('y') });
    expect(ops(graph)).toContain('torch.ops.higher_order.wrap_with_set_grad_enabled');
  });
});

describe('symbolic sizes', () => {
  const shape = ({ type }: Value): readonly unknown[] => (type.kind === 'tensor' ? type.shape : []);
  const shapes = (graph: Graph): string[] =>
    graph.nodes.map(({ outputs: [value] }) => shape(value!).join(' '));

  it('become dims, with the ranges of their symbols', () => {
    const graph = importSpec({
      inputs: { x: 'bf16[s26, 4]', y: 'bf16[s3, 4]' },
      nodes: [
        {
          target: `${A}reshape.default`,
          args: { self: t('x'), shape: { as_sym_ints: [{ as_int: -1 }] } },
          out: { r: 'bf16[4*s26]' },
        },
        {
          target: `${A}cat.default`,
          args: { tensors: { as_tensors: [{ name: 'x' }, { name: 'y' }] }, dim: 0 },
          out: { c: "bf16[Add(Symbol('s3', integer=True), Symbol('s26', integer=True)), 4]" },
        },
        {
          target: `${A}unsqueeze.default`,
          args: { self: t('c'), dim: 0 },
          out: { u: "bf16[1, Add(Symbol('s26'), Symbol('s3')), 4]" },
        },
      ],
      outputs: ['r', 'u'],
      ranges: {
        s26: { min_val: 1, max_val: 512 },
        s3: { min_val: 0, max_val: 2 ** 63 },
        s99: { min_val: null, max_val: null },
      },
    });
    expect(shapes(graph)).toEqual(['4*s26', 's26 + s3 4', '1 s26 + s3 4']);
    expect([...graph.symbols]).toEqual([
      ['s26', { min: 1, max: 512 }],
      ['s3', { min: 0, max: Number.POSITIVE_INFINITY }],
    ]);
    expect(graph.nodes[2]!.operands.shape).toEqual([1, -1, 4]);
    expect(graph.notes).toEqual([]);
  });

  it('are read in all their forms', () => {
    const s = "Symbol('s0', positive=True, integer=True)";
    const of = (expression: string): string => {
      const graph = importSpec({ inputs: { x: `f32[${expression}]` }, nodes: [], outputs: ['x'] });
      return String(shape(graph.inputs[0]!.value)[0]);
    };
    expect(of(s)).toBe('s0');
    expect(of(`Add(${s}, Integer(-1))`)).toBe('s0 - 1');
    expect(of(`Mul(Integer(2), ${s})`)).toBe('2*s0');
    expect(of(`FloorDiv(Add(${s}, Integer(7)), Integer(8))`)).toBe('(s0 + 7)//8');
    expect(of(`Mod(${s}, Integer(8))`)).toBe('s0%8');
    expect(of(`PythonMod(${s}, Integer(8))`)).toBe('s0%8');
    expect(of(`Pow(${s}, Integer(2))`)).toBe('s0**2');
    expect(of(`Max(Integer(1), ${s})`)).toBe('max(1, s0)');
    expect(of(`Min(${s}, Symbol("u1"))`)).toBe('min(s0, u1)');
    expect(of(`ModularIndexing(${s}, Integer(2), Integer(4))`)).toBe('s0//2%4');
    expect(of(`Mul(Integer(2), Integer(3))`)).toBe('6');
    // Files of old have them as people write them.
    expect(of('(s0 + 1)*2')).toBe('2*(s0 + 1)');
  });

  it('that cannot be read become symbols of their own, with a note', () => {
    const odd = "Where(Symbol('s0'), Integer(1), Integer(2))";
    const half = "Pow(Symbol('s0'), Integer(-1))";
    const graph = importSpec({ inputs: { x: `f32[${odd}, ${half}, ${odd}]` }, nodes: [], outputs: ['x'] });
    expect(graph.inputs[0]!.value.type).toMatchObject({ shape: ['size_1', 'size_2', 'size_1'] });
    expect([...graph.symbols.keys()]).toEqual(['size_1', 'size_2']);
    expect(graph.notes).toEqual([
      `The size ${odd} is not understood; it is the symbol size_1 here.`,
      `The size ${half} is not understood; it is the symbol size_2 here.`,
    ]);
  });

  it('that a file computes are not needed where only one of them is left', () => {
    const graph = importSpec({
      inputs: { x: 'f32[s0, 6]' },
      nodes: [
        { target: `${A}sym_size.int`, args: { self: t('x'), dim: 0 }, out: { n: 'int' } },
        { target: '_operator.mul', args: { a: sym('n'), b: 2 }, out: { m: 'int' } },
        {
          target: `${A}view.default`,
          args: { self: t('x'), size: { as_sym_ints: [{ as_name: 'm' }, { as_int: 3 }] } },
          out: { v: 'f32[2*s0, 3]' },
        },
        {
          target: `${A}expand.default`,
          args: { self: t('v'), size: { as_sym_ints: [{ as_int: 2 }, { as_name: 'm' }, { as_int: 3 }] } },
          out: { e: 'f32[2, 2*s0, 3]' },
        },
      ],
      outputs: ['e'],
    });
    expect(graph.nodes.find(({ op }) => op === 'reshape')!.operands.shape).toEqual([-1, 3]);
    expect(graph.nodes.find(({ op }) => op === 'expand')!.operands.shape).toEqual([2, -1, 3]);
  });
});

describe('signatures', () => {
  it('say what the file holds and what the caller gives', () => {
    const model = program({
      inputs: { p: f, b: f, c: f, x: f },
      nodes: [relu('x', 'y')],
      outputs: ['y', 'y'],
    });
    const { signature } = model.graph_module as { signature: Record<string, Json> };
    signature!.input_specs = [
      { parameter: { arg: { name: 'p' }, parameter_name: 'model.p' } },
      { buffer: { arg: { name: 'b' }, buffer_name: 'model.b', persistent: false } },
      { tensor_constant: { arg: { name: 'c' }, tensor_constant_name: 'model.c' } },
      { user_input: { arg: { as_tensor: { name: 'x' } } } },
      { token: { arg: { name: 'token' } } },
      { custom_obj: { arg: { name: 'o', class_fqn: 'C' }, custom_obj_name: 'obj' } },
      { constant_input: { name: 'k', value: { as_int: 3 } } },
    ];
    signature!.output_specs = [
      { buffer_mutation: { arg: { name: 'y' }, buffer_name: 'model.b' } },
      { user_output: { arg: { as_tensor: { name: 'y' } } } },
    ];
    const { graph } = model.graph_module as { graph: { inputs: Json[] } };
    graph.inputs.push({ as_custom_obj: { name: 'o', class_fqn: 'C' } }, { as_int: 3 }, { as_none: true });
    const imported = importPt2Graph(model, 'test', new Map());
    expect(imported.inputs.map(({ value, weight }) => [value.name, value.type.kind, weight])).toEqual([
      ['p', 'tensor', 'model.p'],
      ['b', 'tensor', 'model.b'],
      ['c', 'tensor', 'model.c'],
      ['x', 'tensor', undefined],
      ['o', 'opaque', undefined],
    ]);
    expect(imported.notes).toEqual(['Output 0 is the new value of buffer model.b.']);
  });
});

describe('origins', () => {
  it.each([
    [
      'L__self__,,M;L__self___a,model.layers.0.self_attn.o_proj,torch.nn.Linear',
      'model.layers.0.self_attn.o_proj',
    ],
    ["L__self__,L['self'],M", ''],
    ["L__self__,L['self'],M;x,L['self'].model.layers[0].mlp,Mlp", 'model.layers.0.mlp'],
    ["x,L['self']._modules['layers']._modules['1'],Block", 'layers.1'],
    ["x,getattr(getattr(L['self'].layers, '0').mlp, 'up'),Linear", 'layers.0.mlp.up'],
    ['', ''],
    ['nonsense', ''],
  ])('%s', (stack, origin) => {
    const model = program({ inputs: { x: f }, nodes: [relu('x', 'y')], outputs: ['y'] });
    const { graph } = model.graph_module as { graph: { nodes: { metadata: Record<string, Json> }[] } };
    graph.nodes[0]!.metadata = { nn_module_stack: stack };
    expect(importPt2Graph(model, 'test', new Map()).nodes[0]!.origin).toBe(origin);
  });
});
