/**
 * @file The tuner as an SPMD program: what `crossover tune` launches on every rank.
 */
import { createCommunicator } from '../collective/create.ts';
import type { Group } from '../group/group.ts';
import type { Fingerprint } from '../plan/plan.ts';
import { ProgressLine } from '../report/progress.ts';
import { arenaOf, type TuneRequest } from './request.ts';
import { type TuneResult, tune } from './tune.ts';

export interface TunedHere extends TuneResult {
  readonly fingerprint: Fingerprint;
}

export default function main(group: Group, _args: string[], request: TuneRequest): TunedHere | undefined {
  const { engine } = request;
  const arenaBytes = request.arenaBytes ?? arenaOf(request, group.size);
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
