/**
 * @file A rank's end of a connection to another rank: blocking frames over a socket. Between processes of one host the kernel says who is
 * at the other end; between hosts every frame is sealed (seal.ts).
 */
import { CrossoverError } from '../errors.ts';
import { receiveAll, receiveDescriptors, sendAll, sendDescriptors } from '../ffi/libc.ts';
import { LostPeer } from './lost-peer.ts';
import { HEADER_BYTES, MAX_FRAME_BYTES, Seal, type SessionKeys, START, TRAILER_BYTES } from './seal.ts';

/** What a process needs to have a link. */
export interface LinkSetup {
  readonly fd: number;
  /** The ranks that are reached through it, the nearest first. */
  readonly ranks: readonly number[];
  /** "rank 1", or "node 1 at 10.0.0.2 (ranks 4-7)". */
  readonly name: string;
  /** For links between hosts. */
  readonly session?: { readonly keys: SessionKeys; readonly sent: number; readonly received: number };
}

/** A launcher sees why its ranks end, and ends the others; what a rank itself can say is worth less, and waits so long. */
const LAUNCHER_MS = 5000;
const ENDED = 'the other end was closed';
const LENGTH_BYTES = 4;
const UNSEALED_TRAILER = Buffer.alloc(0);

export class Link {
  readonly ranks: readonly number[];
  readonly #setup: LinkSetup;
  readonly #seal: Seal | undefined;

  constructor(setup: LinkSetup) {
    this.#setup = setup;
    this.ranks = setup.ranks;
    const { session } = setup;
    this.#seal = session && new Seal(session.keys, session.sent, session.received);
  }

  /** Lets the ranks of another host go on; nothing on this one. */
  start(): void {
    if (this.#seal) this.send(Buffer.from(START));
  }

  send(payload: Uint8Array): void {
    if (payload.length > MAX_FRAME_BYTES) {
      throw new CrossoverError(
        `values of ${payload.length} bytes are too much for ranks that are not threads; at most ${MAX_FRAME_BYTES} can be sent at once`,
      );
    }
    this.#attempt(() => {
      if (this.#seal) return sendAll(this.#setup.fd, this.#seal.wrap(payload));
      const header = Buffer.alloc(LENGTH_BYTES);
      header.writeUInt32LE(payload.length);
      sendAll(this.#setup.fd, header);
      sendAll(this.#setup.fd, payload);
    });
  }

  receive(): Buffer {
    return this.#attempt(() => {
      const header = this.#read(this.#seal ? HEADER_BYTES : LENGTH_BYTES);
      const length = this.#seal ? this.#seal.lengthOf(header, MAX_FRAME_BYTES) : header.readUInt32LE();
      const payload = this.#read(length);
      const trailer = this.#seal ? this.#read(TRAILER_BYTES) : UNSEALED_TRAILER;
      this.#seal?.open(header, payload, trailer);
      return payload;
    });
  }

  sendDescriptors(descriptors: readonly number[]): void {
    this.#attempt(() => sendDescriptors(this.#setup.fd, descriptors));
  }

  receiveDescriptors(count: number): number[] {
    return this.#attempt(() => receiveDescriptors(this.#setup.fd, count)) ?? this.#lost(ENDED);
  }

  #read(bytes: number): Buffer {
    const buffer = Buffer.allocUnsafe(bytes);
    if (!receiveAll(this.#setup.fd, buffer)) this.#lost(ENDED);
    return buffer;
  }

  #attempt<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (error instanceof LostPeer || !(error instanceof CrossoverError)) throw error;
      return this.#lost(error.message);
    }
  }

  #lost(why: string): never {
    if (!this.#seal) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAUNCHER_MS);
    const { ranks, name } = this.#setup;
    throw new LostPeer(ranks[0]!, `the connection to ${name} broke: ${why}`);
  }
}
