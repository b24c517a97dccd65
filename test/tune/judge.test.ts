/** @file Sizes at which a plan is judged: none at which its choice cannot run, or a tuning that is all but done would end in an error. */
import { expect, test } from 'vitest';
import type { Communicator } from '../../dist/collective/communicator.js';
import { makePlanEntry } from '../../dist/plan/entry.js';
import { judge, type Tuned } from '../../dist/tune/judge.js';
import { Budget, type Sweep } from '../../dist/tune/sweep.js';
import { described } from '../collective/support/described.ts';
import { keyOf } from '../collective/support/plans.ts';
import { curve } from '../plan/samples.ts';

const MIB = 2 ** 20;

test('a choice that the mailboxes end is judged where it runs, and nowhere else', () => {
  // The halves of the gap meet at 32 MiB, and mailboxes of two ranks hold 16.
  const entry = makePlanEntry(keyOf(2, 'all_reduce'), [
    curve('one_shot_push', { [8 * MIB]: 1 }),
    curve('two_shot_staged', { [128 * MIB]: 2 }),
  ]);
  const asked: number[] = [];
  const time = (bytes: number, { algorithm }: { algorithm: string }): [] => {
    if (algorithm === 'one_shot_push') asked.push(bytes);
    return [];
  };
  const comm = { engine: described(2), group: { broadcast: (value: unknown) => value } };
  const tuned: Tuned[] = Array.from({ length: 20 }, () => ({ sweep: { time } as unknown as Sweep, entry }));
  let state = 0;
  judge(comm as unknown as Communicator, tuned, new Budget(1, 1), () => (state = (state + 0.37) % 1));
  expect(asked.length).toBeGreaterThan(0);
  expect(Math.max(...asked)).toBeLessThanOrEqual(16 * MIB);
});
