/**
 * @file Shards of weights: that those of all ranks are one whole model, which is the same for every world size, and how it is made.
 */
import { describe, expect, it } from 'vitest';
import { randomWeight } from '../../../dist/engine/compute-random.js';
import { decodeArray, roundArray } from '../../../dist/tensor/formats/array.js';
import { PRESETS, presetNamed } from '../../../dist/workload/models/presets.js';
import { inverseFrequencies, rotaryTable } from '../../../dist/workload/models/rope.js';
import type { SplitOptions } from '../../../dist/workload/models/split.js';
import { fitAdvice } from '../../../dist/workload/weights/advice.js';
import { bytesRead } from '../../../dist/workload/weights/bytes-read.js';
import { type WeightOptions, weightPlan } from '../../../dist/workload/weights/plan.js';
import type { TensorWeight, WeightPart } from '../../../dist/workload/weights/planned.js';
import { fillsOf, seedOf } from '../../../dist/workload/weights/random.js';
import { randomBytes } from './support/random-bytes.ts';

const SMALL = PRESETS.filter(({ name }) => name.startsWith('tiny')).map((config) => ({
  ...config,
  layers: 2,
  hidden: 32,
  vocabulary: 64,
}));

/** Where each element of the whole tensor is in some rank's weight: its value, by name of the tensor. Elements that several ranks have must be equal. */
function gathered(config: (typeof SMALL)[number], options: SplitOptions): Map<string, Map<number, number>> {
  const whole = new Map<string, Map<number, number>>();
  for (let rank = 0; rank < options.worldSize; rank++) {
    for (const weight of weightPlan(config, { ...options, rank, places: 8 })) {
      if (weight.kind !== 'tensors') continue;
      const values = decodeArray(weight.dtype, randomBytes(weight, config));
      for (const part of weight.parts) scatter(part, values, whole);
    }
  }
  return whole;
}

function scatter(part: WeightPart, values: Float64Array, whole: Map<string, Map<number, number>>): void {
  const { tensor, shape, row, rows, column, columns, transposed, offset } = part;
  const elements = whole.get(tensor) ?? new Map<number, number>();
  whole.set(tensor, elements);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const value = values[offset + (transposed ? c * rows + r : r * columns + c)]!;
      const at = (row + r) * shape.at(-1)! + column + c;
      if (elements.has(at) && elements.get(at) !== value) throw new Error(`${tensor}: ranks differ at ${at}`);
      elements.set(at, value);
    }
  }
}

describe.each(SMALL.map((config) => [config.name, config] as const))('shards of %s', (_, config) => {
  const alone = gathered(config, { worldSize: 1 });

  it('are all of every tensor on one rank', () => {
    const plan = weightPlan(config, { worldSize: 1, rank: 0, places: 8 });
    for (const weight of plan) {
      if (weight.kind !== 'tensors') continue;
      for (const { tensor, shape } of weight.parts)
        expect(alone.get(tensor)!.size, tensor).toBe(shape.reduce((product, dim) => product * dim, 1));
    }
  });

  it.each<SplitOptions>([
    { worldSize: 2 },
    { worldSize: 8 },
    { worldSize: 4, experts: 'expert' },
    { worldSize: 2, attention: 'data' },
  ])('are the same model split by %o', (options) => {
    expect(gathered(config, options)).toEqual(alone);
  });
});

describe('random weights', () => {
  const options: WeightOptions = { worldSize: 2, rank: 1, places: 8 };
  const weightOf = (name: string, own: WeightOptions = options): TensorWeight =>
    weightPlan(SMALL[0]!, own).find((weight) => weight.name === name) as TensorWeight;

  it('are what the kernel is told to fill', () => {
    const weight = weightOf('model.layers.1.mlp.gate_up_proj.weight');
    const values = decodeArray('bf16', randomBytes(weight, SMALL[0]!));
    const fills = fillsOf(weight);
    expect(fills.map(({ seed }) => seed)).toEqual(
      ['gate', 'up'].map((name) => seedOf(`model.layers.1.mlp.${name}_proj.weight`)),
    );
    for (const { offset, row, column, wholeColumns, seed, scale } of fills) {
      const index = (row + 3) * wholeColumns + column + 5;
      expect(values[offset + 3 * 32 + 5]).toBe(roundArray('bf16', [randomWeight(index, seed, scale)])[0]);
    }
    expect(Math.max(...values)).toBeLessThanOrEqual(1 / Math.sqrt(32));
    expect(fills.every((fill) => Object.values(fill).every((one) => one >= 0 && one < 2 ** 31))).toBe(true);
  });

  it('are ones in norms', () => {
    const bytes = randomBytes(weightOf('model.norm.weight'), SMALL[0]!);
    expect([...decodeArray('bf16', bytes)]).toEqual(new Array(32).fill(1));
  });

  it('stand for nearly the same in codes', () => {
    const name = 'model.layers.0.self_attn.qkv_proj.weight';
    const plain = decodeArray('bf16', randomBytes(weightOf(name), SMALL[0]!));
    const quantized = { ...options, precision: 'f8e4m3' } as const;
    const codes = decodeArray('f8e4m3', randomBytes(weightOf(name, quantized), SMALL[0]!));
    const scale = weightPlan(SMALL[0]!, quantized).find((weight) => weight.name === `${name}_scale`)!;
    const [factor] = decodeArray('f32', randomBytes(scale, SMALL[0]!));
    const difference = Math.max(...plain.map((value, i) => Math.abs(value - codes[i]! * factor!)));
    expect(difference).toBeLessThanOrEqual(2 ** -4 * Math.max(...plain));
    expect(codes.some(Number.isNaN)).toBe(false);
  });
});

describe('the rotary table', () => {
  it('has cosine and sine of every place', () => {
    const config = presetNamed('tiny');
    const table = rotaryTable(config, 3);
    const frequency = 10_000 ** (-2 / 32);
    expect(table.length).toBe(3 * 32);
    expect([table[2 * 32 + 2], table[2 * 32 + 3]]).toEqual([
      expect.closeTo(Math.cos(2 * frequency), 6),
      expect.closeTo(Math.sin(2 * frequency), 6),
    ]);
    expect([table[0], table[1]]).toEqual([1, 0]);
  });

  it('stretches long waves of Llama 3.1 by 8, and keeps short ones', () => {
    const { rope } = presetNamed('llama-3.1-8b');
    const [scaled, plain] = [inverseFrequencies(rope, 128), inverseFrequencies({ theta: rope.theta }, 128)];
    expect(scaled[0]).toBe(plain[0]);
    expect(scaled[63]! / plain[63]!).toBeCloseTo(1 / 8, 6);
    expect(scaled.every((one, i) => one <= plain[i]! && one >= plain[i]! / 8.0001)).toBe(true);
  });
});

describe('what a step reads', () => {
  const PROJECTIONS = 32 * (4096 * (4096 + 2 * 1024 + 4096) + 3 * 4096 * 14_336);
  const [NORMS, OUTPUT] = [65 * 4096, 128_256 * 4096];

  it.each<[precision: 'bf16' | 'f8e4m3', worldSize: number, bytes: number]>([
    ['bf16', 1, 2 * (PROJECTIONS + NORMS + OUTPUT)],
    ['bf16', 2, PROJECTIONS + OUTPUT + 2 * NORMS],
    // A scale for each of four projections a layer; norms and the output matrix stay bf16.
    ['f8e4m3', 1, PROJECTIONS + 2 * (NORMS + OUTPUT) + 4 * 4 * 32],
  ])('of llama-3.1-8b in %s on %i ranks is all but the embedding table', (precision, worldSize, bytes) => {
    expect(bytesRead(presetNamed('llama-3.1-8b'), { precision, worldSize }, 7)).toBe(bytes);
  });

  it('is the table where that is the output matrix, and only experts that tokens go to', () => {
    const config = presetNamed('llama-3.1-8b');
    expect(bytesRead({ ...config, tied: true }, { worldSize: 1 }, 1)).toBe(
      bytesRead(config, { worldSize: 1 }, 1),
    );
    const qwen = presetNamed('qwen3-30b-a3b');
    const experts = 2 * 48 * 128 * 3 * 2048 * 768;
    const [one, all] = [bytesRead(qwen, { worldSize: 1 }, 1), bytesRead(qwen, { worldSize: 1 }, 4096)];
    // 8 of 128.
    expect(all - one).toBeCloseTo((experts * 15) / 16, -1);
    expect(all).toBeCloseTo(2 * (30_532_122_624 - 151_936 * 2048), -1);
  });
});

describe('fitAdvice', () => {
  const GIB = 2 ** 30;
  const config = presetNamed('llama-3.1-70b');
  const needs = ({ layers }: { layers: number }, ranks: number) => {
    const own = { weights: (layers * 1.6 * GIB) / ranks, caches: 2 * GIB, working: GIB };
    return { ...own, total: own.weights + 3 * GIB };
  };

  it('says nothing of what fits', () => {
    expect(fitAdvice(config, { worldSize: 2, available: () => 70 * GIB, needs })).toBeUndefined();
  });

  it('says what is needed, what there is, and what would fit', () => {
    const advice = fitAdvice(config, { worldSize: 1, available: () => 70 * GIB, mostRanks: 8, needs });
    expect(advice).toBe(
      'llama-3.1-70b needs 131 GiB on 1 rank (weights 128 GiB, caches 2 GiB, working memory 1 GiB), and there are 70 GiB; use --ranks 2, or --layers 41',
    );
    // Ranks of the CPU share its memory: more of them do not help.
    const shared = fitAdvice(config, {
      worldSize: 1,
      available: (ranks) => (70 * GIB) / ranks,
      mostRanks: 8,
      needs,
    });
    expect(shared).toMatch(/; use --layers 41$/);
    expect(fitAdvice(config, { worldSize: 1, available: () => 2 * GIB, needs })).toMatch(
      /one layer does not fit either$/,
    );
  });
});
