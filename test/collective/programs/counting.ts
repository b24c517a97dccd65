/**
 * @file A sequence that counts: every replay has to add exactly 1 for each of its collectives, on every rank and in every element. A rank
 * that read what a peer had before, or has only after, would be off by a part of that, and stay so.
 */
import type { Group } from '../../../dist/group/group.js';
import { dependable } from '../support/cases.ts';
import type { ProgramData } from '../support/engines.ts';
import { type Report, Session } from '../support/session.ts';

export interface CountingOptions {
  readonly replays: number;
}

const COUNT = 100;

export default function counting(group: Group, _args: string[], data: ProgramData<CountingOptions>): Report {
  const session = Session.open(group, data, 16);
  const { comm } = session;
  const { replays } = data.options;
  const x = comm.tensor('f32', [COUNT], new Float64Array(COUNT));
  const average = comm.empty('f32', [COUNT]);
  const one = comm.tensor('f32', [COUNT], new Float64Array(COUNT).fill(1));
  const algorithms = dependable(comm, {
    operation: 'all_reduce',
    dtype: 'f32',
    worldSize: comm.worldSize,
    bytes: 4 * COUNT,
  });
  const body = (): void => {
    for (const { name } of algorithms) {
      comm.allReduce(x, { op: 'avg', out: average, algorithm: name });
      comm.add(average, one, x);
    }
  };
  const recording = comm.capture(body);
  const pieces = 200;
  for (let i = 0; i < pieces; i++) {
    session.skew();
    recording.replay(replays / pieces);
  }
  const expected = replays * algorithms.length;
  const wrong = x.read().find((value) => value !== expected);
  session.check(
    `x${comm.worldSize}`,
    wrong === undefined ? undefined : `counted to ${wrong}, not to ${expected}`,
  );
  return session.report();
}
