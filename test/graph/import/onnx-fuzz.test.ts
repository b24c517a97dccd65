/**
 * @file Damaged ONNX files: each is imported or refused by a CrossoverError, soon and within the memory that its bytes explain. CROSSOVER_FUZZ_ONNX sets how many.
 */
import { describe, expect, it } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { importOnnx } from '../../../dist/graph/import/onnx/onnx.js';
import { ROWS } from '../../../dist/graph/import/onnx/rows/table.js';
import type { Graph } from '../../../dist/graph/ir/graph.js';
import { printGraph } from '../../../dist/graph/ir/print.js';
import { verify } from '../../../dist/graph/ir/verify.js';
import {
  BOOL,
  encodeModel,
  F8E4M3,
  F16,
  F32,
  float,
  graph,
  I64,
  i64s,
  inFolder,
  int,
  ints,
  list,
  type ModelSpec,
  scalar,
  tensor,
  weight,
  writeModel,
} from '../support/onnx.ts';

const COUNT = Number(process.env.CROSSOVER_FUZZ_ONNX ?? 1000);
const SEED = Number(process.env.CROSSOVER_FUZZ_SEED ?? 1);
const MS = 'com.microsoft';

const BLOCK: ModelSpec = {
  name: 'block',
  inputs: [
    { name: 'ids', type: I64, dims: ['batch', 'seq'] },
    { name: 'residual', type: F16, dims: ['batch', 'seq', 16] },
  ],
  outputs: [
    { name: 'codes', type: F8E4M3, dims: ['batch', 'seq', 16] },
    { name: 'h', type: F16, dims: ['batch', 'seq', 16] },
  ],
  initializers: [
    weight('table', F16, 10, 16),
    weight('w', F16, 16, 16),
    weight('gamma', F16, 16),
    { name: 'scale', type: F16, dims: [], int32s: [0x3400] },
    { name: 'zero', type: F8E4M3, dims: [], int32s: [0] },
  ],
  nodes: [
    { op: 'Gather', inputs: ['table', 'ids'], outputs: ['x'] },
    { op: 'MatMul', inputs: ['x', 'w'], outputs: ['o'], name: '/layers.0/o_proj' },
    { op: 'AllReduce', domain: MS, inputs: ['o'], outputs: ['sum'] },
    {
      op: 'SkipSimplifiedLayerNormalization',
      domain: MS,
      inputs: ['sum', 'residual', 'gamma'],
      outputs: ['norm', '', '', 'h'],
      attributes: { epsilon: float(1e-6) },
    },
    { op: 'QuantizeLinear', inputs: ['norm', 'scale', 'zero'], outputs: ['codes'] },
  ],
};

const SHAPES: ModelSpec = {
  name: 'shapes',
  inputs: [{ name: 'x', type: F32, dims: ['b', 's', 32] }],
  outputs: [{ name: 'y', type: F32, dims: ['b', 4, 's', 8] }],
  initializers: [
    { name: 'i0', type: I64, dims: [], raw: i64s(0) },
    { name: 'i1', type: I64, dims: [], raw: i64s(1) },
    list('l0', 0),
    list('tail', 4, -1),
    { name: 'end', type: I64, dims: [1], int64s: [8] },
    { name: 'eps', type: F32, dims: [1], floats: [1e-6] },
    scalar('two', 2),
    list('axes', -1),
  ],
  infos: [{ name: 'half', type: F32, dims: ['b', 4, 's', null] }],
  nodes: [
    { op: 'Pow', inputs: ['x', 'two'], outputs: ['square'] },
    { op: 'ReduceMean', inputs: ['square', 'axes'], outputs: ['mean'] },
    { op: 'Add', inputs: ['mean', 'eps'], outputs: ['variance'] },
    { op: 'Sqrt', inputs: ['variance'], outputs: ['deviation'] },
    { op: 'Div', inputs: ['x', 'deviation'], outputs: ['normal'] },
    { op: 'Shape', inputs: ['x'], outputs: ['shape'] },
    { op: 'Gather', inputs: ['shape', 'i0'], outputs: ['b'] },
    { op: 'Gather', inputs: ['shape', 'i1'], outputs: ['s'] },
    { op: 'Unsqueeze', inputs: ['b', 'l0'], outputs: ['b1'] },
    { op: 'Unsqueeze', inputs: ['s', 'l0'], outputs: ['s1'] },
    { op: 'Concat', inputs: ['b1', 's1', 'tail'], outputs: ['to'], attributes: { axis: int(0) } },
    { op: 'Reshape', inputs: ['normal', 'to'], outputs: ['heads'] },
    { op: 'Transpose', inputs: ['heads'], outputs: ['turned'], attributes: { perm: ints([0, 2, 1, 3]) } },
    {
      op: 'Split',
      inputs: ['turned'],
      outputs: ['left', 'right'],
      attributes: { axis: int(3), num_outputs: int(2) },
    },
    { op: 'Concat', inputs: ['right', 'left'], outputs: ['y'], attributes: { axis: int(-1) } },
  ],
};

const CONTROL: ModelSpec = {
  name: 'control',
  inputs: [
    { name: 'x', type: F32, dims: ['n', 8] },
    { name: 'flag', type: BOOL, dims: [] },
  ],
  outputs: [{ name: 'y', type: F32, dims: ['n', 16] }],
  initializers: [
    {
      name: 'far',
      type: F32,
      dims: [64, 8],
      external: { location: 'far.bin', offset: '4096', length: '2048' },
    },
    weight('bias', F32, 16),
    list('starts', 0, 1),
    list('ends', 2 ** 62, 9),
  ],
  infos: [{ name: 'branch', type: F32, dims: ['n', 8] }],
  nodes: [
    { op: 'Constant', inputs: [], outputs: ['c'], attributes: { value: tensor(weight('', F32, 16, 8)) } },
    {
      op: 'If',
      inputs: ['flag'],
      outputs: ['branch'],
      attributes: {
        then_branch: graph({
          name: 'then',
          nodes: [{ op: 'Slice', inputs: ['far', 'starts', 'ends'], outputs: ['out'] }],
          outputs: [{ name: 'out', type: F32 }],
        }),
        else_branch: graph({ name: 'else', outputs: [{ name: 'x', type: F32 }] }),
      },
    },
    {
      op: 'Gemm',
      inputs: ['branch', 'c', 'bias'],
      outputs: ['g'],
      attributes: { transB: int(1), alpha: float(1) },
    },
    {
      op: 'AllGather',
      domain: MS,
      inputs: ['g'],
      outputs: ['all'],
      attributes: { axis: int(0), group_size: int(2) },
    },
    { op: 'ReduceMax', inputs: ['all'], outputs: ['most'], attributes: { keepdims: int(1) } },
    { op: 'Sub', inputs: ['g', 'most'], outputs: ['y'] },
  ],
};

const OPERATORS = [...Object.keys(ROWS).map((key) => key.replace(`${MS}.`, '')), 'Unknown'];
const MODELS = [BLOCK, SHAPES, CONTROL];
const FILES = MODELS.map(encodeModel);

/** mulberry32. */
function random(seed: number): Pick {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Pick = (below: number) => number;

function of<T>(pick: Pick, list: readonly T[]): T {
  return list[pick(list.length)]!;
}

/** A file with some of its bytes changed. */
function damaged(pick: Pick): Uint8Array {
  let bytes = [...of(pick, FILES)];
  const count = 1 + pick(2);
  for (let i = 0; i < count && bytes.length > 0; i++) {
    const at = pick(bytes.length);
    const some = 1 + pick(8);
    switch (pick(10)) {
      case 0:
        bytes.splice(at, some);
        break;
      case 1:
        bytes.splice(at, 0, ...Array.from({ length: some }, () => pick(256)));
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3: {
        const other = of(pick, FILES);
        const from = pick(other.length);
        bytes.splice(at, pick(2) * some, ...other.subarray(from, from + some * 8));
        break;
      }
      case 4:
        // A long varint, negative or huge.
        bytes.splice(at, 1, ...new Array<number>(9).fill(0xff), pick(2));
        break;
      case 5:
        // Numbers that are at an edge of something.
        bytes[at] = of(pick, [0, 1, 0x7f, 0x80, 0xff]);
        break;
      default:
        bytes[at] = bytes[at]! ^ (1 << pick(8));
    }
  }
  return Uint8Array.from(bytes);
}

const NUMBERS = [-(2 ** 63), -2, -1, 0, 1, 2, 3, 4, 8, 16, 2 ** 31, 2 ** 53, 2 ** 63];
const DIMS = [null, 's', 'b', 't', 'b + 1', '-', 0, 1, 2, 8, 16, 2 ** 52];

/** A file that is well formed, of a model in which something else is said than it was. */
function altered(pick: Pick): Uint8Array {
  const spec = structuredCloneOf(of(pick, MODELS));
  const nodes = [...(spec.nodes ?? [])];
  const names = nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  const count = 1 + pick(3);
  for (let i = 0; i < count; i++) {
    const at = pick(nodes.length);
    const node = nodes[at]!;
    switch (pick(8)) {
      case 0:
        nodes[at] = { ...node, inputs: node.inputs.map((name) => (pick(2) === 0 ? name : of(pick, names))) };
        break;
      case 1:
        nodes[at] = { ...node, op: of(pick, OPERATORS), domain: pick(4) === 0 ? MS : '' };
        break;
      case 2:
        nodes[at] = {
          ...node,
          inputs: node.inputs.slice(0, pick(3)),
          outputs: node.outputs.slice(0, pick(3)),
        };
        break;
      case 3: {
        const keys = [
          'axis',
          'axes',
          'perm',
          'epsilon',
          'keepdims',
          'group_size',
          'to',
          'start',
          'end',
          'num_outputs',
        ];
        const value = pick(3) === 0 ? ints([of(pick, NUMBERS), of(pick, NUMBERS)]) : int(of(pick, NUMBERS));
        nodes[at] = { ...node, attributes: { ...node.attributes, [of(pick, keys)]: value } };
        break;
      }
      case 4:
      case 5:
        for (const values of [spec.inputs, spec.infos]) {
          const one = of(pick, values ?? []);
          if (one) one.dims = Array.from({ length: pick(5) }, () => of(pick, DIMS));
        }
        break;
      case 6: {
        const one = of(pick, spec.initializers ?? [])!;
        const dims = Array.from({ length: pick(3) }, () => 1 + pick(4));
        const count = dims.reduce((a, b) => a * b, 1);
        const type = of(pick, [F32, F16, I64, BOOL]);
        Object.assign(one, weight(one.name, type, ...dims), {
          int32s: undefined,
          int64s: undefined,
          floats: undefined,
        });
        if (type === I64)
          one.raw = i64s(...Array.from({ length: count }, () => Math.min(of(pick, NUMBERS), 2 ** 62)));
        break;
      }
      default:
        spec.opsets = { '': of(pick, [1, 6, 9, 11, 13, 18, 21, 23]), [MS]: 1 };
    }
  }
  return encodeModel({ ...spec, nodes });
}

/** Attributes hold functions, which are shared. */
function structuredCloneOf(spec: ModelSpec): ModelSpec {
  const copies = <T extends object>(list: readonly T[] = []): T[] => list.map((one) => ({ ...one }));
  return {
    ...spec,
    inputs: copies(spec.inputs),
    infos: copies(spec.infos),
    initializers: copies(spec.initializers),
  };
}

function survives(bytes: Uint8Array, folder: string): boolean {
  const path = writeModel(folder, bytes);
  let result: Graph;
  try {
    result = importOnnx(path);
  } catch (error) {
    refuse(error);
    return false;
  }
  // What is imported is right: a verifier's complaint would be the importer's fault.
  verify(result);
  printGraph(result);
  for (const weight of result.weights.values()) {
    try {
      // A byte of a varint is a number of at most 8 bytes; what is folded has at most 1024 of them.
      expect(weight.storage().length).toBeLessThanOrEqual(Math.max(bytes.length, 1024) * 8);
    } catch (error) {
      refuse(error);
    }
  }
  return true;
}

function refuse(error: unknown): void {
  if (!(error instanceof CrossoverError)) throw error;
  expect(error.message).not.toMatch(/[\n\r]|undefined|NaN/);
}

describe('damaged files', () => {
  it('imports the files that they come from', () => {
    inFolder((folder) => {
      for (const file of FILES) {
        const result = importOnnx(writeModel(folder, file));
        verify(result);
        expect(result.notes.length).toBeLessThanOrEqual(1);
      }
    });
  });

  it.each([
    ['bytes', damaged],
    ['contents', altered],
  ])(`imports or refuses each of ${COUNT} with other %s`, (_, change) => {
    const pick = random(SEED);
    let imported = 0;
    let slowest = 0;
    inFolder((folder) => {
      for (let i = 0; i < COUNT; i++) {
        const bytes = change(pick);
        const started = performance.now();
        try {
          if (survives(bytes, folder)) imported++;
        } catch (cause) {
          throw new Error(`file ${i} of seed ${SEED}: ${String(cause)}`, { cause });
        }
        slowest = Math.max(slowest, performance.now() - started);
      }
    });
    expect(slowest).toBeLessThan(2000);
    expect(imported).toBeGreaterThan(COUNT / 10);
    expect(imported).toBeLessThan(COUNT);
  });
});
