/**
 * @file Checkpoints through the whole chain: read, split over ranks, built into graphs, run by the reference executor with paged caches, prompts first and then token by
 * token, against the same model computed plainly in float64.
 */
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../dist/graph/execute/array.js';
import { execute } from '../../../dist/graph/execute/executor.js';
import type { InputValue } from '../../../dist/graph/execute/inputs.js';
import { optimize } from '../../../dist/graph/optimize.js';
import { decodeArray } from '../../../dist/tensor/formats/array.js';
import { buildModel, type ModelOptions } from '../../../dist/workload/models/build.js';
import { splitOf } from '../../../dist/workload/models/split.js';
import { Checkpoint } from '../../../dist/workload/weights/checkpoint.js';
import { weightPlan } from '../../../dist/workload/weights/plan.js';
import { WeightReader } from '../../../dist/workload/weights/read.js';
import { CONFIGS, files, type HfConfig, randomTensors, withFolder } from './support/checkpoint.ts';
import { forward } from './support/forward.ts';

const PLACES = 16;
const PAGE = 4;
/** Two sequences of different lengths; the last tokens of each come one at a time. With data-parallel attention, the second rank has others. */
const SEQUENCES = [
  [3, 17, 39, 0, 21, 8, 5],
  [30, 2, 11, 38],
];
const OTHERS = SEQUENCES.map((ids) => ids.map((id) => (id * 7 + 1) % 40));
const STEPS_ALONE = 2;

interface Token {
  readonly id: number;
  readonly row: number;
  readonly place: number;
  /** Whether its logits are wanted. */
  readonly wanted: boolean;
}

/** All tokens of the prompts mixed in one step, then one of each sequence a step. */
function steps(sequences: readonly (readonly number[])[]): Token[][] {
  const token = (row: number, place: number): Token => ({
    id: sequences[row]![place]!,
    row,
    place,
    wanted: true,
  });
  const prompts = sequences.flatMap((ids, row) =>
    ids.slice(0, ids.length - STEPS_ALONE).map((_, place) => ({ ...token(row, place), wanted: place !== 1 })),
  );
  const alone = Array.from({ length: STEPS_ALONE }, (_, i) =>
    sequences.map((ids, row) => token(row, ids.length - STEPS_ALONE + i)),
  );
  return [prompts, ...alone];
}

type RankState = Record<string, InputValue>;

/** Logits of every wanted token by sequence and place, for each of the ranks that have tokens of their own. */
function logitsOf(folder: string, options: ModelOptions, fused: boolean): Map<string, number[]>[] {
  const checkpoint = new Checkpoint(folder);
  const { config } = checkpoint;
  const { worldSize, attention = 'tensor' } = options;
  const own = { ...options, pageSize: PAGE, places: PLACES };
  const built = buildModel(config, own);
  const graph = fused
    ? optimize(built, { worldSize, fusionCapBytes: Number.POSITIVE_INFINITY, place: false }).variants[0]!
        .graph
    : built;
  const split = splitOf(config, options);
  const reader = new WeightReader(checkpoint);
  const ranks = Array.from({ length: worldSize }, (_, rank) => rank);
  const weights = ranks.map((rank) => {
    const plan = weightPlan(config, { ...own, rank });
    checkpoint.check(plan);
    return new Map(
      plan.map((weight): [string, InputValue] => {
        const bytes = new Uint8Array(weight.bytes);
        reader.read(weight, (offset, part) => bytes.set(part, offset));
        return [weight.name, { shape: [...weight.shape], values: decodeArray(weight.dtype, bytes) }];
      }),
    );
  });
  checkpoint.close();

  const isCache = (name: string): boolean => /_cache\.\d+$/.test(name);
  const caches = graph.inputs.filter(({ value }) => isCache(value.name));
  const pages = PLACES / PAGE;
  // Pages of the sequences alternate, and the first belongs to nobody.
  const tables = SEQUENCES.map((_, row) =>
    Array.from({ length: pages }, (__, i) => 1 + SEQUENCES.length * i + row),
  );
  const states: RankState[] = ranks.map(() =>
    Object.fromEntries(
      caches.map(({ value: { name, type } }) => {
        const shape =
          type.kind === 'tensor' ? [1 + SEQUENCES.length * pages, ...type.shape.slice(1).map(Number)] : [];
        return [
          name,
          { shape, values: new Float64Array(shape.reduce((count, dim) => count * dim, 1)).fill(7) },
        ];
      }),
    ),
  );
  // Ranks that share their tokens are asked for one result.
  const batches = attention === 'data' && worldSize > 1 ? [SEQUENCES, OTHERS] : [SEQUENCES];
  const results = batches.map(() => new Map<string, number[]>());
  const plans = batches.map(steps);
  for (const step of plans[0]!.keys()) {
    const tokensOf = (rank: number): Token[] => plans[rank % plans.length]![step]!;
    const last = tokensOf(0).flatMap(({ wanted }, t) => (wanted ? [t] : []));
    const inputs = ranks.map((rank) => ({
      ids: tokensOf(rank).map(({ id }) => id),
      positions: tokensOf(rank).map(({ place }) => place),
      rows: tokensOf(rank).map(({ row }) => row),
      tables,
      last,
      temperatures: last.map(() => 0),
      uniforms: last.map(() => 0.5),
      ...(split.vocabulary < config.vocabulary && { vocabulary_start: rank * split.vocabulary }),
      ...(config.moe && split.expertCount < config.moe.experts && { expert_start: rank * split.expertCount }),
      ...states[rank]!,
    }));
    const outputs = execute(graph, inputs, { precision: 'float64', weights });
    for (const [i, t] of last.entries()) {
      const parts = outputs.map(([, shard]) => {
        const { values, shape } = shard as Tensor;
        return [...values.slice(i * shape[1]!, (i + 1) * shape[1]!)];
      });
      const { row, place } = tokensOf(0)[t]!;
      for (const [rank, [sampled]] of outputs.entries()) {
        const whole = attention === 'tensor' ? parts.flat() : parts[rank]!;
        results[rank % results.length]!.set(`${row},${place}`, whole);
        expect((sampled as Tensor).values[i]).toBe(whole.indexOf(Math.max(...whole)));
      }
    }
    for (const [rank, [, , ...after]] of outputs.entries()) {
      for (const [i, { value }] of caches.entries()) states[rank]![value.name] = after[i] as InputValue;
    }
  }
  return results;
}

interface Way {
  readonly name: string;
  readonly options: ModelOptions;
  readonly fused?: boolean;
  /** Of the length of all logits together. Codes of 8 bits are far from bf16. */
  readonly within?: number;
}

const WAYS: readonly Way[] = [
  { name: '1 rank', options: { worldSize: 1 } },
  { name: '2 ranks, fused', options: { worldSize: 2 }, fused: true },
  { name: '4 ranks that share heads of keys', options: { worldSize: 4 } },
  { name: '2 ranks, experts whole', options: { worldSize: 2, experts: 'expert' } },
  { name: '2 ranks, attention data-parallel', options: { worldSize: 2, attention: 'data' } },
  {
    name: '2 ranks, data-parallel, experts whole',
    options: { worldSize: 2, attention: 'data', experts: 'expert' },
  },
  {
    name: '1 rank in f8e4m3, fused',
    options: { worldSize: 1, precision: 'f8e4m3' },
    fused: true,
    within: 0.25,
  },
];

describe.each(Object.entries(CONFIGS))('%s', (architecture, config: HfConfig) => {
  const tensors = randomTensors(config);
  const expected = [SEQUENCES, OTHERS].map((batch) => batch.map((ids) => forward(config, tensors, ids)));
  const isSparse = architecture === 'qwen3_moe' || architecture === 'deepseek_v2';
  const ways = WAYS.filter(({ options }) => isSparse || options.experts === undefined);

  it.each(ways)(
    'gives the logits of the plain model on $name',
    ({ options, fused = false, within = 1e-5 }) => {
      const results = withFolder(files(config, tensors, 'f32'), (folder) => logitsOf(folder, options, fused));
      for (const [batch, logits] of results.entries()) {
        expect(logits.size).toBe(SEQUENCES.flat().length - SEQUENCES.length);
        for (const [key, row] of logits) {
          const [sequence, place] = key.split(',').map(Number) as [number, number];
          const wanted = expected[batch]![sequence]![place]!;
          expect(row.length).toBe(wanted.length);
          const difference = Math.hypot(...row.map((value, i) => value - wanted[i]!)) / Math.hypot(...wanted);
          expect(difference, `sequence ${sequence} of rank ${batch}, place ${place}`).toBeLessThan(within);
        }
      }
    },
  );
});
