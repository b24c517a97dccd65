/**
 * @file Archives and JSON by hand: where weights come from, and what is said of files that are damaged, or something else.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CrossoverError } from '../../../dist/errors.js';
import { importGraph } from '../../../dist/graph/import/import.js';
import { importPt2, importPt2Graph } from '../../../dist/graph/import/pt2/pt2.js';
import type { Graph } from '../../../dist/graph/ir/graph.js';
import { graphToJson } from '../../../dist/graph/ir/json.js';
import { type Json, meta, program, t } from '../support/pt2.ts';
import { type ZipEntry, zip } from '../support/zip.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'crossover-pt2-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const MODEL = program({
  inputs: { w: 'f32[2, 3]', v: 'f32[3, 2]', x: 'f32[4, 3]' },
  nodes: [
    {
      target: 'torch.ops.aten.linear.default',
      args: { input: t('x'), weight: t('w') },
      out: { y: 'f32[4, 2]' },
    },
  ],
  outputs: ['y'],
  weights: { w: 'layer.w', v: 'layer.v' },
});

const FLOATS = Buffer.from(Float32Array.from([9, 1, 2, 3, 4, 5, 6]).buffer);

function held(path: string, shape: string, strides: number[], offset: number, usePickle = false): Json {
  const tensor_meta = {
    ...meta(shape),
    strides: strides.map((as_int) => ({ as_int })),
    storage_offset: { as_int: offset },
  };
  return { path_name: path, is_param: true, use_pickle: usePickle, tensor_meta };
}

/** Two weights that share a storage of seven numbers: six rows by rows, and the same transposed. */
const CONFIG = {
  'layer.w': held('weight_0', 'f32[2, 3]', [3, 1], 1),
  'layer.v': held('weight_0', 'f32[3, 2]', [1, 3], 1),
};

interface Parts {
  readonly config?: { readonly [name: string]: Json };
  readonly model?: Json;
  readonly entries?: readonly ZipEntry[];
  readonly without?: string;
  readonly weight?: Partial<ZipEntry>;
}

function archive({ config = CONFIG, model = MODEL, entries = [], without, weight = {} }: Parts = {}): Buffer {
  const all: ZipEntry[] = [
    { name: 'm/archive_format', bytes: 'pt2' },
    { name: 'm/byteorder', bytes: 'little' },
    { name: 'm/data/weights/weight_0', bytes: FLOATS, ...weight },
    { name: 'm/data/weights/model_weights_config.json', bytes: JSON.stringify({ config }) },
    { name: 'm/models/model.json', bytes: JSON.stringify(model), isDeflated: true },
  ];
  const replaced = new Set(entries.map(({ name }) => name));
  return zip([...all.filter(({ name }) => name !== without && !replaced.has(name)), ...entries]);
}

async function problem(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    expect(error).toBeInstanceOf(CrossoverError);
    const { message } = error as Error;
    expect(message).not.toContain('\n');
    return message.replaceAll(folder, '');
  }
  return 'no error';
}

const problemOf = (parts: Parts): Promise<string> => problem(() => importPt2(write('m.pt2', archive(parts))));
const modelProblem = (change: (model: typeof MODEL) => void): Promise<string> => {
  const model = structuredClone(MODEL);
  change(model);
  return problem(() => importPt2Graph(model, 'the model', new Map()));
};

describe('an archive', () => {
  it('has weights, shared ones too', async () => {
    const graph = await importPt2(write('ok.pt2', archive()));
    expect(graph.name).toBe('m');
    const [w, v] = ['layer.w', 'layer.v'].map((name) => graph.weights.get(name)!);
    expect(w).toMatchObject({ dtype: 'f32', shape: [2, 3], strides: [3, 1], offset: 1 });
    expect(v).toMatchObject({ dtype: 'f32', shape: [3, 2], strides: [1, 3], offset: 1 });
    expect(Buffer.from(v!.storage())).toEqual(FLOATS);
    // Without its object, as destructuring leaves it.
    const { storage } = w!;
    expect(Buffer.from(storage())).toEqual(FLOATS);
  });

  it('may be packed', async () => {
    const graph = await importPt2(write('packed.pt2', archive({ weight: { isDeflated: true } })));
    expect(Buffer.from(graph.weights.get('layer.w')!.storage())).toEqual(FLOATS);
  });

  it('may hold constants', async () => {
    const { 'layer.v': v, ...config } = CONFIG;
    const constants = { ...(v as { [name: string]: Json }), path_name: 'tensor_0' };
    const entries = [
      { name: 'm/data/constants/tensor_0', bytes: FLOATS },
      {
        name: 'm/data/constants/model_constants_config.json',
        bytes: JSON.stringify({
          config: { 'layer.v': constants, obj: { path_name: 'custom_obj_0', use_pickle: true } },
        }),
      },
    ];
    const graph = await importPt2(write('constants.pt2', archive({ config, entries })));
    expect([...graph.weights.keys()]).toEqual(['layer.w', 'layer.v']);
  });

  it('with a pickled weight is read, and the weight is refused when it is asked for', async () => {
    const config = { ...CONFIG, 'layer.w': held('weight_0', 'f32[2, 3]', [3, 1], 1, true) };
    const graph = await importPt2(write('pickled.pt2', archive({ config })));
    expect(await problem(() => graph.weights.get('layer.w')!.storage())).toBe(
      '/pickled.pt2: weight "layer.w" is pickled, which only Python can read; save it as a plain tensor',
    );
  });

  it('whose file is cut short afterwards is noticed', async () => {
    const path = write('cut.pt2', archive());
    const graph = await importPt2(path);
    writeFileSync(path, archive().subarray(0, 100));
    expect(await problem(() => graph.weights.get('layer.w')!.storage())).toMatch(
      /data\/weights\/weight_0 reaches to byte \d+ of a file of 100; it is cut short, or damaged/,
    );
    rmSync(path);
    expect(await problem(() => graph.weights.get('layer.w')!.storage())).toMatch(
      /cannot read \/cut\.pt2: ENOENT/,
    );
  });

  it('of several models is that of "model"', async () => {
    const entries = [{ name: 'm/models/draft.json', bytes: '{}' }];
    expect((await importPt2(write('two.pt2', archive({ entries })))).nodes.length).toBe(1);
    expect(
      await problemOf({
        entries: [...entries, { name: 'm/models/other.json', bytes: '{}' }],
        without: 'm/models/model.json',
      }),
    ).toBe('/m.pt2 has the models draft, other; use an archive with one of them, or with one named "model"');
  });
});

describe('a damaged archive', () => {
  it.each<[Parts, string | RegExp]>([
    [
      { without: 'm/archive_format' },
      '/m.pt2 is a zip archive without m/archive_format; use one that torch.export.save writes today',
    ],
    [
      { entries: [{ name: 'm/archive_format', bytes: 'pt3' }] },
      '/m.pt2: archive_format is "pt3", must be "pt2"',
    ],
    [{ entries: [{ name: 'm/byteorder', bytes: 'big' }] }, '/m.pt2: byteorder is "big", must be "little"'],
    [{ without: 'm/models/model.json' }, '/m.pt2 has no models/model.json'],
    [
      { entries: [{ name: 'm/models/model.json', bytes: '{' }] },
      /^\/m\.pt2: models\/model\.json is not JSON: /,
    ],
    [
      { entries: [{ name: 'm/models/model.json', bytes: Buffer.of(0xff) }] },
      '/m.pt2: models/model.json is not UTF-8 text',
    ],
    [
      { without: 'm/data/weights/weight_0' },
      '/m.pt2: data/weights/model_weights_config.json: config."layer.w".path_name names the entry data/weights/weight_0, which the archive does not have',
    ],
    [
      { config: { ...CONFIG, 'layer.w': held('weight_0', 'f32[2, 3]', [3, 1], 2) } },
      '/m.pt2: data/weights/model_weights_config.json: config."layer.w".tensor_meta describes f32[2, 3] with strides [3, 1] from element 2 on, and data/weights/weight_0 has 7 elements',
    ],
    [
      { config: { ...CONFIG, 'layer.w': held('weight_0', 'f32[99999999, 9999]', [0, 0], 0) } },
      /tensor_meta describes f32\[99999999, 9999\]/,
    ],
    [
      { config: { 'layer.w': CONFIG['layer.w'] } },
      /^\/m\.pt2: models\/model\.json: graph_module\.graph\.inputs\[1\]\.as_tensor\.name is weight "layer\.v", which the file does not hold$/,
    ],
    [{ weight: { isEncrypted: true } }, 'no error'],
    [
      { weight: { method: 12 } },
      '/m.pt2 is no readable zip archive: entry m/data/weights/weight_0 is packed by method 12; stored and deflated ones are read',
    ],
    [
      { weight: { claims: 1e9 } },
      '/m.pt2 is no readable zip archive: entry m/data/weights/weight_0 claims 1000000000 bytes in 28',
    ],
    [
      { weight: { claims: 1e9, isDeflated: true } },
      /^\/m\.pt2 is no readable zip archive: entry m\/data\/weights\/weight_0 claims 1000000000 bytes in \d+$/,
    ],
  ])('%j', async (parts, expected) => {
    const found = await problemOf(parts);
    if (typeof expected === 'string') expect(found).toBe(expected);
    else expect(found).toMatch(expected);
  });

  it('with nothing in it', async () => {
    expect(await problem(() => importPt2(write('empty.pt2', zip([]))))).toMatch(/empty\.pt2/);
  });

  it('cut anywhere', async () => {
    const whole = archive();
    for (let length = 0; length < whole.length; length += 37) {
      const found = await problem(() => importPt2(write('cut.pt2', whole.subarray(0, length))));
      expect(found).toMatch(/cut\.pt2/);
    }
  });
});

describe('a model.json', () => {
  it('may be packed', async () => {
    const text = JSON.stringify(MODEL);
    for (const [name, bytes] of [
      ['a.json', text],
      ['a.json.gz', gzipSync(text)],
      ['b', `\ufeff  ${text}`],
    ] as const) {
      const graph = await importGraph(write(name, bytes));
      expect(graph.name).toBe(name[0]);
      expect(graph.nodes.map(({ op }) => op)).toEqual(['linear']);
      expect(graph.inputs.map(({ weight }) => weight)).toEqual(['layer.w', 'layer.v', undefined]);
      expect(graph.weights.size).toBe(0);
    }
  });

  const graphOf = (model: typeof MODEL): { [name: string]: Json } =>
    (model.graph_module as { graph: { [name: string]: Json } }).graph;
  const nodeOf = (model: typeof MODEL): { [name: string]: Json } =>
    (graphOf(model).nodes as { [name: string]: Json }[])[0]!;

  it.each<[change: (model: typeof MODEL) => void, expected: string]>([
    [
      (m) => (m.schema_version = { major: 7, minor: 3 }),
      'schema_version.major is 7, must be 8; export the model with a torch of that schema',
    ],
    [
      (m) => delete m.schema_version,
      ' has no field "schema_version"; it has graph_module, opset_version, range_constraints, verifiers, torch_version, guards_code',
    ],
    [(m) => (m.graph_module = 3), 'graph_module is 3, must be an object'],
    [(m) => (graphOf(m).nodes = {}), 'graph_module.graph.nodes is an empty object, must be a list'],
    [
      (m) => (nodeOf(m).target = null),
      'graph_module.graph.nodes[0] has no field "target"; it has target, inputs, outputs, metadata, is_hop_single_tensor_return, name',
    ],
    [(m) => (nodeOf(m).target = 5), 'graph_module.graph.nodes[0].target is 5, must be a text'],
    [
      (m) => ((nodeOf(m).inputs as { arg: Json }[])[1]!.arg = 3),
      'graph_module.graph.nodes[0].inputs[1].arg is 3, must be an object',
    ],
    [
      (m) => ((nodeOf(m).inputs as { arg: Json }[])[1]!.arg = {}),
      'graph_module.graph.nodes[0].inputs[1].arg is an empty object, must be an object with one key, such as {"as_tensor": {"name": "x"}}',
    ],
    [
      (m) => ((nodeOf(m).inputs as { arg: Json }[])[1]!.arg = { as_int: 'x' }),
      'graph_module.graph.nodes[0].inputs[1].arg.as_int is "x", must be a whole number',
    ],
    [
      (m) => ((nodeOf(m).inputs as { arg: Json }[])[1]!.arg = { as_float: 'x' }),
      'graph_module.graph.nodes[0].inputs[1].arg.as_float is "x", must be a number, "Infinity", "-Infinity" or "NaN"',
    ],
    [
      (m) => ((nodeOf(m).inputs as { arg: Json }[])[1]!.arg = t('nobody')),
      'graph_module.graph.nodes[0].inputs[1].arg.as_tensor.name names "nobody", which no input and no node before makes',
    ],
    [
      (m) => (nodeOf(m).outputs = [t('x')]),
      'graph_module.graph.nodes[0].outputs[0].as_tensor.name makes "x", which is there already',
    ],
    [
      (m) => (nodeOf(m).outputs = [t('z')]),
      'graph_module.graph.nodes[0].outputs[0].as_tensor.name names "z", which tensor_values does not have',
    ],
    [
      (m) => (((graphOf(m).tensor_values as { x: { sizes: Json } }).x.sizes as Json[])[0] = { as_int: -1 }),
      'graph_module.graph.tensor_values.x.sizes[0].as_int is -1, must be a whole number from 0 on',
    ],
    [
      (m) => (((graphOf(m).tensor_values as { x: { sizes: Json } }).x.sizes as Json[])[0] = {}),
      'graph_module.graph.tensor_values.x.sizes[0] is an empty object, must be {"as_int": a number} or {"as_expr": an expression}',
    ],
    [
      (m) => (m.range_constraints = { s0: { min_val: 'x' } }),
      'range_constraints.s0.min_val is "x", must be a whole number',
    ],
  ])('%s', async (change, expected) => {
    const found = await modelProblem(change);
    expect(found).toBe(expected.startsWith(' ') ? `the model${expected}` : `the model: ${expected}`);
  });

  it('with a dtype that is not known carries through what has it', () => {
    const model = structuredClone(MODEL);
    for (const name of ['x', 'y'])
      (graphOf(model).tensor_values as { [name: string]: { dtype: Json } })[name]!.dtype = 99;
    const graph = importPt2Graph(model, 'm', new Map());
    expect(graph.nodes[0]!.op).toBe('torch.ops.aten.linear.default');
    expect(graph.notes[0]).toBe(
      "Tensors of dtype 99 are carried through: it is no number of torch's that is known here.",
    );
  });
});

describe('any file', () => {
  it('a graph of this package is read back', async () => {
    const graph: Graph = importPt2Graph(MODEL, 'm', new Map());
    const again = await importGraph(write('graph.json', JSON.stringify(graphToJson(graph))));
    expect(graphToJson(again)).toEqual(graphToJson(graph));
    expect(await problem(() => importGraph(write('bad.json', '{"crossover_graph": 1}')))).toMatch(
      /^\/bad\.json: this is no graph of crossover: /,
    );
  });

  const ACCEPTED =
    'use a PT2 archive or model.json of torch.export, an ONNX model, or a graph that "crossover fuse" wrote';
  it.each<[name: string, bytes: Uint8Array | string, expected: string | RegExp]>([
    ['empty', '', `/empty begins with nothing: it is empty; ${ACCEPTED}`],
    [
      'png',
      Buffer.from('89504e470d0a1a0a', 'hex'),
      `/png begins with bytes 89 50 4e 47 0d 0a 1a 0a; ${ACCEPTED}`,
    ],
    [
      'json',
      '{"plan": 1, "entries": []}',
      `/json is JSON with fields "plan", "entries", and no graph; ${ACCEPTED}`,
    ],
    ['list', ' [1]', `/list is JSON with a list, and no graph; ${ACCEPTED}`],
    ['broken', '{"graph_module": ', /^\/broken is not JSON: /],
    ['gz', gzipSync('{"a": 1}').subarray(0, 15), /^\/gz cannot be unpacked: /],
    ['gz2', gzipSync('no JSON'), /^\/gz2 is not JSON: /],
    ['zip', zip([{ name: 'a/b.txt', bytes: 'x' }]), /^\/zip is a zip archive without a\/archive_format; /],
  ])('%s', async (name, bytes, expected) => {
    const found = await problem(() => importGraph(write(name, bytes)));
    if (typeof expected === 'string') expect(found).toBe(expected);
    else expect(found).toMatch(expected);
  });

  it('that is not there, or is a folder', async () => {
    expect(await problem(() => importGraph(join(folder, 'nothing')))).toMatch(
      /^cannot read \/nothing: ENOENT/,
    );
    expect(await problem(() => importGraph(folder))).toMatch(/ is not a file$/);
  });
});
