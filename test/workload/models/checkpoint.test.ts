/**
 * @file Files of checkpoints: what is read of them, and what is refused because it is damaged, missing, or would be computed differently here.
 */
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeArray, roundArray } from '../../../dist/tensor/formats/array.js';
import { Checkpoint } from '../../../dist/workload/weights/checkpoint.js';
import { toBf16, toCodes } from '../../../dist/workload/weights/convert.js';
import { weightPlan } from '../../../dist/workload/weights/plan.js';
import { WeightReader } from '../../../dist/workload/weights/read.js';
import {
  CONFIGS,
  files,
  type HfTensors,
  numbers,
  randomTensors,
  type StoredDType,
  safetensors,
  withFolder,
} from './support/checkpoint.ts';

const LLAMA = CONFIGS.llama;
const tensors = randomTensors(LLAMA);
const Q = 'model.layers.0.self_attn.q_proj.weight';

/** Opens a folder and reads all weights of a rank. */
function readAll(folder: string, worldSize = 1, rank = 0): Map<string, Float64Array> {
  const checkpoint = new Checkpoint(folder);
  try {
    const reader = new WeightReader(checkpoint);
    const plan = weightPlan(checkpoint.config, { worldSize, rank, places: 4 });
    checkpoint.check(plan);
    return new Map(
      plan.map((weight) => {
        const bytes = new Uint8Array(weight.bytes);
        reader.read(weight, (offset, part) => bytes.set(part, offset));
        return [weight.name, decodeArray(weight.dtype, bytes)];
      }),
    );
  } finally {
    checkpoint.close();
  }
}

/** What reading says of a checkpoint that was changed. */
function problem(
  content: Record<string, string | Uint8Array>,
  after: (folder: string) => void = () => {},
): string {
  return withFolder(content, (folder) => {
    after(folder);
    try {
      readAll(folder);
      return '';
    } catch (error) {
      return (error as Error).message.replaceAll(folder, 'F');
    }
  });
}

describe('what is read', () => {
  it.each<StoredDType>(['f32', 'f16', 'bf16'])('is the slices of a rank, rounded to bf16, of %s', (dtype) => {
    // Numbers that bf16 has not.
    const fine = new Map(
      [...tensors].map(([name, { shape, values }]) => [name, { shape, values: numbers(values.length, 9) }]),
    );
    const weights = withFolder(files(LLAMA, fine, dtype), (folder) => readAll(folder, 2, 1));
    const rounded = (name: string): Float64Array =>
      roundArray('bf16', roundArray(dtype, fine.get(name)!.values));
    const qkv = ['q', 'k', 'v'].flatMap((one) => {
      const all = rounded(`model.layers.1.self_attn.${one}_proj.weight`);
      return [...all.slice(all.length / 2)];
    });
    expect([...weights.get('model.layers.1.self_attn.qkv_proj.weight')!]).toEqual(qkv);
    const down = rounded('model.layers.1.mlp.down_proj.weight');
    const columns = [...down].filter((_, i) => i % 64 >= 32);
    expect([...weights.get('model.layers.1.mlp.down_proj.weight')!]).toEqual(columns);
  });

  it('may lie in several files', () => {
    const all = [...tensors];
    const parts: [string, HfTensors][] = [
      ['model-00001-of-00002.safetensors', new Map(all.slice(0, 7))],
      ['model-00002-of-00002.safetensors', new Map(all.slice(7))],
    ];
    const weight_map = Object.fromEntries(
      parts.flatMap(([file, own]) => [...own.keys()].map((name) => [name, file])),
    );
    const sharded = {
      'config.json': JSON.stringify(LLAMA),
      'model.safetensors.index.json': JSON.stringify({ metadata: {}, weight_map }),
      ...Object.fromEntries(parts.map(([file, own]) => [file, safetensors(own, 'bf16')])),
    };
    expect(withFolder(sharded, readAll)).toEqual(withFolder(files(LLAMA, tensors), readAll));

    const index = (map: Record<string, string>): string => JSON.stringify({ weight_map: map });
    const elsewhere = { ...sharded, 'model.safetensors.index.json': index({ ...weight_map, [Q]: '../x' }) };
    expect(problem(elsewhere)).toBe(
      `F/model.safetensors.index.json: tensor ${Q} is in "../x"; it must be a file of the folder`,
    );
    const wrong = { ...sharded, 'model.safetensors.index.json': index({ ...weight_map, [Q]: parts[1]![0] }) };
    expect(problem(wrong)).toBe(
      `F/model.safetensors.index.json: tensor ${Q} is said to be in ${parts[1]![0]}, which has it not`,
    );
    const missing = {
      ...sharded,
      'model.safetensors.index.json': index({ ...weight_map, [Q]: 'm.safetensors' }),
    };
    expect(problem(missing)).toMatch(/^F\/m.safetensors cannot be read: ENOENT/);
  });

  it('is rounded to nearest, ties to even, with infinities and NaN', () => {
    const values = [
      1 + 2 ** -8,
      1 + 3 * 2 ** -8,
      -0,
      3.4e38,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      1e-40,
      -2.5,
    ];
    const bytes = new Uint8Array(Float32Array.from(values).buffer);
    expect([...decodeArray('bf16', toBf16('F32', bytes))]).toEqual([
      ...roundArray('bf16', roundArray('f32', values)),
    ]);
  });

  it('becomes codes by the largest number', () => {
    const { codes, scale } = toCodes(new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 0x8000, 0x7fc0).buffer));
    expect(scale).toBe(Math.fround(2 / 448));
    expect([...decodeArray('f8e4m3', codes)]).toEqual([224, -448, -0, Number.NaN]);
    expect(toCodes(new Uint8Array(4))).toEqual({ codes: new Uint8Array(2), scale: 1 });
  });
});

describe('what is refused of files', () => {
  const good = files(LLAMA, tensors);
  const changed = (change: Parameters<typeof safetensors>[2]): string =>
    problem({ ...good, 'model.safetensors': safetensors(tensors, 'bf16', change) });
  const bytes = good['model.safetensors'] as Uint8Array;

  it('names the tensor whose entry is damaged', () => {
    expect(changed((header) => Object.assign(header[Q]!, { shape: [31, 48] }))).toBe(
      `F/model.safetensors is damaged: tensor ${Q} is BF16 [31, 48], 2976 bytes, and has 3072`,
    );
    expect(changed((header) => Object.assign(header[Q]!, { dtype: 'F32' }))).toContain(
      'is F32 [32, 48], 6144 bytes, and has 3072',
    );
    expect(changed((header) => Object.assign(header[Q]!, { shape: [-1, 48] }))).toContain(
      `tensor ${Q} has a damaged entry: shape.0`,
    );
    const shift = (by: number): string =>
      changed((header) => {
        header[Q]!.data_offsets = header[Q]!.data_offsets.map((at) => at + by);
      });
    expect(shift(-2)).toMatch(
      /tensor model.layers.0.self_attn.q_proj.weight begins at byte \d+, inside tensor model/,
    );
    expect(shift(2)).toMatch(
      /there are 2 bytes that belong to nothing before tensor model.layers.0.self_attn.q_proj/,
    );
    expect(changed((header) => delete header[Q])).toMatch(
      /there are 3072 bytes that belong to nothing before/,
    );
  });

  it('names the file that is cut short, too long, or no safetensors', () => {
    const cut = (length: number): string =>
      problem(good, (folder) => truncateSync(path.join(folder, 'model.safetensors'), length));
    expect(cut(bytes.length - 1)).toMatch(
      /tensor lm_head.weight ends at byte \d+, and the file has \d+: it is cut short/,
    );
    expect(cut(5)).toBe('F/model.safetensors is damaged: it has 5 bytes, too few for safetensors');
    expect(cut(100)).toMatch(/its header claims [\d.]+ KiB, and it has 100 B/);
    const longer = problem({ ...good, 'model.safetensors': Buffer.concat([bytes, new Uint8Array(3)]) });
    expect(longer).toContain('there are 3 bytes behind tensor lm_head.weight that belong to nothing');
    const text = problem(good, (folder) => {
      const file = path.join(folder, 'model.safetensors');
      const content = readFileSync(file);
      content[8] = 0x78;
      writeFileSync(file, content);
    });
    expect(text).toContain('its header is no JSON');
  });

  it('names the tensor that is missing, or of another shape or dtype than the configuration has', () => {
    const without = new Map([...tensors].filter(([name]) => name !== Q));
    expect(problem(files(LLAMA, without))).toBe(`F has no tensor ${Q}`);
    expect(problem(files({ ...LLAMA, num_attention_heads: 8, head_dim: 8 }, tensors))).toBe(
      `F/model.safetensors: tensor ${Q} is [32, 48], and by config.json [64, 48]`,
    );
    expect(changed((header) => Object.assign(header[Q]!, { dtype: 'I16' }))).toBe(
      `F/model.safetensors: tensor ${Q} is I16; use one of BF16, F16, F32`,
    );
    expect(problem({ 'config.json': good['config.json']! })).toBe(
      'F has neither model.safetensors nor model.safetensors.index.json; other formats are not read',
    );
    expect(problem({})).toBe('F has no config.json that can be read; use a folder of a Hugging Face model');
  });

  it('leaves no file open', () => {
    withFolder(files(LLAMA, new Map([...tensors].slice(1))), (folder) => {
      const descriptor = (): number => {
        const one = openSync(path.join(folder, 'config.json'), 'r');
        closeSync(one);
        return one;
      };
      const before = descriptor();
      expect(() => readAll(folder)).toThrow('has no tensor model.embed_tokens.weight');
      expect(descriptor()).toBe(before);
    });
  });

  it('names a config.json that is none', () => {
    expect(problem({ 'config.json': '{' })).toMatch(/^F\/config.json is no JSON: /);
    expect(problem({ 'config.json': '[]' })).toMatch(/^F\/config.json: the file is \[\]: /);
  });
});
