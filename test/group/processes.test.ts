/** @file Ranks that are processes do what ranks that are threads do. */
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { launch } from '../../dist/group/launch.js';
import { program as programOf } from '../support/program.ts';
import type { Description } from './programs/describe.mts';

const program = (name: string): URL => programOf(`./programs/${name}`, import.meta.url);
const processes = true;

function setEnvironment(name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  onTestFinished(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

describe('launch', () => {
  test.each([1, 3])('%i processes know who they are and get arguments and data', async (ranks) => {
    const options = { ranks, processes, args: ['a', '--b=1'], data: { name: 'n' } };
    expect(await launch<Description>(program('about.ts'), options)).toEqual(
      Array.from({ length: ranks }, (_, rank) => ({
        rank,
        size: ranks,
        spins: expect.any(Number),
        args: ['a', '--b=1'],
        argv: ['a', '--b=1'],
        name: 'n',
      })),
    );
  });

  test('each is a process of its own, and is not told the secret', async () => {
    setEnvironment('CROSSOVER_SECRET', 'of hosts, not of ranks');
    const found = await launch<Record<string, unknown>>(program('environment.ts'), { ranks: 2, processes });
    expect(new Set([process.pid, ...found.map(({ pid }) => pid)]).size).toBe(3);
    for (const [rank, environment] of found.entries()) {
      expect(environment).toMatchObject({
        kind: 'processes',
        localRank: rank,
        localSize: 2,
        CROSSOVER_RANK: `${rank}`,
        CROSSOVER_LOCAL_RANK: `${rank}`,
        CROSSOVER_WORLD_SIZE: '2',
        NCCL_NVLS_ENABLE: '0',
      });
      expect(environment).not.toHaveProperty('CROSSOVER_SECRET');
    }
  });

  test('multicast stays what the user said', async () => {
    setEnvironment('NCCL_NVLS_ENABLE', '2');
    expect(await launch(program('environment.ts'), { ranks: 1, processes })).toMatchObject([
      { NCCL_NVLS_ENABLE: '2' },
    ]);
  });

  test('data that cannot be cloned is refused, shared memory too', async () => {
    for (const data of [() => 1, new SharedArrayBuffer(4)]) {
      await expect(launch(program('about.ts'), { ranks: 2, processes, data })).rejects.toThrow(
        /^cannot start rank 0: .*could not be cloned/,
      );
    }
  });

  test('the CPU engine says that it serves threads only', async () => {
    await expect(launch(program('engine.ts'), { ranks: 2, processes })).rejects.toThrow(
      /^rank [01] threw: the CPU engine serves threads of one process: .* use --device cuda$/,
    );
  });

  test('two groups at once do not disturb each other', async () => {
    const groups = [2, 3].map((ranks) => launch<Description>(program('about.ts'), { ranks, processes }));
    expect((await Promise.all(groups)).map((about) => about.length)).toEqual([2, 3]);
  });
});

describe('values between processes', () => {
  test('arrive as they were', async () => {
    expect(await launch(program('values.ts'), { ranks: 3, processes })).toEqual(new Array(3).fill('equal'));
  });

  test('shared memory is refused on the rank that sends it', async () => {
    const data = [{ kind: 'share' }];
    await expect(launch(program('script.mjs'), { ranks: 2, processes, data })).rejects.toThrow(
      'broadcast: the value cannot be sent to other ranks: #<SharedArrayBuffer> could not be cloned',
    );
  });

  test('any sequence of calls gives every rank the same, right values', async () => {
    const value = fc.oneof(fc.constant(undefined), fc.string(), fc.double(), fc.uint8Array());
    const step = fc.oneof(
      fc.constant({ kind: 'barrier' }),
      fc.record({ kind: fc.constant('broadcast'), root: fc.nat(), value }),
      fc.record({ kind: fc.constant('gather'), value }),
    );
    const steps = fc.sample(fc.array(step, { minLength: 500, maxLength: 500 }), { numRuns: 1 })[0]!;
    const ranks = 4;
    const expected = steps.flatMap((s): unknown[] => {
      if (!('value' in s)) return [];
      if (s.kind === 'broadcast') return [s.value];
      return [Array.from({ length: ranks }, (_, rank) => [rank, s.value])];
    });
    const results = await launch(program('script.mjs'), { ranks, processes, data: steps });
    expect(results).toEqual(new Array(ranks).fill(expected));
  });
});

test.each([
  [2, 1000],
  [5, 300],
])('no rank of %i passes a barrier early, %i times', async (ranks, rounds) => {
  type Times = [came: bigint, left: bigint][];
  const times = await launch<Times>(program('clock.ts'), { ranks, processes, args: [`${rounds}`] });
  for (let round = 0; round < rounds; round++) {
    const last = times.map((rank) => rank[round]![0]).reduce((a, b) => (a > b ? a : b));
    for (const rank of times) expect(rank[round]![1]).toBeGreaterThanOrEqual(last);
  }
});

describe('descriptors', () => {
  test.each([1, 2, 4])('%i ranks exchange them', async (ranks) => {
    const options = { ranks, processes, args: ['20'] };
    expect(await launch(program('descriptors.ts'), options)).toEqual(new Array(ranks).fill('equal'));
  });

  test('threads need not and may not', async () => {
    await expect(launch(program('descriptors.ts'), { ranks: 2, args: ['1'] })).rejects.toThrow(
      'descriptors are exchanged between processes of one host, and these ranks are threads',
    );
  });
});
