/** @file However a rank that is a process fails, there is one error, soon, that names it; and no process is left. */
import { describe, expect, test } from 'vitest';
import { CrossoverError, MismatchError, RankError } from '../../dist/errors.js';
import { launch } from '../../dist/group/launch.js';
import { program } from '../support/program.ts';
import type { Fault } from './programs/fail.ts';
import { type Ended, gone, type Started, start } from './support/command.ts';

const PROGRAM = program('./programs/fail.ts', import.meta.url);

describe('a process that fails', () => {
  test.each<[Fault['how'], string | RegExp]>([
    ['throw', 'rank 1 threw: what went wrong'],
    ['reject unhandled', 'rank 1 threw: nobody listens'],
    ['throw in a timer', 'rank 1 threw: from a timer'],
    ['exit 0', 'rank 1 exited with code 0 before it finished'],
    ['exit 7', 'rank 1 exited with code 7 before it finished'],
    ['never settle', 'rank 1 never finished: it awaits something that nothing is left to bring about'],
    [
      'return a function',
      /^rank 1 threw: the value it returned cannot be sent to the launcher: .* could not be cloned\.$/,
    ],
    ['return', 'rank 1 finished while others need it; ranks 0, 2 wait in barrier #3'],
    [
      'loop',
      /^rank 1 stopped answering: nothing for 1\.\d s after barrier #2; ranks 0, 2 wait in barrier #3$/,
    ],
    ['kill itself', 'rank 1 was ended by SIGKILL before it finished'],
    [
      'stop itself',
      /^rank 1 stopped answering: nothing for 1\.\d s after barrier #2; ranks 0, 2 wait in barrier #3$/,
    ],
  ])('%s', async (how, message) => {
    const data: Fault = { rank: 1, after: 2, how };
    const launched = launch(PROGRAM, { ranks: 3, processes: true, data, timeoutSeconds: 1 });
    const error: unknown = await launched.catch((e) => e);
    expect(error).toBeInstanceOf(RankError);
    const { rank, message: text } = error as RankError;
    expect(rank).toBe(1);
    if (typeof message === 'string') expect(text).toBe(message);
    else expect(text).toMatch(message);
  });

  test('keeps what was thrown as the cause', async () => {
    const data: Fault = { rank: 0, after: 0, how: 'throw' };
    const error: unknown = await launch(PROGRAM, { ranks: 1, processes: true, data }).catch((e) => e);
    expect((error as Error).cause).toMatchObject({ name: 'TypeError', cause: { name: 'RangeError' } });
  });

  test('calls something else: every rank is told', async () => {
    const data: Fault = { rank: 1, after: 2, how: 'other call' };
    const error: unknown = await launch(PROGRAM, { ranks: 3, processes: true, data }).catch((e) => e);
    expect(error).toBeInstanceOf(CrossoverError);
    expect((error as Error).message).toMatch(/ranks 0, 2 call barrier; rank 1 calls broadcast from rank 0$/);
    expect((error as Error).cause).toBeInstanceOf(MismatchError);
  });
});

/** Starts ranks that never end, and returns their process ids. */
async function endless(...args: string[]): Promise<Started & { ids: number[] }> {
  const started = start(['where.ts', '--processes', '--ranks', '3', '--timeout', '1', ...args]);
  const [list] = await started.says(/\[\d.*\]/);
  return { ...started, ids: JSON.parse(list) as number[] };
}

/** How the command ended, within some seconds of what was done to it; no rank is left then. */
async function end({ ended, ids }: { ended: Promise<Ended>; ids: number[] }, within: number): Promise<Ended> {
  const since = performance.now();
  const how = await ended;
  expect((performance.now() - since) / 1000).toBeLessThan(within);
  expect(await Promise.all(ids.map((id) => gone(id, 2000)))).toEqual([true, true, true]);
  return how;
}

describe('in the middle of a loop of barriers', () => {
  test.each([0, 2])('kill -9 of rank %i', async (rank) => {
    const group = await endless();
    process.kill(group.ids[rank]!, 'SIGKILL');
    const { code, error } = await end(group, 2);
    expect(code).toBe(1);
    expect(error).toContain(`error: rank ${rank} was ended by SIGKILL before it finished\n`);
  });

  test('kill -STOP', async () => {
    const group = await endless();
    process.kill(group.ids[1]!, 'SIGSTOP');
    const { code, error } = await end(group, 5);
    expect(code).toBe(1);
    expect(error).toMatch(
      /error: (rank 1 stopped answering: nothing for 1\.\d s after barrier #\d+; |ranks wait for each other|every rank has been in barrier)/,
    );
  });

  test.each(['meet', 'compute'])('Ctrl-C while ranks %s', async (what) => {
    const group = await endless(what);
    group.child.kill('SIGINT');
    const { signal } = await end(group, 2);
    expect(signal).toBe('SIGINT');
  });

  test.each(['meet', 'compute'])('kill -9 of the launcher while ranks %s', async (what) => {
    const group = await endless(what, '--timeout', '0');
    group.child.kill('SIGKILL');
    await end(group, 2);
  });
});
