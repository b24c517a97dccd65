/** @file What a stranger, or somebody between two hosts, can send: none of it passes. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  HEADER_BYTES,
  MAGIC,
  makeChallenge,
  RESPONSE_BYTES,
  respond,
  Seal,
  TRAILER_BYTES,
  verify,
} from '../../dist/group/seal.js';

const secret = Buffer.from('what all hosts know');
const claim = { node: 1, nodes: 2, ranks: 4 };

/** Both ends of a connection. */
function connected(): { listener: Seal; comer: Seal } {
  const challenge = makeChallenge();
  const [response, keys] = respond(secret, challenge, claim);
  const [, others] = verify(secret, challenge, response)!;
  return { listener: new Seal(others), comer: new Seal(keys) };
}

/** Reads a frame as a link does. */
function open(seal: Seal, frame: Buffer, most = 1 << 20): string {
  const header = frame.subarray(0, HEADER_BYTES);
  const end = HEADER_BYTES + seal.lengthOf(header, most);
  if (frame.length !== end + TRAILER_BYTES) throw new Error('the frame has another length than it says');
  const payload = frame.subarray(HEADER_BYTES, end);
  seal.open(header, payload, frame.subarray(end));
  return payload.toString();
}

describe('proof', () => {
  test('who knows the secret is believed', () => {
    const challenge = makeChallenge();
    const [response] = respond(secret, challenge, claim);
    expect(response).toHaveLength(RESPONSE_BYTES);
    expect(verify(secret, challenge, response)?.[0]).toEqual(claim);
  });

  test('who does not is not, nor who repeats what another said', () => {
    const challenge = makeChallenge();
    const [wrong] = respond(Buffer.from('what all hosts knew'), challenge, claim);
    expect(verify(secret, challenge, wrong)).toBeUndefined();
    const [response] = respond(secret, challenge, claim);
    expect(verify(secret, makeChallenge(), response)).toBeUndefined();
  });

  test('no bit of it can be changed', () => {
    const challenge = makeChallenge();
    const [response] = respond(secret, challenge, claim);
    for (let bit = 0; bit < 8 * response.length; bit++) {
      const changed = Buffer.from(response);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(verify(secret, challenge, changed), `bit ${bit}`).toBeUndefined();
    }
  });

  test('garbage of any length is refused', () => {
    const challenge = makeChallenge();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2 * RESPONSE_BYTES }), (garbage) => {
        expect(verify(secret, challenge, Buffer.from(garbage))).toBeUndefined();
        expect(() => respond(secret, Buffer.from(garbage), claim)).toThrow('no rendezvous of this version');
      }),
    );
    const other = Buffer.concat([Buffer.from('crossover rendezvous 9\n'), randomBytes(32)]);
    expect(other).toHaveLength(MAGIC.length + 32);
    expect(() => respond(secret, other, claim)).toThrow('no rendezvous of this version');
  });
});

describe('frames', () => {
  test('arrive in order, both ways', () => {
    const { listener, comer } = connected();
    for (const text of ['', 'a', 'b'.repeat(10_000)]) {
      expect(open(comer, listener.wrap(Buffer.from(text)))).toBe(text);
      expect(open(listener, comer.wrap(Buffer.from(text)))).toBe(text);
    }
  });

  test('of another connection, of the other direction and of nobody are refused', () => {
    const { listener, comer } = connected();
    const strange = connected();
    expect(() => open(listener, strange.comer.wrap(Buffer.from('x')))).toThrow('frame 0 is not authentic');
    expect(() => open(listener, listener.wrap(Buffer.from('x')))).toThrow('frame 0 is not authentic');
    expect(() => open(comer, Buffer.alloc(HEADER_BYTES + TRAILER_BYTES))).toThrow('frame 0 is not authentic');
  });

  test('replayed, left out or in another order are refused', () => {
    const { listener, comer } = connected();
    const frames = ['0', '1', '2'].map((text) => comer.wrap(Buffer.from(text)));
    expect(() => open(listener, frames[1]!)).toThrow('a frame has number 1 where 0 is due');
    expect(open(listener, frames[0]!)).toBe('0');
    expect(() => open(listener, frames[0]!)).toThrow('a frame has number 0 where 1 is due');
    expect(() => open(listener, frames[2]!)).toThrow('a frame has number 2 where 1 is due');
  });

  test('with any bit changed are refused', () => {
    const frame = (seal: Seal): Buffer => seal.wrap(Buffer.from('abc'));
    const { listener, comer } = connected();
    const right = frame(comer);
    for (let bit = 0; bit < 8 * right.length; bit++) {
      const changed = Buffer.from(right);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => open(listener, changed), `bit ${bit}`).toThrow();
    }
    expect(open(listener, right)).toBe('abc');
  });

  test('that say that they are too long are refused before they are read', () => {
    const { listener, comer } = connected();
    const header = comer.wrap(Buffer.alloc(0)).subarray(0, HEADER_BYTES);
    header.writeUInt32LE(0xffffffff, 0);
    expect(() => listener.lengthOf(header, 1000)).toThrow(
      'a frame has 4294967295 bytes; at most 1000 are accepted',
    );
  });
});
