/** @file Allocates workloads in arenas of exactly the size that `arenaFor` says; returns what went wrong. */
import { createCommunicator } from '../../../dist/collective/create.js';
import type { Group } from '../../../dist/group/group.js';
import { arenaFor, sizeFor, Workload } from '../../../dist/measure/workload.js';
import { OPERATIONS, QUANTIZATIONS } from '../../../dist/operations.js';
import type { PlanKey } from '../../../dist/plan/key.js';

export default function main(group: Group): string[] {
  const wrong: string[] = [];
  const common = { dtype: 'f32', worldSize: group.size, mode: 'eager', registered: true } as const;
  const keys = OPERATIONS.flatMap((operation): PlanKey[] =>
    operation === 'all_reduce_rms_norm'
      ? QUANTIZATIONS.map((quantization) => ({ ...common, operation, hidden: 1024, quantization }))
      : [{ ...common, operation }],
  );
  for (const key of keys) {
    for (const bytes of [64, 10_000, 1 << 20, 12 << 20].map((wanted) => sizeFor(key, wanted))) {
      const comm = createCommunicator(group, { arenaBytes: arenaFor(key, bytes), plan: null });
      try {
        new Workload(comm, key, bytes).free();
      } catch (error) {
        wrong.push(`${key.operation} ${key.quantization} ${bytes}: ${(error as Error).message}`);
      }
      comm.close();
    }
  }
  return wrong;
}
