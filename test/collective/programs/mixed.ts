/**
 * @file Hundreds of random collectives one after the other: all of them end, and leave the same on all ranks.
 */
import type { Group } from '../../../dist/group/group.js';
import { elements } from '../support/data.ts';
import type { ProgramData } from '../support/engines.ts';
import { type Report, Session } from '../support/session.ts';
import { randomStep } from '../support/steps.ts';

export interface MixedOptions {
  readonly steps: number;
}

export default function mixed(group: Group, _args: string[], data: ProgramData<MixedOptions>): Report {
  const session = Session.open(group, data, 18);
  const { comm } = session;
  const size = 700;
  const whole = size * comm.worldSize;
  const tensors = [0, 1, 2, 3].map((i) =>
    comm.empty('bf16', [whole]).writeBytes(elements('bf16', whole, 'normal', i * 100 + comm.rank)),
  );
  for (let i = 0; i < data.options.steps; i++) {
    if (i % 10 === 0) session.skew();
    randomStep(session, 'bf16', size)(comm, tensors);
  }
  for (const [i, x] of tensors.entries()) {
    comm.allReduce(x, { op: 'max' });
    session.sameOnAllRanks(`tensor ${i}`, 'bf16', x.readBytes());
  }
  return session.report();
}
