/** @file Measurements worked out by hand, for the tests of the report's page. */
import type { Measurement, MeasurementSet } from '../../../dist/interop/measurement.js';
import type { Plan } from '../../../dist/plan/plan.js';

const source = { file: 'sample.txt', line: 1 };

export function measurement(
  algorithm: string,
  bytes: number,
  us: number,
  more: Partial<Measurement> = {},
): Measurement {
  return {
    operation: 'all_reduce',
    algorithm,
    bytes,
    dtype: 'bf16',
    worldSize: 4,
    mode: 'replay',
    us,
    spread: 0.1,
    source,
    ...more,
  };
}

export function set(
  measurements: readonly Measurement[],
  more: Partial<MeasurementSet> = {},
): MeasurementSet {
  return {
    schema: 1,
    host: { gpu: 'NVIDIA H200' },
    measurements,
    matrices: [],
    complaints: [],
    files: [{ file: 'sample.txt', formats: ['CSV'] }],
    ...more,
  };
}

/** `fast` wins up to 64 KiB; both lines cross halfway between 64 and 256 KiB on a log scale. */
export const CROSSING: readonly Measurement[] = [
  ...[
    [1024, 2],
    [16384, 2],
    [65536, 4],
    [262144, 16],
    [1048576, 64],
  ].map(([bytes, us]) => measurement('fast', bytes!, us!)),
  ...[
    [1024, 8],
    [16384, 8],
    [65536, 8],
    [262144, 8],
    [1048576, 32],
  ].map(([bytes, us]) => measurement('wide', bytes!, us!)),
];

/** What files may hold in spite of everything. */
export const HOSTILE = `</script><img src=x onerror="document.title='pwned'"><!-- "'&\u2028`;

/** A plan of one entry whose choice is behind the fastest at one size. */
export const PLAN: Plan = {
  schema: 1,
  crossover: '0.1.0',
  createdAt: '2026-11-21T13:16:15.949Z',
  command: 'crossover tune',
  deterministic: false,
  fingerprint: {
    engine: 'cpu',
    host: { platform: 'linux', arch: 'x64', cpu: 'Some CPU', cores: 16, node: 'v20.20.2' },
    device: { simd: 'WebAssembly 128-bit' },
    kernels: '470d4e8354c23a10',
  },
  entries: [
    {
      key: { operation: 'all_reduce', dtype: 'bf16', worldSize: 4, mode: 'replay', registered: true },
      measured: { from: 1024, to: 4096 },
      ranges: [
        { from: 0, to: 2048, algorithm: 'one_shot', tunables: { blocks: 8 }, at: 1024, us: 2, spread: 0.1 },
        {
          from: 2048,
          to: 3000,
          algorithm: 'one_shot',
          tunables: { blocks: 16 },
          at: 2048,
          us: 3,
          spread: 0.1,
        },
        { from: 3000, to: null, algorithm: 'two_shot', tunables: {}, at: 4096, us: 5, spread: 0.1 },
      ],
      candidates: [
        {
          algorithm: 'one_shot',
          tunables: { blocks: 8 },
          points: [
            { bytes: 1024, us: 2, spread: 0.1 },
            { bytes: 2048, us: 4, spread: 0.1 },
            { bytes: 4096, us: 8, spread: 0.1 },
          ],
        },
        {
          algorithm: 'one_shot',
          tunables: { blocks: 16 },
          points: [
            { bytes: 1024, us: 2.5, spread: 0.1 },
            { bytes: 2048, us: 3, spread: 0.1 },
          ],
        },
        {
          algorithm: 'two_shot',
          tunables: {},
          points: [
            { bytes: 1024, us: 6, spread: 0.1 },
            { bytes: 2048, us: 2.4, spread: 0.1 },
            { bytes: 4096, us: 5, spread: 0.1 },
          ],
        },
      ],
    },
  ],
  regret: {
    mean: 0.007,
    worst: 0.0285,
    count: 4,
    worstAt: { key: 'all_reduce bf16 x4 replay', bytes: 3000, chosen: 'two_shot', best: 'one_shot blocks=8' },
  },
};
