/**
 * @file A small recording, replayed a million times, which has to count exactly. One algorithm gets the whole number of replays, the others
 * a tenth.
 */
import type { Group } from '../../../dist/group/group.js';
import { dependable } from '../../collective/support/cases.ts';
import type { ProgramData } from '../../collective/support/engines.ts';
import { type Report, Session } from '../../collective/support/session.ts';
import { Counter } from '../support/counter.ts';

export interface ManyReplaysOptions {
  readonly replays: number;
}

const COUNT = 2048;
const AT_ONCE = 2000;

export default function manyReplays(
  group: Group,
  _args: string[],
  data: ProgramData<ManyReplaysOptions>,
): Report {
  const session = Session.open(group, data, 21);
  const { comm } = session;
  const request = {
    operation: 'all_reduce',
    dtype: 'f32',
    worldSize: comm.worldSize,
    bytes: 4 * COUNT,
  } as const;
  for (const [i, { name }] of dependable(comm, request).entries()) {
    const replays = i === 0 ? data.options.replays : Math.ceil(data.options.replays / 10);
    const counter = new Counter(comm, name, COUNT);
    const recording = comm.capture(() => counter.step());
    while (counter.steps < replays) {
      const times = Math.min(AT_ONCE, replays - counter.steps);
      session.skew();
      recording.replay(times);
      counter.steps += times;
    }
    recording.close();
    session.check(name, counter.problem());
    counter.free();
  }
  return session.report();
}
