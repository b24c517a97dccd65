/**
 * @file Calls, and replays of a long recording, of which the host makes many more than the driver has room for before any has ended, while one rank comes late: kernels wait for a
 * peer whose host has not got so far, and both have to go on.
 */
import type { Group } from '../../../dist/group/group.js';
import { dependable } from '../../collective/support/cases.ts';
import type { ProgramData } from '../../collective/support/engines.ts';
import { type Report, Session } from '../../collective/support/session.ts';
import { Counter } from '../support/counter.ts';

export interface FarAheadOptions {
  readonly calls: number;
  /** Steps in the recording, and how often it is replayed. */
  readonly recorded: number;
  readonly replays: number;
  readonly sleepMs: number;
}

const COUNT = 3000;

export default function farAhead(group: Group, _args: string[], data: ProgramData<FarAheadOptions>): Report {
  const session = Session.open(group, data, 51);
  const { comm } = session;
  const { calls, recorded, replays, sleepMs } = data.options;
  const request = {
    operation: 'all_reduce',
    dtype: 'f32',
    worldSize: comm.worldSize,
    bytes: 4 * COUNT,
  } as const;
  const names = dependable(comm, request).map(({ name }) => name);
  if (comm.engine.missing('nccl_all_reduce') === undefined) names.push('nccl');
  for (const [i, name] of names.entries()) {
    const counter = new Counter(comm, name, COUNT);
    const late = (): void => {
      if (comm.rank === i % comm.worldSize)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, sleepMs);
    };
    late();
    for (let call = 0; call < calls; call++) counter.step();
    counter.steps += calls;
    session.check(`${name}, calls`, counter.problem());
    const recording = comm.capture(() => {
      for (let step = 0; step < recorded; step++) counter.step();
    });
    late();
    if (recording.enqueue) recording.enqueue(replays);
    else recording.replay(replays);
    comm.synchronize();
    counter.steps += recorded * replays;
    session.check(`${name}, replays`, counter.problem());
    recording.close();
    counter.free();
  }
  return session.report();
}
