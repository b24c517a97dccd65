/** @file Who may take part in a group of several hosts, and who is turned away without harm. */
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { checkHosts, type HostsOptions, parseAddress, readSecret } from '../../dist/group/hosts.js';
import { meetHosts } from '../../dist/group/rendezvous.js';
import { RESPONSE_BYTES } from '../../dist/group/seal.js';
import { freeAddress, reach, SECRET } from './support/network.ts';

let hosts: HostsOptions;
let lines: string[];

beforeEach(async () => {
  lines = [];
  hosts = { nodes: 2, node: 0, rendezvous: await freeAddress(), secret: SECRET };
  vi.spyOn(console, 'error').mockImplementation((line: string) => void lines.push(line));
});
afterEach(() => void vi.restoreAllMocks());

/** What a host finds, with its connections closed after the test. */
async function meet(
  node: number,
  change: Partial<HostsOptions> = {},
  ranks = 2,
  seconds = 20,
): Promise<number[]> {
  const sessions = await meetHosts({ ...hosts, node, ...change }, ranks, seconds);
  onTestFinished(() => sessions.forEach(({ socket }) => void socket.destroy()));
  return sessions.map((session) => session.node);
}

/** A host that comes waits for a rank's process to tell it to start, and these tests have none: it ends with an error in any case. */
async function come(node: number, change: Partial<HostsOptions> = {}, ranks = 2): Promise<string> {
  return await meet(node, change, ranks, 2).then(String, (error: Error) => error.message);
}

describe('the listener', () => {
  test('returns when all have come, in their order, whoever was first', async () => {
    for (const node of [3, 1, 2]) void come(node, { nodes: 4 });
    expect(await meet(0, { nodes: 4 })).toEqual([1, 2, 3]);
    expect(lines).toEqual([]);
  });

  test('waits as long as no timer can', async () => {
    const met = meet(0, {}, 2, 1e7);
    void come(1);
    expect(await met).toEqual([1]);
  });

  test('turns strangers away with a line each, and goes on', async () => {
    const met = meet(0);
    const strangers: [what: string, (socket: Socket) => void][] = [
      ['garbage', (socket) => void socket.write(Buffer.alloc(RESPONSE_BYTES, 7))],
      ['HTTP', (socket) => void socket.write(`GET / HTTP/1.1\r\nHost: ${'x'.repeat(200)}\r\n\r\n`)],
      ['a flood', (socket) => void socket.write(Buffer.alloc(10_000_000))],
      ['nothing', () => {}],
      ['half of it', (socket) => void socket.write(Buffer.alloc(RESPONSE_BYTES - 1))],
      ['a byte now and then', (socket) => void drip(socket)],
      ['good-bye', (socket) => void socket.end()],
      ['a reset', (socket) => void socket.resetAndDestroy()],
    ];
    const started = performance.now();
    await Promise.all(
      strangers.map(async ([, act]) => {
        const socket = await reach(hosts.rendezvous);
        const closed = new Promise<void>((done) => void socket.once('close', () => done()));
        socket.on('error', () => {}).resume();
        act(socket);
        await closed;
      }),
    );
    expect(performance.now() - started).toBeLessThan(9000);
    await vi.waitFor(() => expect(lines).toHaveLength(strangers.length), 2000);
    for (const line of lines) {
      expect(line).toMatch(
        /^crossover: refused (127\.0\.0\.1:\d+|a connection): (it does not know the secret|nothing came for 5\.0 s|the connection was closed)$/,
      );
    }
    void come(1);
    expect(await met).toEqual([1]);
  });

  test('does not show every refusal of a scan', async () => {
    const met = meet(0);
    for (let i = 0; i < 60; i++) {
      const socket = await reach(hosts.rendezvous);
      const closed = new Promise<void>((done) => void socket.once('close', () => done()));
      socket
        .on('error', () => {})
        .resume()
        .end();
      await closed;
    }
    await vi.waitFor(() => expect(lines).toHaveLength(20));
    expect(lines.at(-1)).toContain('; further refusals are not shown');
    void come(1);
    expect(await met).toEqual([1]);
  });

  test.each<[Partial<HostsOptions>, number, RegExp]>([
    [{ secret: 'a secret of other tests' }, 2, /could not join .*closed; is the secret the same/],
    [{ nodes: 3 }, 2, /refused node 1: it says that there are 3 nodes, and here it is 2$/],
    [{}, 3, /refused node 1: it has 3 ranks, and all hosts need the same number, 2$/],
  ])('refuses %j with %i ranks, and says why to those who know the secret', async (change, ranks, why) => {
    const met = meet(0);
    expect(await come(1, change, ranks)).toMatch(why);
    expect(lines).toHaveLength(1);
    void come(1);
    expect(await met).toEqual([1]);
  });

  test('refuses a second host of the same number, unless the first has gone', async () => {
    const met = meet(0, { nodes: 3 });
    const [first, second] = await Promise.all([come(1, { nodes: 3 }), come(1, { nodes: 3 })]);
    expect([first, second].filter((text) => text.includes('and that has come already'))).toHaveLength(1);
    void come(1, { nodes: 3 });
    void come(2, { nodes: 3 });
    expect(await met).toEqual([1, 2]);
  });

  test('does not wait for ever, and says who is missing', async () => {
    const waiting = meet(0, { nodes: 4 }, 2, 1);
    void come(2, { nodes: 4 });
    await expect(waiting).rejects.toThrow(
      `node 1, 3 of 4 did not come to ${hosts.rendezvous} within 1 s; start it with --node`,
    );
  });

  test('says that it cannot listen', async () => {
    const server = createServer().listen(Number(hosts.rendezvous.split(':')[1]), '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    await expect(meet(0)).rejects.toThrow(/^node 0 cannot listen at 127.*EADDRINUSE/);
  });
});

describe('a host that comes', () => {
  test('gives up when nobody listens', async () => {
    await expect(meet(1, {}, 2, 1)).rejects.toThrow(
      /^node 1 cannot reach node 0 at .* within 1 s: .*REFUSED/,
    );
  });

  test.each([
    [
      'garbage',
      (socket: Socket) => void socket.write(Buffer.alloc(1000, 65)),
      'no rendezvous of this version',
    ],
    ['good-bye', (socket: Socket) => void socket.end(), 'the connection was closed'],
  ])('does not trust %s', async (_, act, why) => {
    const server = createServer((socket) => act(socket.on('error', () => {})));
    onTestFinished(() => void server.close());
    server.listen(Number(hosts.rendezvous.split(':')[1]), '127.0.0.1');
    await expect(meet(1)).rejects.toThrow(why);
  });
});

describe('options', () => {
  test.each([
    ['10.0.0.1:29500', { host: '10.0.0.1', port: 29500 }],
    ['[fd00::1]:80', { host: 'fd00::1', port: 80 }],
    ['head:1', { host: 'head', port: 1 }],
  ])('%s', (text, address) => expect(parseAddress(text)).toEqual(address));

  test.each(['', ':80', 'host', 'host:', 'host:0', 'host:65536', 'host:8x', 'fd00::1:80'])('%j', (text) => {
    expect(() => parseAddress(text)).toThrow(`rendezvous is "${text}"; use host:port`);
  });

  test.each<[Partial<HostsOptions>, string]>([
    [{ nodes: 1 }, 'nodes is 1; several hosts are 2 to 64'],
    [{ nodes: 65 }, 'nodes is 65;'],
    [{ node: 2 }, 'node is 2; 2 nodes are 0 to 1'],
    [{ node: -1 }, 'node is -1;'],
    [{ rendezvous: 'x' }, 'rendezvous is "x"'],
    [{ secret: 'short' }, 'the secret has 5 characters; use 16 or more'],
  ])('%j is refused', (change, message) => {
    expect(() => checkHosts({ ...hosts, ...change })).toThrow(message);
  });

  test('a secret comes from a file that only its owner may read', () => {
    const folder = mkdtempSync(joinPath(tmpdir(), 'crossover-secret-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = joinPath(folder, 'secret');
    writeFileSync(file, `${SECRET}\n`, { mode: 0o600 });
    expect(readSecret(file)).toBe(SECRET);
    for (const mode of [0o640, 0o604, 0o660]) {
      chmodSync(file, mode);
      expect(() => readSecret(file)).toThrow(`(mode ${mode.toString(8)}); run: chmod 600 ${file}`);
    }
    expect(() => readSecret(joinPath(folder, 'none'))).toThrow(/ENOENT/);
  });

  test('or from the environment', () => {
    vi.stubEnv('CROSSOVER_SECRET', SECRET);
    expect(readSecret(undefined)).toBe(SECRET);
    vi.stubEnv('CROSSOVER_SECRET', '');
    expect(() => readSecret(undefined)).toThrow('set CROSSOVER_SECRET');
    vi.unstubAllEnvs();
  });
});

async function drip(socket: Socket): Promise<void> {
  while (!socket.destroyed) {
    socket.write('x');
    await new Promise((done) => setTimeout(done, 300));
  }
}
