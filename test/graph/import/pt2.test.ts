/**
 * @file PT2 archives and graphs that torch wrote: everything in them is understood, weights are where they should be, and it does not take long.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { importGraph } from '../../../dist/graph/import/import.js';
import { importPt2 } from '../../../dist/graph/import/pt2/pt2.js';
import { inputsOf } from '../../../dist/graph/ir/graph.js';
import { OPERATIONS } from '../../../dist/graph/ir/operations.js';
import { printNode } from '../../../dist/graph/ir/print.js';
import { typeText } from '../../../dist/graph/ir/type.js';
import { verify } from '../../../dist/graph/ir/verify.js';

const data = (name: string): string => fileURLToPath(new URL(`../../data/graph/${name}`, import.meta.url));
const ARCHIVES = ['llama.pt2', 'qwen3.pt2'];
const GRAPHS = [
  'llama-bfloat16-aten.json.gz',
  'llama-bfloat16-core.json.gz',
  'llama-float32-aten.json.gz',
  'qwen3-bfloat16-aten.json.gz',
  'qwen3-bfloat16-core.json.gz',
];

describe.each([...ARCHIVES, ...GRAPHS])('%s', (file) => {
  it('is understood down to the last node', async () => {
    const graph = await importPt2(data(file));
    verify(graph);
    expect(graph.name).toBe(file.replace(/\..*/, ''));
    expect(graph.notes).toEqual([]);
    expect(graph.nodes.filter(({ op }) => !Object.hasOwn(OPERATIONS, op))).toEqual([]);
    expect(graph.nodes.length).toBeGreaterThan(150);
  });

  it('has an all-reduce behind both row-parallel layers of each of its two blocks', async () => {
    const { nodes } = await importPt2(data(file));
    const collectives = nodes.filter(({ op }) => op === 'all_reduce');
    expect(collectives.map(({ origin }) => origin)).toEqual([
      'm.model.layers.0.self_attn.o_proj',
      'm.model.layers.0.mlp.down_proj',
      'm.model.layers.1.self_attn.o_proj',
      'm.model.layers.1.mlp.down_proj',
    ]);
    for (const { operands } of collectives) expect(operands).toMatchObject({ reduce: 'sum', group: '0' });
  });

  it('takes token ids and gives logits', async () => {
    const { inputs, outputs, nodes } = await importPt2(data(file));
    const asked = inputs.filter(({ weight }) => weight === undefined);
    expect(asked.map(({ value }) => `${value.name} ${typeText(value.type)}`)).toEqual(['ids i64[2, 8]']);
    const dtype = file.includes('bfloat16') ? 'bf16' : 'f32';
    expect(outputs.length).toBe(1);
    const last = nodes.at(-1)!.outputs[0]!;
    expect(outputs[0]).toBe(last);
    expect(typeText(last.type)).toBe(`${dtype}[2, 8, 256]`);
  });

  it('is imported in less than 150 ms', async () => {
    await importPt2(data(file));
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      await importPt2(data(file));
      times.push(performance.now() - start);
    }
    expect(Math.min(...times)).toBeLessThan(150);
  });

  it('is recognised by its content', async () => {
    const [one, other] = [await importGraph(data(file)), await importPt2(data(file))];
    expect(one.nodes.map(printNode)).toEqual(other.nodes.map(printNode));
  });
});

describe('the two ways in which a norm is exported', () => {
  const around = async (file: string): Promise<string[]> => {
    const { nodes } = await importPt2(data(file));
    const at = nodes.findIndex(({ op }) => op === 'all_reduce');
    return nodes.slice(at, at + 10).map(printNode);
  };

  it('as Hugging Face writes it, in bfloat16', async () => {
    expect(await around('llama-bfloat16-aten.json.gz')).toMatchInlineSnapshot(`
      [
        "%all_reduce = all_reduce(x: %linear_3, reduce: "sum", group: "0") : bf16[2, 8, 64]   # m.model.layers.0.self_attn.o_proj",
        "%add_7 = add(a: %embedding, b: %all_reduce) : bf16[2, 8, 64]   # m.model.layers.0",
        "%to_9 = cast(x: %add_7) : f32[2, 8, 64]   # m.model.layers.0.post_attention_layernorm",
        "%pow_2 = pow(a: %to_9, b: 2) : f32[2, 8, 64]   # m.model.layers.0.post_attention_layernorm",
        "%mean_1 = mean(x: %pow_2, dims: [2], keepdim: true) : f32[2, 8, 1]   # m.model.layers.0.post_attention_layernorm",
        "%add_8 = add(a: %mean_1, b: 0.000001) : f32[2, 8, 1]   # m.model.layers.0.post_attention_layernorm",
        "%rsqrt_1 = rsqrt(x: %add_8) : f32[2, 8, 1]   # m.model.layers.0.post_attention_layernorm",
        "%mul_9 = mul(a: %to_9, b: %rsqrt_1) : f32[2, 8, 64]   # m.model.layers.0.post_attention_layernorm",
        "%to_10 = cast(x: %mul_9) : bf16[2, 8, 64]   # m.model.layers.0.post_attention_layernorm",
        "%mul_10 = mul(a: %p_m_model_layers_0_post_attention_layernorm_weight, b: %to_10) : bf16[2, 8, 64]   # m.model.layers.0.post_attention_layernorm",
      ]
    `);
  });

  it('decomposed', async () => {
    expect(await around('llama-bfloat16-core.json.gz')).toMatchInlineSnapshot(`
      [
        "%all_reduce = all_reduce(x: %view_22, reduce: "sum", group: "0") : bf16[2, 8, 64]   # m.model.layers.0.self_attn.o_proj",
        "%add_7 = add(a: %embedding, b: %all_reduce) : bf16[2, 8, 64]   # m.model.layers.0",
        "%_to_copy_8 = cast(x: %add_7) : f32[2, 8, 64]   # m.model.layers.0.post_attention_layernorm",
        "%pow_2 = pow(a: %_to_copy_8, b: 2) : f32[2, 8, 64]   # m.model.layers.0.post_attention_layernorm",
        "%mean_1 = mean(x: %pow_2, dims: [2], keepdim: true) : f32[2, 8, 1]   # m.model.layers.0.post_attention_layernorm",
        "%add_8 = add(a: %mean_1, b: 0.000001) : f32[2, 8, 1]   # m.model.layers.0.post_attention_layernorm",
        "%rsqrt_1 = rsqrt(x: %add_8) : f32[2, 8, 1]   # m.model.layers.0.post_attention_layernorm",
        "%mul_9 = mul(a: %_to_copy_8, b: %rsqrt_1) : f32[2, 8, 64]   # m.model.layers.0.post_attention_layernorm",
        "%_to_copy_9 = cast(x: %mul_9) : bf16[2, 8, 64]   # m.model.layers.0.post_attention_layernorm",
        "%mul_10 = mul(a: %p_m_model_layers_0_post_attention_layernorm_weight, b: %_to_copy_9) : bf16[2, 8, 64]   # m.model.layers.0.post_attention_layernorm",
      ]
    `);
  });
});

describe.each(ARCHIVES)('weights of %s', (file) => {
  /** Stored entries of the zip, found from its zip64 directory by nothing but offsets. */
  function entries(): Map<string, Buffer> {
    const bytes = readFileSync(data(file));
    const found = new Map<string, Buffer>();
    let at = Number(bytes.readBigUInt64LE(bytes.lastIndexOf('PK\x06\x06') + 48));
    while (bytes.readUInt32LE(at) === 0x02014b50) {
      const size = bytes.readUInt32LE(at + 24);
      const length = bytes.readUInt16LE(at + 28);
      const header = bytes.readUInt32LE(at + 42);
      const start = header + 30 + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
      found.set(bytes.toString('utf8', at + 46, at + 46 + length), bytes.subarray(start, start + size));
      at += 46 + length + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    }
    return found;
  }

  it('are the numbers in the archive', async () => {
    const { weights, inputs, name } = await importPt2(data(file));
    const files = entries();
    expect(inputs.filter(({ weight }) => weight !== undefined).length).toBe(weights.size);
    for (const [title, weight] of weights) {
      const folder = /rotary_emb|lifted/.test(title) ? 'constants' : 'weights';
      const configText = files.get(`${name}/data/${folder}/model_${folder}_config.json`)!.toString('utf8');
      const { path_name, tensor_meta } = JSON.parse(configText).config[title];
      const stored = files.get(`${name}/data/${folder}/${path_name}`)!;
      const read = weight.storage();
      expect(Buffer.compare(Buffer.from(read), stored)).toBe(0);
      const sizes = tensor_meta.sizes.map(({ as_int }: { as_int: number }) => as_int);
      expect(weight.shape).toEqual(sizes);
      expect(read.length).toBe(4 * sizes.reduce((product: number, size: number) => product * size, 1));
    }
  });

  it('have the values that they should', async () => {
    const { weights } = await importPt2(data(file));
    const bytes = weights.get('m.model.rotary_emb.inv_freq')!.storage();
    const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const expected = Array.from({ length: 8 }, (_, i) => 10000 ** (-i / 8));
    for (const [i, value] of expected.entries()) expect(floats[i]).toBeCloseTo(value, 6);
  });

  it('are read anew each time', async () => {
    const { weights } = await importPt2(data(file));
    const weight = weights.get('m.lm_head.weight')!;
    // Nothing large is kept.
    expect(weight.storage()).not.toBe(weight.storage());
  });
});

describe('a graph as a whole', () => {
  it('reads only what was made before', async () => {
    const graph = await importPt2(data('llama.pt2'));
    const known = new Set(graph.inputs.map(({ value }) => value));
    for (const node of graph.nodes) {
      for (const value of inputsOf(node)) expect(known.has(value)).toBe(true);
      for (const value of node.outputs) known.add(value);
    }
  });
});
