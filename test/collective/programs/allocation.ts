/**
 * @file Ranks that allocate differently. Each case has a communicator of its own, because there is no way back for a heap.
 */
import type { Communicator } from '../../../dist/collective/communicator.js';
import { createCommunicator } from '../../../dist/collective/create.js';
import type { Group } from '../../../dist/group/group.js';
import type { ProgramData } from '../support/engines.ts';
import { throwing } from '../support/expect.ts';
import { type Report, Session } from '../support/session.ts';

type Case = readonly [
  name: string,
  message: string | RegExp,
  body: (comm: Communicator, isLast: boolean) => void,
];

const CASES: readonly Case[] = [
  [
    'one more, found by a capture',
    'rank 2 allocates differently from rank 0: step 1 is an allocation of 8 bytes there and an allocation of 4 bytes on rank 0',
    (comm, isLast) => {
      if (isLast) comm.empty('f32', [2]);
      const x = comm.empty('f32', [1]);
      comm.capture(() => comm.allReduce(x));
    },
  ],
  [
    'another size, found by a call',
    'rank 2 allocates differently from rank 0: step 1 is an allocation of 2000 bytes there and an allocation of 4 bytes on rank 0',
    (comm, isLast) => {
      comm.empty('f32', [isLast ? 500 : 1]);
      comm.allReduce(comm.empty('f32', [1]));
    },
  ],
  [
    'freed in another order, found by a call',
    'rank 2 allocates differently from rank 0: step 3 is a free at offset 256 there and a free at offset 0 on rank 0',
    (comm, isLast) => {
      const [a, b] = [comm.empty('f32', [1]), comm.empty('f32', [1])];
      (isLast ? b : a).free();
      comm.allReduce(comm.empty('f32', [1]));
    },
  ],
  [
    'while recording, found by a replay',
    'rank 2 allocates differently from rank 0: step 1 is an allocation of 2000 bytes there and an allocation of 4 bytes on rank 0',
    (comm, isLast) => {
      const recording = comm.capture(() => {
        comm.empty('f32', [isLast ? 500 : 1]);
        comm.allReduce(comm.empty('f32', [1]));
      });
      recording.replay();
    },
  ],
  [
    'freed and not allocated again',
    'step 2 is nothing there and a free at offset 0 on rank 0',
    (comm, isLast) => {
      const x = comm.empty('f32', [1]);
      if (!isLast) x.free();
      comm.heap.verify();
    },
  ],
  [
    'long ago',
    /rank 2 allocates differently from rank 0: somewhere before step \d+/,
    (comm, isLast) => {
      comm.empty('f32', [isLast ? 1 : 2]);
      for (let i = 0; i < 300; i++) comm.empty('f32', [1]).free();
      comm.heap.verify();
    },
  ],
];

export default function allocation(group: Group, _args: string[], { engine }: ProgramData): Report {
  const open = (arenaBytes = 65536): Communicator =>
    createCommunicator(group, { engine, plan: null, warn: () => {}, arenaBytes });
  const session = new Session(open());
  const isLast = group.rank === group.size - 1;
  for (const [name, message, body] of CASES) {
    const comm = open();
    const attempt = (): void => {
      body(comm, isLast);
      // Where calls only enqueue, they are compared when a rank waits.
      comm.synchronize();
    };
    session.check(name, throwing(attempt, message));
  }
  const sizes = 'ranks disagree: arenaBytes is 65536 on rank 0, 131072 on rank 2';
  session.check(
    sizes,
    throwing(() => open(isLast ? 131072 : 65536), sizes, 'MismatchError'),
  );
  const same = open();
  same.empty('f32', [1]).free();
  same.heap.verify();
  return session.report();
}
