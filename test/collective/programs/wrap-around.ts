/**
 * @file The counters that ranks synchronize by are 32 bits wide. Starts them just before they wrap around, at every distance that puts the
 * wrap into another place of the sequence, and counts as counting.ts does.
 */
import { algorithmsOf } from '../../../dist/collective/catalog.js';
import { Communicator } from '../../../dist/collective/communicator.js';
import { createCpuEngine } from '../../../dist/engine/cpu/engine.js';
import type { Group } from '../../../dist/group/group.js';
import { type Report, Session } from '../support/session.ts';

const ROUNDS = 4;

export default function wrapAround(group: Group): Report {
  const session = new Session(open(group, 0), 17);
  const algorithms = algorithmsOf('all_reduce');
  for (let before = 1; before <= 30; before++) {
    const comm = open(group, 2 ** 32 - before);
    const x = comm.tensor('f32', [100], new Float64Array(100));
    const one = comm.tensor('f32', [100], new Float64Array(100).fill(1));
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
