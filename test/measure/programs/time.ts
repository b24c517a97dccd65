/** @file Times a few algorithms for a moment; returns what every rank learnt. */
import { algorithmNamed } from '../../../dist/collective/catalog.js';
import { createCommunicator } from '../../../dist/collective/create.js';
import type { Group } from '../../../dist/group/group.js';
import { measure } from '../../../dist/measure/measure.js';
import type { Estimate } from '../../../dist/measure/statistics.js';
import { sizeFor, Workload } from '../../../dist/measure/workload.js';
import type { Mode } from '../../../dist/operations.js';
import type { PlanKey } from '../../../dist/plan/key.js';

export interface Timed {
  title: string;
  names: string[];
  times: Estimate[];
}

export default function main(group: Group): Timed[] {
  const comm = createCommunicator(group, { arenaBytes: 16 << 20, plan: null });
  const time = (operation: 'all_reduce' | 'all_reduce_rms_norm', mode: Mode, names: string[]): Timed => {
    const shape = operation === 'all_reduce_rms_norm' ? { hidden: 256, quantization: 'none' as const } : {};
    const key: PlanKey = {
      operation,
      dtype: 'bf16',
      worldSize: group.size,
      mode,
      ...shape,
      registered: true,
    };
    const workload = new Workload(comm, key, sizeFor(key, 4096));
    const contenders = names.map((name) => {
      const algorithm = algorithmNamed(operation, name);
      return { algorithm, tunables: algorithm.tunables(workload.request, comm.engine)[0]! };
    });
    const timings = measure(comm, workload, contenders, { mode, seconds: 0.1, precision: 0.05 });
    workload.free();
    return {
      title: `${operation} ${mode}`,
      names: timings.map(({ choice }) => choice.algorithm.name),
      times: timings.map(({ us }) => us),
    };
  };
  const all = ['one_shot', 'two_shot', 'two_shot_pull', 'ring'];
  const results = [
    time('all_reduce', 'eager', all),
    time('all_reduce', 'replay', all),
    time('all_reduce_rms_norm', 'replay', ['one_shot', 'two_shot', 'unfused_two_shot']),
  ];
  comm.close();
  return results;
}
