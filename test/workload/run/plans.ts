/** @file A plan for a model's collectives on the CPU engine, with curves of our own: fused wins up to 4 rows, the unfused pair above, two-shot from 16 on. */
import type { Quantization } from '../../../dist/operations.js';
import { makePlanEntry } from '../../../dist/plan/entry.js';
import type { PlanKey } from '../../../dist/plan/key.js';
import type { Candidate, Plan, PlanEntry } from '../../../dist/plan/plan.js';

/** us at 1, 4, 16 and 256 rows. */
const ROWS = [1, 4, 16, 256] as const;
const FUSED: Readonly<Record<string, readonly number[]>> = {
  one_shot: [2, 5, 30, 300],
  two_shot: [4, 8, 20, 200],
  unfused_one_shot: [3, 5.5, 12, 150],
  unfused_two_shot: [5, 7, 11, 120],
};
const MOVES: Readonly<Record<string, readonly number[]>> = { direct: [2, 3, 9, 90], staged: [3, 4, 8, 80] };

export function modelPlan(
  worldSize: number,
  hidden: number,
  quantizations: readonly Quantization[] = ['none'],
): Plan {
  const entry = (
    key: Omit<PlanKey, 'worldSize' | 'mode' | 'registered'>,
    row: number,
    curves: typeof FUSED,
  ): PlanEntry =>
    makePlanEntry(
      { ...key, worldSize, mode: 'replay', registered: true },
      Object.entries(curves).map(
        ([algorithm, times]): Candidate => ({
          algorithm,
          tunables: {},
          points: times.map((us, i) => ({ bytes: ROWS[i]! * row, us, spread: 0.01 })),
        }),
      ),
    );
  const row = 2 * hidden;
  return {
    schema: 1,
    crossover: '0.1.0',
    createdAt: '2026-01-01T00:00:00.000Z',
    command: 'by hand',
    deterministic: true,
    fingerprint: {
      engine: 'cpu',
      host: { platform: 'linux', arch: 'x64', cpu: 'test', cores: 2 },
      device: {},
      kernels: 'test',
    },
    entries: [
      ...quantizations.map((quantization) =>
        entry({ operation: 'all_reduce_rms_norm', dtype: 'bf16', hidden, quantization }, row, FUSED),
      ),
      entry({ operation: 'all_reduce', dtype: 'bf16' }, row, {
        one_shot: [2, 4, 20, 200],
        two_shot: [3, 5, 9, 90],
      }),
      entry({ operation: 'all_gather', dtype: 'bf16' }, row, MOVES),
      entry({ operation: 'reduce_scatter', dtype: 'bf16' }, row, MOVES),
      entry({ operation: 'all_gather', dtype: 'f32' }, 8 * worldSize, MOVES),
    ],
  };
}
