/** @file Connections as strangers and other hosts make them. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { CHALLENGE_BYTES, respond, Seal } from '../../../dist/group/seal.js';

export const SECRET = 'a secret for tests only';

/** An address that nobody listens at. */
export async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}

/** Connects as soon as somebody listens. */
export async function reach(address: string): Promise<Socket> {
  const [host, port] = address.split(':');
  for (;;) {
    const socket = connect(Number(port), host);
    onTestFinished(() => void socket.destroy());
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).on('error', () => resolve(false));
    });
    if (connected) return socket;
    await new Promise((done) => setTimeout(done, 20));
  }
}

export async function read(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const chunk = socket.read(bytes) as Buffer | null;
    if (chunk) return chunk;
    await once(socket, 'readable');
  }
}

/** Joins as node 1 of 2 with one rank each, and waits for the start. */
export async function join(address: string): Promise<{ socket: Socket; seal: Seal }> {
  const socket = await reach(address);
  const claim = { node: 1, nodes: 2, ranks: 1 };
  const [response, keys] = respond(Buffer.from(SECRET), await read(socket, CHALLENGE_BYTES), claim);
  socket.write(response);
  // "start", sealed.
  await read(socket, 12 + 5 + 32);
  return { socket, seal: new Seal(keys) };
}
