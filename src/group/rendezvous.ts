/**
 * @file How hosts find each other: the launcher of host 0 listens, those of the others connect, and both sides prove that they know the
 * secret (seal.ts). What comes of it are connections between the first ranks of the hosts.
 *
 * Whoever can reach the port can connect. A stranger gets a nonce and a few seconds, can make the listener read no more than a response
 * is long, and is refused with one line. Nothing is parsed that is not authentic.
 */
import { createServer, connect as openConnection, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { CrossoverError } from '../errors.ts';
import { type Address, type HostsOptions, parseAddress } from './hosts.ts';
import { readExactly, waitToEnd } from './read-exactly.ts';
import {
  CHALLENGE_BYTES,
  type Claim,
  HEADER_BYTES,
  makeChallenge,
  RESPONSE_BYTES,
  respond,
  Seal,
  type SessionKeys,
  START,
  TRAILER_BYTES,
  verify,
} from './seal.ts';

/** A connection to another host. Its socket is for a rank's process: nothing behind the handshake has been read from it. */
export interface Session {
  readonly socket: Socket;
  readonly node: number;
  /** Where that is. */
  readonly at: string;
  readonly keys: SessionKeys;
  /** Frames that went over it already. */
  readonly sent: number;
  readonly received: number;
}

const HANDSHAKE_MS = 5000;
const RETRY_MS = 200;
/** Connections that have not yet proved anything. */
const MAX_STRANGERS = 128;
/** Refusals that are shown. */
const MAX_LINES = 20;
const MAX_REFUSAL_BYTES = 1024;
const KEEP_ALIVE_MS = 10_000;
/** 24 days. Timers of more milliseconds than an Int32 holds fire at once. */
const MAX_SECONDS = (2 ** 31 - 1) / 1000;

/**
 * Returns when all hosts have come: on host 0 its connections to the others, in their order, and on the others that to host 0.
 * `seconds` is how long to wait; 0, and what no timer can wait, for no bound. @throws CrossoverError
 */
export async function meetHosts(hosts: HostsOptions, ranks: number, seconds: number): Promise<Session[]> {
  const isBounded = seconds > 0 && seconds <= MAX_SECONDS;
  const deadline = isBounded ? performance.now() + 1000 * seconds : Number.POSITIVE_INFINITY;
  return hosts.node === 0
    ? await new Listener(hosts, ranks).gather(deadline, seconds)
    : [await join(hosts, ranks, deadline, seconds)];
}

class Listener {
  readonly #hosts: HostsOptions;
  readonly #ranks: number;
  readonly #secret: Buffer;
  readonly #sessions: Map<number, Session> = new Map();
  readonly #strangers: Set<Socket> = new Set();
  #lines = 0;
  #onCome: () => void = () => {};

  constructor(hosts: HostsOptions, ranks: number) {
    this.#hosts = hosts;
    this.#ranks = ranks;
    this.#secret = Buffer.from(hosts.secret);
  }

  async gather(deadline: number, seconds: number): Promise<Session[]> {
    const { nodes, rendezvous } = this.#hosts;
    const { host, port } = parseAddress(rendezvous);
    const server = createServer((socket) => void this.#receive(socket));
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((all, fail) => {
        this.#onCome = () => this.#sessions.size === nodes - 1 && all();
        server.on('error', (error) => {
          fail(new CrossoverError(`node 0 cannot listen at ${rendezvous}: ${error.message}`));
        });
        server.listen(port, host);
        if (deadline === Number.POSITIVE_INFINITY) return;
        timer = setTimeout(() => fail(this.#missing(seconds)), deadline - performance.now());
      });
      return [...this.#sessions.values()].sort((a, b) => a.node - b.node);
    } catch (error) {
      for (const { socket } of this.#sessions.values()) socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
      server.close();
      for (const socket of this.#strangers) socket.destroy();
    }
  }

  async #receive(socket: Socket): Promise<void> {
    // Who has gone already has no address.
    const { remoteAddress, remotePort } = socket;
    const at = remoteAddress === undefined ? 'a connection' : `${remoteAddress}:${remotePort}`;
    const refuse = (why: string): void => {
      socket.destroy();
      this.#tell(at, why);
    };
    socket.on('error', () => {});
    if (this.#strangers.size >= MAX_STRANGERS) return refuse('too many connections at once');
    this.#strangers.add(socket);
    try {
      const challenge = makeChallenge();
      socket.write(challenge);
      const response = await readExactly(socket, RESPONSE_BYTES, HANDSHAKE_MS);
      const verified = verify(this.#secret, challenge, response);
      if (!verified) return refuse('it does not know the secret');
      const [claim, keys] = verified;
      const why = this.#objection(claim);
      if (why !== undefined) {
        socket.end(new Seal(keys).wrap(Buffer.from(why)));
        return this.#tell(at, why);
      }
      this.#accept(socket, claim.node, keys);
    } catch (error) {
      // Destroyed because everybody else has come.
      if (this.#strangers.has(socket)) refuse((error as Error).message);
    } finally {
      this.#strangers.delete(socket);
    }
  }

  #accept(socket: Socket, node: number, keys: SessionKeys): void {
    prepare(socket);
    this.#sessions.set(node, { socket, node, at: `${socket.remoteAddress}`, keys, sent: 0, received: 0 });
    // Until all have come, a host may give up and come again.
    waitToEnd(socket, () => this.#sessions.get(node)?.socket === socket && this.#sessions.delete(node));
    this.#onCome();
  }

  /** Why a host that knows the secret cannot be one of this group's. */
  #objection({ node, nodes, ranks }: Claim): string | undefined {
    const group = this.#hosts;
    if (nodes !== group.nodes) return `it says that there are ${nodes} nodes, and here it is ${group.nodes}`;
    if (ranks !== this.#ranks)
      return `it has ${ranks} ranks, and all hosts need the same number, ${this.#ranks}`;
    if (node < 1 || node >= nodes) return `it says that it is node ${node}; the others are 1 to ${nodes - 1}`;
    const other = this.#sessions.get(node);
    return other && `it says that it is node ${node}, and that has come already, from ${other.at}`;
  }

  #tell(at: string, why: string): void {
    if (++this.#lines > MAX_LINES) return;
    const last = this.#lines === MAX_LINES ? '; further refusals are not shown' : '';
    console.error(`crossover: refused ${at}: ${why}${last}`);
  }

  #missing(seconds: number): CrossoverError {
    const { nodes, rendezvous } = this.#hosts;
    const others = Array.from({ length: nodes - 1 }, (_, i) => i + 1);
    const missing = others.filter((node) => !this.#sessions.has(node)).join(', ');
    return new CrossoverError(
      `node ${missing} of ${nodes} did not come to ${rendezvous} within ${seconds} s; start it with --node and the same --nodes, --rendezvous and secret`,
    );
  }
}

async function join(hosts: HostsOptions, ranks: number, deadline: number, seconds: number): Promise<Session> {
  const { node, nodes, rendezvous } = hosts;
  const socket = await reach(parseAddress(rendezvous), deadline, (why) => {
    return new CrossoverError(
      `node ${node} cannot reach node 0 at ${rendezvous} within ${seconds} s: ${why}`,
    );
  });
  let authentic = false;
  try {
    const challenge = await readExactly(socket, CHALLENGE_BYTES, HANDSHAKE_MS);
    const [response, keys] = respond(Buffer.from(hosts.secret), challenge, { node, nodes, ranks });
    socket.write(response);
    const first = await readFrame(socket, new Seal(keys), deadline - performance.now());
    authentic = true;
    if (first !== START) throw new CrossoverError(`node 0 at ${rendezvous} refused node ${node}: ${first}`);
    prepare(socket);
    return { socket, node: 0, at: rendezvous, keys, sent: 0, received: 1 };
  } catch (error) {
    socket.destroy();
    if (authentic) throw error;
    throw new CrossoverError(
      `node ${node} could not join node 0 at ${rendezvous}: ${(error as Error).message}; is the secret the same, and does node 0 still run?`,
    );
  }
}

/** Tries until somebody answers: host 0 may be started last. */
async function reach(
  { host, port }: Address,
  deadline: number,
  fail: (why: string) => CrossoverError,
): Promise<Socket> {
  for (;;) {
    const left = deadline - performance.now();
    const result = await new Promise<Socket | Error>((resolve) => {
      const socket = openConnection({ host, port });
      const give = (error: Error): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(error);
      };
      const timer = setTimeout(() => give(new Error('no answer')), Math.max(1, Math.min(left, HANDSHAKE_MS)));
      socket.on('error', give);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', give);
        socket.on('error', () => {});
        resolve(socket);
      });
    });
    if (!(result instanceof Error)) return result;
    if (deadline - performance.now() <= RETRY_MS) throw fail(result.message);
    await pause(RETRY_MS);
  }
}

async function readFrame(socket: Socket, seal: Seal, ms: number): Promise<string> {
  const header = await readExactly(socket, HEADER_BYTES, ms);
  const length = seal.lengthOf(header, MAX_REFUSAL_BYTES);
  const payload = await readExactly(socket, length, HANDSHAKE_MS);
  seal.open(header, payload, await readExactly(socket, TRAILER_BYTES, HANDSHAKE_MS));
  return payload.toString();
}

/** Values are small and waited for; and a host that lost power sends no farewell. */
function prepare(socket: Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
}
