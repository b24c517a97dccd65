/** @file Timing: what comes back is well formed, and the same on all ranks. How long anything takes is nobody's test. */
import { expect, test } from 'vitest';
import { launch } from '../../dist/group/launch.js';
import { program } from '../support/program.ts';
import type { Timed } from './programs/time.ts';

const PROGRAM = program('./programs/time.ts', import.meta.url);

test.each([2, 3])('%i ranks agree on positive times of every contender, in their order', async (ranks) => {
  const [first, ...others] = await launch<Timed[]>(PROGRAM, { ranks });
  for (const other of others) expect(other).toEqual(first);
  expect(first!.map(({ title, names }) => [title, names])).toEqual([
    ['all_reduce eager', ['one_shot', 'two_shot', 'two_shot_pull', 'ring']],
    ['all_reduce replay', ['one_shot', 'two_shot', 'two_shot_pull', 'ring']],
    ['all_reduce_rms_norm replay', ['one_shot', 'two_shot', 'unfused_two_shot']],
  ]);
  for (const { times } of first!) {
    for (const { median, low, high, spread, samples } of times) {
      expect(Number.isFinite(high)).toBe(true);
      expect(low).toBeGreaterThan(0);
      expect(median).toBeGreaterThanOrEqual(low);
      expect(high).toBeGreaterThanOrEqual(median);
      expect(spread).toBeGreaterThanOrEqual(0);
      expect(samples).toBeGreaterThanOrEqual(7);
    }
  }
});
