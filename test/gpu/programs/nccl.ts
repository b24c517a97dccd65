/**
 * @file NCCL between our own kernels, recorded and called in turn: a kernel writes what NCCL reads, and reads what NCCL writes, with programmatic
 * launch around it. Some calls come while a replay is still under way. The communicators are opened by the first recording, while it is being made. Made for 2 and 4 ranks, where NCCL's
 * averages of small whole numbers are exact.
 */
import type { Communicator } from '../../../dist/collective/communicator.js';
import type { Recording } from '../../../dist/engine/engine.js';
import { CrossoverError } from '../../../dist/errors.js';
import type { Group } from '../../../dist/group/group.js';
import type { ProgramData } from '../../collective/support/engines.ts';
import { type Report, Session } from '../../collective/support/session.ts';
import { Counter } from '../support/counter.ts';

export interface NcclOptions {
  readonly turns: number;
}

const COUNTS = [1, 100, 5000, 300_000, 3_000_001];
/** Steps in a recording. */
const STEPS = 20;

export default function nccl(group: Group, _args: string[], data: ProgramData<NcclOptions>): Report {
  const session = Session.open(group, data, 31);
  const { comm, isFirst } = session;
  for (const name of ['nccl', 'nccl_symmetric']) {
    const first = attempt(comm, new Counter(comm, name, 1));
    if ('refused' in first) {
      if (name === 'nccl') session.check(name, first.refused);
      else if (isFirst) console.log(`${name} was left out: ${first.refused}`);
      continue;
    }
    first.recording.close();
    for (const count of COUNTS) inTurn(session, name, count, data.options.turns);
  }
  return session.report();
}

function attempt(comm: Communicator, counter: Counter): { recording: Recording } | { refused: string } {
  try {
    return { recording: comm.capture(() => counter.step()) };
  } catch (error) {
    if (error instanceof CrossoverError) return { refused: error.message };
    throw error;
  }
}

function inTurn(session: Session, name: string, count: number, turns: number): void {
  const { comm, shared } = session;
  const counter = new Counter(comm, name, count);
  const steps = (): void => {
    for (let i = 0; i < STEPS; i++) counter.step();
  };
  const recordings = [comm.capture(steps), comm.capture(steps)] as const;
  for (let turn = 0; turn < turns; turn++) {
    session.skew();
    const recording = recordings[shared.whole(0, 1)]!;
    // Calls right behind a replay that nobody waited for, and behind one that has ended.
    if (recording.enqueue && shared.chance(0.5)) recording.enqueue(1);
    else recording.replay();
    counter.steps += STEPS;
    if (!shared.chance(0.5)) continue;
    steps();
    counter.steps += STEPS;
  }
  session.check(`x${comm.worldSize}`, counter.problem());
  for (const recording of recordings) recording.close();
  counter.free();
}
