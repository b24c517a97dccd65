/** @file However a rank fails, there is one error, soon, that names it; and every other rank has ended. */
import { describe, expect, test } from 'vitest';
import { CrossoverError, MismatchError, RankError } from '../../dist/errors.js';
import { launch } from '../../dist/group/launch.js';
import { program } from '../support/program.ts';
import type { Fault } from './programs/fail.ts';

const PROGRAM = program('./programs/fail.ts', import.meta.url);
const BOUND = 1;

/** The error of a group in which one rank fails, and how many seconds it took. */
async function failing(
  how: Fault['how'],
  rank = 1,
  ranks = 3,
  after = 2,
  entry = PROGRAM,
): Promise<{ error: Error; seconds: number }> {
  const start = performance.now();
  const data: Fault = { rank, after, how };
  const error: unknown = await launch(entry, { ranks, data, timeoutSeconds: BOUND }).catch((e) => e);
  expect(error).toBeInstanceOf(CrossoverError);
  expect((error as Error).message).not.toContain('\n');
  return { error: error as Error, seconds: (performance.now() - start) / 1000 };
}

/** Starting threads is slow on a busy machine and not part of the bound. */
const STARTING = 3;

describe('a rank that ends', () => {
  test.each<[Fault['how'], string | RegExp]>([
    ['throw', 'rank 1 threw: what went wrong'],
    ['throw a string', 'rank 1 threw: just text'],
    ['throw undefined', 'rank 1 threw: undefined'],
    ['reject', 'rank 1 threw: rejected'],
    ['reject unhandled', 'rank 1 threw: nobody listens'],
    ['throw in a timer', 'rank 1 threw: from a timer'],
    ['exit 0', 'rank 1 exited with code 0 before it finished'],
    ['exit 7', 'rank 1 exited with code 7 before it finished'],
    ['never settle', 'rank 1 never finished: it awaits something that nothing is left to bring about'],
    [
      'send a function',
      /^rank 1 threw: gather: the value cannot be sent to other ranks: .* could not be cloned/,
    ],
    [
      'return a function',
      /^rank 1 threw: the value it returned cannot be sent to the launcher: .* could not be cloned/,
    ],
    ['return', 'rank 1 finished while others need it; ranks 0, 2 wait in barrier #3'],
  ])('%s', async (how, message) => {
    const { error, seconds } = await failing(how);
    expect(error).toBeInstanceOf(RankError);
    expect((error as RankError).rank).toBe(1);
    if (typeof message === 'string') expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
    expect(seconds).toBeLessThan(BOUND + 2 + STARTING);
  });

  test('the error keeps what was thrown as its cause, with its name, stack and causes', async () => {
    // Lines of TypeScript are where they are in the source.
    const source = new URL('./programs/fail.ts', import.meta.url);
    const cause = (await failing('throw', 1, 3, 2, source)).error.cause as Error;
    expect(cause).toMatchObject({ name: 'TypeError', message: 'what went wrong\nin two lines' });
    expect(cause.stack).toContain('fail.ts:');
    expect(cause.cause).toMatchObject({ name: 'RangeError', message: 'why' });
  });

  test('any rank, at any moment', async () => {
    for (const [rank, ranks, after] of [
      [0, 1, 0],
      [0, 2, 0],
      [7, 8, 0],
      [3, 4, 50],
    ] as const) {
      expect((await failing('throw', rank, ranks, after)).error).toMatchObject({ rank });
    }
  });
});

describe('a rank that hangs', () => {
  test.each<Fault['how']>(['loop', 'atomics wait', 'wasm loop', 'wasm wait'])('%s', async (how) => {
    const { error, seconds } = await failing(how);
    expect(error).toBeInstanceOf(RankError);
    expect(error.message).toMatch(
      /^rank 1 stopped answering: nothing for 1\.\d s after barrier #2; ranks 0, 2 wait in barrier #3$/,
    );
    expect(seconds).toBeGreaterThan(BOUND);
    expect(seconds).toBeLessThan(BOUND + 2 + STARTING);
  });

  test.each([
    [0, 1],
    [5, 8],
  ])('before its first call: rank %i of %i', async (rank, ranks) => {
    const { error } = await failing('loop', rank, ranks, 0);
    expect(error.message).toMatch(
      new RegExp(`^rank ${rank} stopped answering: nothing for 1\\.\\d s after its start`),
    );
  });
});

describe('ranks that do not agree', () => {
  test('on the call: every rank is told at once', async () => {
    const { error } = await failing('other call');
    expect(error.message).toMatch(
      /^rank [012] threw: ranks disagree: ranks 0, 2 call barrier; rank 1 calls broadcast from rank 0$/,
    );
    expect(error.cause).toBeInstanceOf(MismatchError);
  });

  test('and wait for each other for ever', async () => {
    const { error } = await failing('wait elsewhere');
    expect(error).toBeInstanceOf(MismatchError);
    expect(error.message).toMatch(
      /^ranks wait for each other for 1\.\d s; ranks 0, 2 wait in barrier #3; rank 1 waits in replay #1$/,
    );
  });
});
