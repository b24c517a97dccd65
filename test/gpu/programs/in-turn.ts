/**
 * @file Recordings of different algorithms and sizes, replayed in turn on one stream, with calls in between: what one leaves
 * in mailboxes and counters has to suit the next. Each round records anew.
 */
import type { Group } from '../../../dist/group/group.js';
import { dependable } from '../../collective/support/cases.ts';
import type { ProgramData } from '../../collective/support/engines.ts';
import { type Report, Session } from '../../collective/support/session.ts';
import { Counter } from '../support/counter.ts';

export interface InTurnOptions {
  readonly rounds: number;
  /** Largest pause of a rank, ms: some ranks sleep at times. */
  readonly sleepMs: number;
}

const MOST = 300_000;
const TURNS = 30;

export default function inTurn(group: Group, _args: string[], data: ProgramData<InTurnOptions>): Report {
  const session = Session.open(group, data, 22);
  const { comm, shared, own } = session;
  const { rounds, sleepMs } = data.options;
  const request = {
    operation: 'all_reduce',
    dtype: 'f32',
    worldSize: comm.worldSize,
    bytes: 4 * MOST,
  } as const;
  const names = dependable(comm, request).map(({ name }) => name);
  for (let round = 0; round < rounds; round++) {
    const sizes = [shared.whole(1, 5000), shared.whole(1, MOST)] as const;
    const counters = sizes.map((count) => new Counter(comm, shared.pick(names), count));
    const recordings = counters.map((counter) => comm.capture(() => counter.step()));
    for (let turn = 0; turn < TURNS; turn++) {
      if (own.chance(0.1)) sleep(sleepMs * own.next());
      const which = shared.whole(0, 1);
      const times = shared.whole(1, 3);
      recordings[which]!.replay(times);
      counters[which]!.steps += times;
      if (!shared.chance(0.5)) continue;
      counters[1 - which]!.step();
      counters[1 - which]!.steps++;
    }
    for (const counter of counters) session.check(`round ${round}`, counter.problem());
    for (const recording of recordings) recording.close();
    for (const counter of counters.reverse()) counter.free();
  }
  return session.report();
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
