/**
 * @file Graphs of all models in their published shapes: that they can be built for every way to split them, that the graph pass finds every all-reduce, and what is
 * refused.
 */
import { describe, expect, it } from 'vitest';
import type { TensorType } from '../../../dist/graph/ir/type.js';
import { findSites } from '../../../dist/graph/passes/sites.js';
import { buildModel, type ModelOptions } from '../../../dist/workload/models/build.js';
import { type ModelConfig, withLayers } from '../../../dist/workload/models/config.js';
import { parametersOf } from '../../../dist/workload/models/parameters.js';
import { PRESETS, presetNamed } from '../../../dist/workload/models/presets.js';
import { acceptedWorldSizes } from '../../../dist/workload/models/split.js';
import { weightPlan } from '../../../dist/workload/weights/plan.js';

const WAYS: readonly Omit<ModelOptions, 'worldSize'>[] = [
  {},
  { experts: 'expert' },
  { precision: 'f8e4m3' },
  { attention: 'data', experts: 'expert' },
];

/** As few layers as have all kinds. */
function short(config: ModelConfig): ModelConfig {
  return withLayers(config, (config.moe?.denseLayers ?? 0) + 2);
}

function parameters(config: ModelConfig): number {
  const plan = weightPlan(config, { worldSize: 1, rank: 0, places: 1 });
  const counts = plan.flatMap(({ kind, shape }) =>
    kind === 'tensors' ? [shape.reduce((product, dim) => product * dim, 1)] : [],
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

describe('parameters', () => {
  it.each([
    ['llama-3.1-8b', 8_030_261_248],
    ['llama-3.1-70b', 70_553_706_496],
    ['qwen3-30b-a3b', 30_532_122_624],
    ['deepseek-v2-lite', 15_706_484_224],
  ])('%s has %i', (name, count) => {
    expect(parameters(presetNamed(name))).toBe(count);
  });

  it.each(PRESETS)('of $name are counted as they are planned', (config) => {
    for (const own of [config, { ...config, tied: true, layers: 1 }]) {
      const { dense, experts } = parametersOf(own);
      expect(dense + experts).toBe(parameters(own));
    }
    expect(parametersOf(config).experts > 0).toBe(config.moe !== undefined);
  });
});

describe.each(PRESETS.map((config) => [config.name, config] as const))('%s', (_, config) => {
  it.each(WAYS)('is a graph on every world size, split by %o', (way) => {
    const sizes = acceptedWorldSizes(config, way).filter((ranks) => [1, 2, 4, 8].includes(ranks));
    expect(sizes.slice(0, 3)).toEqual([1, 2, 4]);
    for (const worldSize of sizes) {
      const options = { ...way, worldSize, rank: worldSize - 1, places: 64 };
      const own = short(config);
      const graph = buildModel(own, options);
      const weights = graph.inputs.flatMap(({ value, weight }) => (weight === undefined ? [] : [value]));
      const plan = weightPlan(own, { ...options });
      // The graph reads what is planned, each as it is planned.
      const text = ({
        name,
        dtype,
        shape,
      }: {
        name: string;
        dtype: string;
        shape: readonly unknown[];
      }): string => `${name} ${dtype} ${shape.join(' ')}`;
      expect(weights.map(({ name, type }) => text({ name, ...(type as TensorType) })).sort()).toEqual(
        plan.map(text).sort(),
      );
      for (const weight of plan) {
        if (weight.kind !== 'tensors') continue;
        const covered = weight.parts.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
        expect(covered).toBe(weight.shape.reduce((product, dim) => product * dim, 1));
      }
    }
  });

  it.each(['bf16', 'f8e4m3'] as const)('has every all-reduce of its graph fusable in %s', (precision) => {
    const own = short(config);
    const graph = buildModel(own, { worldSize: 2, precision, places: 64 });
    const { sites, misses, group } = findSites(graph);
    expect(misses).toEqual([]);
    expect(group).toBe('tp');
    // Two a layer, and the one behind the embedding table, which has no residual.
    expect(sites.length).toBe(2 * own.layers + 1);
    expect(sites.filter(({ residual }) => residual === undefined).length).toBe(1);
    const quantized = sites.filter(({ quantizations }) => quantizations.length > 0).length;
    // Norms before attention, and before what has dense columns, are read as codes.
    const codes = own.layers + (config.moe ? (config.moe.sharedInner > 0 ? own.layers : 0) : own.layers);
    expect(quantized).toBe(precision === 'bf16' ? 0 : codes);
  });
});

describe('a graph of all ranks', () => {
  it('asks for what differs between them, and one of a rank has it', () => {
    const config = presetNamed('tiny-moe');
    const asked = (options: ModelOptions): string[] =>
      buildModel(config, options).inputs.flatMap(({ value, weight }) =>
        weight === undefined && !value.name.includes('_cache.') ? [value.name] : [],
      );
    const plain = ['ids', 'last', 'positions', 'rows', 'tables', 'temperatures', 'uniforms'];
    expect(asked({ worldSize: 2, rank: 1, experts: 'expert' }).sort()).toEqual(plain);
    expect(asked({ worldSize: 2 }).sort()).toEqual([...plain, 'vocabulary_start'].sort());
    expect(asked({ worldSize: 2, experts: 'expert' }).sort()).toEqual(
      [...plain, 'expert_start', 'vocabulary_start'].sort(),
    );
    expect(asked({ worldSize: 1 }).sort()).toEqual(plain);
  });
});

describe('refusals', () => {
  const build = (name: string, options: ModelOptions): (() => unknown) => {
    return () => buildModel(presetNamed(name), options);
  };

  it('names the size that cannot be divided, and what can', () => {
    expect(build('llama-3.1-8b', { worldSize: 3 })).toThrow(
      'worldSize is 3, and llama-3.1-8b has 32 heads; use 1, 2, 4, 8, 16',
    );
    expect(build('deepseek-v2-lite', { worldSize: 8, precision: 'f8e4m3' })).toThrow(
      'has 10944 columns in a feed-forward part that must be a multiple of 16 on each rank; use 1, 2, 4',
    );
    expect(build('tiny-moe', { worldSize: 16, attention: 'data', experts: 'expert' })).toThrow(
      'tiny-moe has 8 experts; use 1, 2, 4, 8',
    );
    expect(build('tiny', { worldSize: 0 })).toThrow('to be split over 1 or more ranks');
  });

  it('names the field and what it accepts', () => {
    expect(build('tiny', { worldSize: 2, rank: 2 })).toThrow('rank is 2; it is a whole number from 0 to 1');
    expect(build('tiny', { worldSize: 1, places: 4096 })).toThrow(
      'places is 4096; it is a whole number from 1 to 2048',
    );
    expect(build('tiny', { worldSize: 1, pageSize: 0 })).toThrow('pageSize is 0');
    expect(build('tiny', { worldSize: 1, choices: 65 })).toThrow(
      'choices is 65; it is a whole number from 1 to 64',
    );
    expect(() => presetNamed('gpt')).toThrow('model is "gpt"; use one of llama-3.1-8b,');
    expect(() => withLayers(presetNamed('tiny'), 5)).toThrow('layers is 5; tiny accepts 1 to 4');
  });
});
