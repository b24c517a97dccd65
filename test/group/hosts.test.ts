/** @file Groups of several hosts: two launchers here, which know nothing of each other but an address and a secret. */
import { describe, expect, test } from 'vitest';
import { RankError } from '../../dist/errors.js';
import { launch } from '../../dist/group/launch.js';
import { program as programOf } from '../support/program.ts';
import { type Ended, start } from './support/command.ts';
import { freeAddress, join, SECRET } from './support/network.ts';

const program = (name: string): URL => programOf(`./programs/${name}`, import.meta.url);

/** How the launchers of all nodes ended. */
async function together(nodes: number, ranks: number, args: string[]): Promise<Ended[]> {
  const rendezvous = await freeAddress();
  const common = ['--nodes', `${nodes}`, '--rendezvous', rendezvous, '--ranks', `${ranks}`, '--timeout=10'];
  const started = Array.from({ length: nodes }, (_, node) =>
    start([...common, '--node', `${node}`, ...args], { CROSSOVER_SECRET: SECRET }),
  );
  return await Promise.all(started.map(({ ended }) => ended));
}

describe('two hosts', () => {
  test('exchange values', async () => {
    const ended = await together(2, 2, ['--json', 'values.ts']);
    for (const { code, out, error } of ended) {
      expect({ code, error }).toEqual({ code: 0, error: '' });
      expect(JSON.parse(out)).toEqual(['equal', 'equal']);
    }
  });

  test('number their ranks one after the other', async () => {
    const ended = await together(2, 2, ['--json', 'environment.ts']);
    const found = ended.flatMap(({ out }) => JSON.parse(out) as Record<string, unknown>[]);
    expect(found).toMatchObject(
      [0, 1, 2, 3].map((rank) => ({
        kind: 'hosts',
        CROSSOVER_RANK: `${rank}`,
        CROSSOVER_WORLD_SIZE: '4',
        localRank: rank % 2,
        localSize: 2,
      })),
    );
    for (const environment of found) expect(environment).not.toHaveProperty('CROSSOVER_SECRET');
  });

  test('pass no barrier early', async () => {
    const ended = await together(2, 2, ['--json', 'clock.ts', '200']);
    const times = ended.flatMap(({ out }) => JSON.parse(out) as [string, string][][]);
    for (let round = 0; round < 200; round++) {
      const last = times.map((rank) => BigInt(rank[round]![0])).reduce((a, b) => (a > b ? a : b));
      for (const rank of times) expect(BigInt(rank[round]![1])).toBeGreaterThanOrEqual(last);
    }
  });

  test.each([
    ['3', 'throw', /rank 3 threw: what went wrong/, /the connection to node 1 at .*\(ranks 2, 3\) broke: /],
    [
      '0',
      'kill itself',
      /the connection to node 0 at .*\(ranks 0, 1\) broke: /,
      /rank 0 was ended by SIGKILL/,
    ],
    [
      '2',
      'other call',
      // A host that has found out ends, and its end may overtake what it sent.
      /ranks 0, 1, 3 call barrier; rank 2 calls|the connection to node 0 at .*\(ranks 0, 1\) broke: /,
      /ranks 0, 1, 3 call barrier; rank 2 calls/,
    ],
  ])('rank %s fails (%s), and both end with an error', async (rank, how, there, here) => {
    const [first, second] = await together(2, 2, ['fail.ts', rank, '3', how]);
    expect([first!.code, second!.code]).toEqual([1, 1]);
    expect(first!.error).toMatch(here);
    expect(second!.error).toMatch(there);
  });
});

/** Another host that the test plays, after the start. */
async function against(play: (other: Awaited<ReturnType<typeof join>>) => void): Promise<RankError> {
  const rendezvous = await freeAddress();
  const hosts = { nodes: 2, node: 0, rendezvous, secret: SECRET };
  const data = Array.from({ length: 5 }, () => ({ kind: 'barrier' }));
  const launched = launch(program('script.mjs'), { ranks: 1, hosts, data, timeoutSeconds: 2 });
  const failed = launched.then(
    () => new Error('it did not fail'),
    (error: Error) => error,
  );
  play(await join(rendezvous));
  return (await failed) as RankError;
}

/** What rank 1 sends in a barrier: its rank, the length, and the call. */
const BARRIER = Buffer.from([1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);

describe('a host that was let in and then', () => {
  test.each<[string, RegExp, Parameters<typeof against>[0]]>([
    [
      'replays a frame',
      /broke: a frame has number 0 where 1 is due; rank 0 needs it$/,
      ({ socket, seal }) => {
        const frame = seal.wrap(BARRIER);
        socket.write(Buffer.concat([frame, frame]));
      },
    ],
    [
      'sends what is not authentic',
      /broke: frame 0 is not authentic; rank 0 needs it$/,
      ({ socket, seal }) => {
        const frame = seal.wrap(BARRIER);
        frame[frame.length - 1]! ^= 1;
        socket.write(frame);
      },
    ],
    [
      'announces too much',
      /broke: a frame has 4294967295 bytes; at most 268435456 are accepted; rank 0 needs it$/,
      ({ socket, seal }) => {
        const frame = seal.wrap(BARRIER);
        frame.writeUInt32LE(0xffffffff, 0);
        socket.write(frame);
      },
    ],
    [
      'goes away',
      /^the connection to node 1 at 127\.0\.0\.1 \(rank 1\) broke: .*; rank 0 needs it$/,
      ({ socket }) => void socket.destroy(),
    ],
  ])('%s', async (_, message, play) => {
    const error = await against(play);
    expect(error).toBeInstanceOf(RankError);
    expect(error.rank).toBe(1);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
  });

  test('speaks for ranks that are not its own', async () => {
    const lie = Buffer.from(BARRIER);
    lie[0] = 0;
    const error = await against(({ socket, seal }) => void socket.write(seal.wrap(lie)));
    expect(error.message).toMatch(/a message of another rank is malformed/);
  });

  test('stops in the middle of a frame', async () => {
    const error = await against(({ socket, seal }) => void socket.write(seal.wrap(BARRIER).subarray(0, 20)));
    expect(error.message).toMatch(/^every rank has been in barrier #1 for 2\.\d s/);
  });
});

describe('options', () => {
  test.each([
    [['--nodes=2'], 'several hosts need --nodes, --node and --rendezvous; missing: --node, --rendezvous'],
    [['--nodes=2', '--node=2', '--rendezvous=h:1'], 'node is 2; 2 nodes are 0 to 1'],
    [['--nodes=2', '--node=1', '--rendezvous=h'], 'rendezvous is "h"; use host:port'],
    [['--nodes=two', '--node=1', '--rendezvous=h:1'], "option '--nodes <n>' argument 'two' is invalid"],
  ])('%j are refused in one line', async (args, message) => {
    const { code, error } = await start(['hello.mjs', ...args], { CROSSOVER_SECRET: SECRET }).ended;
    expect(code).toBe(1);
    expect(error).toContain(message);
    expect(error.trimEnd()).not.toContain('\n');
  });
});
