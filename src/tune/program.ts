/**
 * @file The tuner as an SPMD program: what `crossover tune` launches on every rank.
 */
import { createCommunicator } from '../collective/create.ts';
import { LIMITS } from '../collective/engines.ts';
import type { Group } from '../group/group.ts';
import { arenaFor } from '../measure/workload.ts';
import type { Fingerprint } from '../plan/plan.ts';
import { ProgressLine } from '../report/progress.ts';
import { keysOf, sizesOf, type TuneRequest } from './request.ts';
import { type TuneResult, tune } from './tune.ts';

export interface TunedHere extends TuneResult {
  readonly fingerprint: Fingerprint;
}

export default function main(group: Group, _args: string[], request: TuneRequest): TunedHere | undefined {
  const { engine } = request;
  const { cacheBytes } = LIMITS[engine ?? 'cuda'];
  const needed = keysOf(request, group.size).map((key) =>
    arenaFor(key, Math.max(...sizesOf(request, key)), cacheBytes),
  );
  const arenaBytes = request.arenaBytes ?? Math.max(...needed) + (4 << 20);
  const comm = createCommunicator(group, { engine, arenaBytes, plan: null });
  const line = new ProgressLine('tune', request.progress && group.rank === 0);
  try {
    const result = tune(comm, request, (done, words) => line.show(done, words));
    // The other ranks have the same result; one copy is enough to send.
    return group.rank === 0 ? { ...result, fingerprint: comm.engine.fingerprint() } : undefined;
  } finally {
    line.clear();
    comm.close();
  }
}
