/** @file What ranks are given, what they give back, and what they can tell each other. */
import { availableParallelism } from 'node:os';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CrossoverError } from '../../dist/errors.js';
import { launch } from '../../dist/group/launch.js';
import { program as programOf } from '../support/program.ts';
import type { Description } from './programs/describe.mts';

/** What programs/script.mjs understands. */
type Step =
  | { kind: 'barrier' }
  | { kind: 'broadcast'; root: number; value: unknown }
  | { kind: 'gather'; value: unknown }
  | { kind: 'pause' };

const program = (name: string): URL => programOf(`./programs/${name}`, import.meta.url);

describe('launch', () => {
  test.each([1, 2, 3, 8])('%i ranks know who they are and get arguments and data', async (ranks) => {
    const about = await launch<Description>(program('about.ts'), {
      ranks,
      args: ['a', '--b=1'],
      data: { name: 'n' },
    });
    expect(about).toEqual(
      Array.from({ length: ranks }, (_, rank) => ({
        rank,
        size: ranks,
        spins: ranks > availableParallelism() ? 0 : expect.any(Number),
        args: ['a', '--b=1'],
        argv: ['a', '--b=1'],
        name: 'n',
      })),
    );
  });

  test('an entry can be a path from the current folder', async () => {
    expect(await launch('test/group/programs/about.ts', { ranks: 1 })).toMatchObject([{ rank: 0, args: [] }]);
  });

  test.each([0, -1, 65, 1.5, Number.NaN])('%d ranks are refused', async (ranks) => {
    await expect(launch(program('about.ts'), { ranks })).rejects.toThrow(
      `ranks is ${ranks}; a group has 1 to 64`,
    );
  });

  test.each([-1, Number.NaN])('a timeout of %d is refused', async (timeoutSeconds) => {
    await expect(launch(program('about.ts'), { ranks: 1, timeoutSeconds })).rejects.toThrow(CrossoverError);
  });

  test('a missing file, a folder and data that cannot be cloned are refused', async () => {
    await expect(launch('no/such.ts', { ranks: 2 })).rejects.toThrow(/^there is no file .*such\.ts to run$/);
    await expect(launch('test', { ranks: 2 })).rejects.toThrow(/^there is no file .*test to run$/);
    await expect(launch(program('about.ts'), { ranks: 2, data: () => 1 })).rejects.toThrow(
      /^cannot start rank 0: .*cloned/,
    );
  });

  test('a file without a default export is refused', async () => {
    await expect(launch('test/group/programs/describe.mts', { ranks: 1 })).rejects.toThrow(
      /^rank 0 threw: .*describe\.mts has no function as its default export/,
    );
  });

  test('two groups at once do not disturb each other', async () => {
    const groups = [2, 3].map((ranks) => launch<Description>(program('about.ts'), { ranks }));
    expect((await Promise.all(groups)).map((about) => about.length)).toEqual([2, 3]);
  });
});

describe('values between ranks', () => {
  test.each([1, 2, 5])('arrive as they were on %i ranks, and shared memory stays shared', async (ranks) => {
    expect(await launch(program('values.ts'), { ranks })).toEqual(new Array(ranks).fill('equal'));
  });

  test('any sequence of calls gives every rank the same, right values', async () => {
    const value = fc.oneof(
      fc.constant(undefined),
      fc.string(),
      fc.double(),
      fc.bigInt(),
      fc.array(fc.integer()),
      fc.uint8Array(),
    );
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.constant<Step>({ kind: 'barrier' }),
      fc.constant<Step>({ kind: 'pause' }),
      fc.record({ kind: fc.constant('broadcast' as const), root: fc.nat(), value }),
      fc.record({ kind: fc.constant('gather' as const), value }),
    );
    const expected = (steps: Step[], ranks: number): unknown[] =>
      steps.flatMap((s) => {
        if (s.kind === 'broadcast') return [s.value];
        return s.kind === 'gather' ? [Array.from({ length: ranks }, (_, rank) => [rank, s.value])] : [];
      });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.array(step, { maxLength: 60 }),
        async (ranks, steps) => {
          const results = await launch(program('script.mjs'), { ranks, data: steps });
          expect(results).toEqual(new Array(ranks).fill(expected(steps, ranks)));
        },
      ),
      { numRuns: 25 },
    );
  });
});
