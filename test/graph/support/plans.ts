/** @file A plan of one fused operation with curves that can be worked out by hand. */
import type { Quantization } from '../../../dist/operations.js';
import type { Candidate, Plan, PlanRange } from '../../../dist/plan/plan.js';

/** Rows of bf16 with 4096 elements. */
export const ROW = 8192;

/**
 * us at token counts: fused wins up to 32 rows and from 256 on, the unfused pair in between; measured from 2 to 512 rows.
 *
 *   rows      2    32   64   128  256  512
 *   fused     3    5    9    17   20   38
 *   unfused   5    6    8    12   21   40
 */
export const TIMES: readonly (readonly [tokens: number, fused: number, unfused: number])[] = [
  [2, 3, 5],
  [32, 5, 6],
  [64, 9, 8],
  [128, 17, 12],
  [256, 20, 21],
  [512, 38, 40],
];

export function fusedPlan({
  worldSize = 4,
  hidden = 4096,
  quantization = 'none' as Quantization,
} = {}): Plan {
  const scale = hidden / 4096;
  const candidate = (algorithm: string, column: 1 | 2): Candidate => ({
    algorithm,
    tunables: {},
    points: TIMES.map((row) => ({ bytes: row[0] * ROW * scale, us: row[column], spread: 0.1 })),
  });
  const range = (algorithm: string, from: number, to: number | null, us: number): PlanRange => ({
    algorithm,
    tunables: {},
    from: from * ROW * scale,
    to: to === null ? null : to * ROW * scale,
    at: Math.max(2, from) * ROW * scale,
    us,
    spread: 0.1,
  });
  return {
    schema: 1,
    crossover: '0.1.0',
    createdAt: '2026-01-01T00:00:00.000Z',
    command: 'crossover tune',
    deterministic: false,
    fingerprint: {
      engine: 'cuda',
      host: { platform: 'linux', arch: 'x64', cpu: 'test', cores: 8 },
      device: {},
      kernels: 'test',
    },
    entries: [
      {
        key: {
          operation: 'all_reduce_rms_norm',
          dtype: 'bf16',
          worldSize,
          mode: 'replay',
          hidden,
          quantization,
          registered: true,
        },
        measured: { from: 2 * ROW * scale, to: 512 * ROW * scale },
        ranges: [
          range('one_shot_push', 0, 48, 3),
          range('unfused_two_shot_push', 48, 230, 8),
          range('two_shot_push', 230, null, 20),
        ],
        candidates: [candidate('two_shot_push', 1), candidate('unfused_two_shot_push', 2)],
      },
    ],
  };
}
