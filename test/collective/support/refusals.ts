/**
 * @file Tables of calls that have to be refused. Every rank makes every call; none of them may reach the engine, so ranks need not be in step.
 */
import { throwing } from './expect.ts';
import type { Report, Session } from './session.ts';

/** A call, and a part of the message that it has to be refused with. */
export type Refusal = readonly [message: string | RegExp, call: () => unknown];

/** Runs the table, and then a right call, which has to find everything in order. */
export function refuseAll(session: Session, refusals: readonly Refusal[]): Report {
  for (const [message, call] of refusals) session.check(String(message), throwing(call, message));
  const { comm } = session;
  const x = comm.tensor('f32', [3], [1, 2, 3]);
  comm.allReduce(x);
  const [sum] = x.read();
  session.check('a right call', sum === comm.worldSize ? undefined : `gives ${sum}`);
  return session.report();
}
