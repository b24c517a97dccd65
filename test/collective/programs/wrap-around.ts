/**
 * @file The counters that ranks synchronize by are 32 bits wide. Starts them just before they wrap around, at every distance that puts the
 * wrap into another place of the sequence, and counts as counting.ts does.
 */
import { Communicator } from '../../../dist/collective/communicator.js';
import { createCpuEngine } from '../../../dist/engine/cpu/engine.js';
import type { Group } from '../../../dist/group/group.js';
import { dependable } from '../support/cases.ts';
import { type Report, Session } from '../support/session.ts';

const ROUNDS = 4;
const COUNT = 100;

export default function wrapAround(group: Group): Report {
  const session = new Session(open(group, 0), 17);
  for (let before = 1; before <= 30; before++) {
    const comm = open(group, 2 ** 32 - before);
    const algorithms = dependable(comm, {
      operation: 'all_reduce',
      dtype: 'f32',
      worldSize: comm.worldSize,
      bytes: 4 * COUNT,
    });
    const x = comm.tensor('f32', [COUNT], new Float64Array(COUNT));
    const one = comm.tensor('f32', [COUNT], new Float64Array(COUNT).fill(1));
    for (let i = 0; i < ROUNDS; i++) {
      for (const { name } of algorithms) {
        session.skew();
        comm.allReduce(x, { op: 'avg', algorithm: name });
        comm.add(x, one, x);
      }
    }
    const expected = ROUNDS * algorithms.length;
    const wrong = x.read().find((value) => value !== expected);
    session.check(
      `${before} before`,
      wrong === undefined ? undefined : `counted to ${wrong}, not to ${expected}`,
    );
    comm.close();
  }
  return session.report();
}

function open(group: Group, firstEpoch: number): Communicator {
  return new Communicator(createCpuEngine(group, { firstEpoch, arenaBytes: 65536 }), undefined, () => {});
}
