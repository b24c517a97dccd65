/**
 * @file A run on all ranks: rank 0 has the requests and the clock, decides, and tells the others every step before all of them run it. A last word ends the
 * others; a rank that fails ends all, as everywhere.
 */
import type { Group } from '../../group/group.ts';
import { checkLoad, type LoadRequest } from './load.ts';
import { type ReplayOptions, type RequestTimes, replay } from './replay.ts';
import type { StepRunner } from './runner.ts';
import type { Step } from './scheduler.ts';
import { Tables } from './tables.ts';

export type ServeOptions = Pick<ReplayOptions, 'schedule' | 'vocabulary' | 'clock' | 'onStep'>;

/** Collective. Returns the times of all requests on rank 0, and nothing on the others. */
export async function serve(
  group: Group,
  runner: StepRunner,
  requests: readonly LoadRequest[],
  options: ServeOptions,
): Promise<RequestTimes[]> {
  // On all ranks: each throws its own error, and none waits for one that threw.
  checkLoad(requests, runner);
  const tables = new Tables(runner);
  const run = (step: Step): Int32Array => runner.step(tables.batchOf(step));
  group.barrier();
  if (group.rank !== 0) {
    for (;;) {
      const step = group.broadcast<Step | undefined>(undefined);
      if (step === undefined) return [];
      run(step);
    }
  }
  const times = await replay(requests, {
    ...options,
    limits: runner,
    step: (step) => run(group.broadcast(step)),
  });
  group.broadcast<Step | undefined>(undefined);
  return times;
}
