/** @file Checks workloads of every operation with algorithms that are right and with such that are not; returns what was said. */

import type { Choice } from '../../../dist/collective/algorithm.js';
import { algorithmNamed } from '../../../dist/collective/catalog.js';
import { createCommunicator } from '../../../dist/collective/create.js';
import type { Group } from '../../../dist/group/group.js';
import { sizeFor, Workload } from '../../../dist/measure/workload.js';
import type { PlanKey } from '../../../dist/plan/key.js';

export interface Checked {
  name: string;
  fault: string;
  message: string;
}

/** Each operation, an algorithm that is right, and a kernel of another operation. */
const RIGHT = [
  ['all_reduce', 'two_shot', 'broadcast_direct'],
  ['all_gather', 'direct', 'broadcast_direct'],
  ['reduce_scatter', 'direct', 'all_gather_direct'],
  ['broadcast', 'direct', 'all_reduce_one_shot'],
  ['all_reduce_rms_norm', 'one_shot', 'rms_norm'],
] as const;

export default function main(group: Group): Checked[] {
  const comm = createCommunicator(group, { arenaBytes: 16 << 20, plan: null });
  const results: Checked[] = [];
  for (const [operation, name, other] of RIGHT) {
    const key: PlanKey = { operation, dtype: 'f32', worldSize: group.size, mode: 'eager', registered: true };
    const sized: PlanKey =
      operation === 'all_reduce_rms_norm' ? { ...key, hidden: 250, quantization: 'none' } : key;
    const algorithm = algorithmNamed(operation, name);
    const bytes = sizeFor(sized, 20_000);
    const tunables = algorithm.tunables({ ...sized, bytes }, comm.engine)[0]!;
    const enqueues: Record<string, Choice['algorithm']['enqueue']> = {
      nothing: () => {},
      'another kernel': (engine, launch) => {
        launch.kernel = other;
        launch.chunkBytes = 1 << 16;
        engine.enqueue(launch);
      },
      'one element': (engine, launch, own) => {
        algorithm.enqueue(engine, launch, own);
        engine.synchronize();
        engine.group.barrier();
        if (group.rank !== group.size - 1) return;
        // The last element of what this rank was given, whose size depends on the operation; of rows, not all are checked.
        const parts =
          operation === 'all_gather' ? group.size : operation === 'reduce_scatter' ? 1 / group.size : 1;
        const last = operation === 'all_reduce_rms_norm' ? 0 : launch.count * parts - 1;
        const at = launch.output + 4 * last;
        engine.write(
          at,
          engine.read(at, 4).map((byte) => byte ^ 0x5a),
        );
      },
      none: algorithm.enqueue,
    };
    for (const [fault, enqueue] of Object.entries(enqueues)) {
      const workload = new Workload(comm, sized, bytes);
      let message = 'right';
      try {
        workload.check({ algorithm: { ...algorithm, enqueue }, tunables });
      } catch (error) {
        message = (error as Error).message;
        // The check that throws does not reach its last barrier.
        group.barrier();
      }
      results.push({ name: operation, fault, message });
      workload.free();
    }
  }
  comm.close();
  return results;
}
