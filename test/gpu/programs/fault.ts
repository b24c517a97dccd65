/**
 * @file A loop of replays in the middle of which rank 1 fails. The others are not told: they wait for it on the GPU.
 */

import type { Communicator } from '../../../dist/collective/communicator.js';
import { createCommunicator } from '../../../dist/collective/create.js';
import type { Group } from '../../../dist/group/group.js';
import type { ProgramData } from '../../collective/support/engines.ts';

export interface FaultOptions {
  readonly how: keyof typeof FAULTS | 'nothing';
}

const COUNT = 4096;
/** Replays before the fault, and at most after it. */
const BEFORE = 50;
const MOST = 100_000;
const SECONDS = 20;

const FAULTS = {
  throw: () => {
    throw new Error('on purpose');
  },
  // The thread of a rank that is one.
  exit: () => process.exit(3),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  freeze: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  'wrong shape': (comm: Communicator) => comm.allReduce(comm.empty('bf16', [COUNT]).view(0, [COUNT - 1])),
  'full arena': (comm: Communicator) => comm.empty('f32', [2 ** 28]),
};

/** Returns the sum that every rank has in the end, when nothing has failed. */
export default function fault(group: Group, _args: string[], data: ProgramData<FaultOptions>): number {
  const { engine, options } = data;
  const comm = createCommunicator(group, { engine, plan: null, arenaBytes: 1 << 20, warn: () => {} });
  const x = comm.tensor('bf16', [COUNT], new Float64Array(COUNT).fill(group.rank + 1));
  const out = comm.empty('bf16', [COUNT]);
  const recording = comm.capture(() => comm.allReduce(x, { out }));
  const end = performance.now() + 1000 * SECONDS;
  for (let i = 0; i < (options.how === 'nothing' ? BEFORE : MOST); i++) {
    if (i === BEFORE && group.rank === 1 && options.how !== 'nothing') FAULTS[options.how](comm);
    // A call where rank 1 has another shape; elsewhere the replay is what the others wait in.
    if (i === BEFORE && group.rank !== 1 && options.how === 'wrong shape')
      comm.allReduce(comm.empty('bf16', [COUNT]));
    recording.replay(20);
    if (performance.now() > end) throw new Error(`nothing happened in ${SECONDS} s`);
  }
  recording.close();
  const sum = out.read()[COUNT - 1]!;
  comm.close();
  return sum;
}
