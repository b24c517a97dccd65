/**
 * @file What makes a connection between hosts trustworthy: a challenge and a response that prove the shared secret, keys that hold
 * for this one connection, and frames that carry their number and a MAC, so that none can be forged, replayed, reordered or dropped.
 * Values are authenticated, not encrypted: they are sizes and times, not data of users.
 *
 *   listener -> comer   MAGIC, nonce                       a scanner learns no more than that
 *   comer -> listener   nonce, node, nodes, ranks, HMAC    over both nonces and the numbers: the comer knows the secret
 *   listener -> comer   the first frame: START or why not  sealed with a key of this connection: so does the listener
 */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { CrossoverError } from '../errors.ts';

/** The number is the protocol's: it changes when anything here does. */
export const MAGIC: Buffer = Buffer.from('crossover rendezvous 1\n');
export const NONCE_BYTES = 32;
export const CHALLENGE_BYTES: number = MAGIC.length + NONCE_BYTES;
const NUMBERS_BYTES = 12;
const MAC_BYTES = 32;
export const RESPONSE_BYTES: number = NONCE_BYTES + NUMBERS_BYTES + MAC_BYTES;
/** What the listener's first frame says when all have come. Anything else is a refusal, in words. */
export const START = 'start';

/** Bytes of a frame before its payload: u32 length of the payload, u64 number of the frame. */
export const HEADER_BYTES = 12;
/** Bytes behind it. */
export const TRAILER_BYTES: number = MAC_BYTES;
/** Payload of a frame. */
export const MAX_FRAME_BYTES: number = 256 << 20;

/** Who comes, and to what group it thinks it belongs. */
export interface Claim {
  readonly node: number;
  readonly nodes: number;
  /** On each node. */
  readonly ranks: number;
}

/** Keys of one connection, one a direction, as one end has them. */
export interface SessionKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
}

export function makeChallenge(): Buffer {
  return Buffer.concat([MAGIC, randomBytes(NONCE_BYTES)]);
}

/** The comer's answer, and its keys. @throws CrossoverError when this is not a challenge of ours */
export function respond(secret: Buffer, challenge: Buffer, claim: Claim): [Buffer, SessionKeys] {
  if (challenge.length !== CHALLENGE_BYTES || !challenge.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new CrossoverError('what answers there is no rendezvous of this version of crossover');
  }
  const numbers = Buffer.alloc(NUMBERS_BYTES);
  [claim.node, claim.nodes, claim.ranks].forEach((number, i) => void numbers.writeUInt32LE(number, 4 * i));
  const said = Buffer.concat([randomBytes(NONCE_BYTES), numbers]);
  const { listener, comer } = deriveKeys(secret, challenge, said);
  return [Buffer.concat([said, prove(secret, challenge, said)]), { send: comer, receive: listener }];
}

/** What the comer claims, and the listener's keys; undefined when the comer does not know the secret. */
export function verify(
  secret: Buffer,
  challenge: Buffer,
  response: Buffer,
): [Claim, SessionKeys] | undefined {
  const said = response.subarray(0, NONCE_BYTES + NUMBERS_BYTES);
  if (response.length !== RESPONSE_BYTES) return undefined;
  if (!timingSafeEqual(response.subarray(said.length), prove(secret, challenge, said))) return undefined;
  const [node, nodes, ranks] = [0, 1, 2].map((i) => said.readUInt32LE(NONCE_BYTES + 4 * i));
  const { listener, comer } = deriveKeys(secret, challenge, said);
  return [
    { node: node!, nodes: nodes!, ranks: ranks! },
    { send: listener, receive: comer },
  ];
}

function prove(secret: Buffer, challenge: Buffer, said: Buffer): Buffer {
  // The secret itself is the key of nothing: what proves it and what seals frames are derived, each for its own purpose.
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'crossover rendezvous: proof of the comer', 32));
  return createHmac('sha256', key).update(challenge).update(said).digest();
}

function deriveKeys(secret: Buffer, challenge: Buffer, said: Buffer): { listener: Buffer; comer: Buffer } {
  const salt = Buffer.concat([challenge, said]);
  const derive = (who: string): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, salt, `crossover frames of the ${who}`, 32));
  return { listener: derive('listener'), comer: derive('comer') };
}

/** Makes and checks the frames of one connection. */
export class Seal {
  readonly #keys: SessionKeys;
  #sent: bigint;
  #received: bigint;

  /** `sent` and `received` are how many frames went before, in the hands of another process. */
  constructor(keys: SessionKeys, sent = 0, received = 0) {
    this.#keys = keys;
    this.#sent = BigInt(sent);
    this.#received = BigInt(received);
  }

  wrap(payload: Uint8Array): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(payload.length, 0);
    header.writeBigUInt64LE(this.#sent++, 4);
    return Buffer.concat([header, payload, mac(this.#keys.send, header, payload)]);
  }

  /** Bytes of the payload that a header announces. @throws CrossoverError when it cannot be the next frame's */
  lengthOf(header: Buffer, most: number): number {
    const length = header.readUInt32LE(0);
    const number = header.readBigUInt64LE(4);
    if (number !== this.#received) {
      throw new CrossoverError(`a frame has number ${number} where ${this.#received} is due`);
    }
    if (length > most) throw new CrossoverError(`a frame has ${length} bytes; at most ${most} are accepted`);
    return length;
  }

  /** @throws CrossoverError when the frame is not what the other end sent */
  open(header: Buffer, payload: Buffer, trailer: Buffer): void {
    if (!timingSafeEqual(trailer, mac(this.#keys.receive, header, payload))) {
      throw new CrossoverError(`frame ${this.#received} is not authentic`);
    }
    this.#received++;
  }
}

function mac(key: Uint8Array, header: Buffer, payload: Uint8Array): Buffer {
  return createHmac('sha256', key).update(header).update(payload).digest();
}
