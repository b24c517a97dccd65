/**
 * @file Protobuf's wire format with every length checked before it is used. PbfReader decodes, and trusts its bytes: it reads past a message's end
 * and past the buffer's, so a field is measured here first.
 */
import { PbfReader } from 'pbf';
import { CrossoverError } from '../../../errors.ts';

/** Bytes of a message, `end` exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const WIRE_TYPES = ['a varint', '8 bytes', 'a length and bytes', 'a group', 'the end of a group', '4 bytes'];
const MAX_VARINT_BYTES = 10;

/** A file of messages. `source` is its path, for errors. */
export class Wire {
  readonly bytes: Uint8Array;
  readonly source: string;
  readonly #pbf: PbfReader;

  constructor(bytes: Uint8Array, source: string) {
    this.bytes = bytes;
    this.source = source;
    this.#pbf = new PbfReader(bytes);
  }

  /** Fields of a message in their order. `what` names it in errors. */
  *fields({ start, end }: Range, what: string): Generator<Field> {
    let at = start;
    while (at < end) {
      const value = this.varintEnd(at, end, what);
      this.#pbf.pos = at;
      // A tag has 32 bits; the reader would take the low ones of a longer number.
      const tag = this.#pbf.readVarint();
      const number = Math.floor(tag / 8);
      const type = tag % 8;
      if (number === 0 || tag > 0xffffffff) {
        throw this.error(at, what, `a field's tag is ${tag}; expected a field number and a wire type`);
      }
      const field = new Field(this, number, type, at, value, this.#fieldEnd(type, value, end, what), what);
      yield field;
      at = field.end;
    }
  }

  /** Where a varint that begins at `at` ends. */
  varintEnd(at: number, end: number, what: string): number {
    const limit = Math.min(end, at + MAX_VARINT_BYTES);
    for (let i = at; i < limit; i++) if (this.bytes[i]! < 0x80) return i + 1;
    throw this.error(
      at,
      what,
      limit === end ? 'a number is cut short' : 'a number goes on behind 10 bytes, the most that one has',
    );
  }

  /** The number at `at`, which varintEnd has measured. Of one beyond 2^53, the nearest float64. */
  varint(at: number): number {
    this.#pbf.pos = at;
    return this.#pbf.readVarint(true);
  }

  /** The same, exactly. */
  varintExact(at: number): bigint {
    let value = 0n;
    for (let i = at, shift = 0n; ; i++, shift += 7n) {
      const byte = this.bytes[i]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  }

  float(at: number): number {
    this.#pbf.pos = at;
    return this.#pbf.readFloat();
  }

  #fieldEnd(type: number, at: number, end: number, what: string): number {
    const width = type === FIXED64 ? 8 : type === FIXED32 ? 4 : undefined;
    if (type === VARINT) return this.varintEnd(at, end, what);
    if (type === BYTES) {
      const from = this.varintEnd(at, end, what);
      const length = this.varint(at);
      if (length >= 0 && length <= end - from) return from + length;
      throw this.error(at, what, `a field says that it has ${length} bytes, and ${end - from} are left`);
    }
    if (width === undefined) {
      throw this.error(at, what, `a field has wire type ${type}; expected 0, 1, 2 or 5`);
    }
    if (at + width <= end) return at + width;
    throw this.error(at, what, `a field of ${width} bytes is cut short; ${end - at} are left`);
  }

  error(at: number, what: string, problem: string): CrossoverError {
    return new CrossoverError(`${this.source}: byte ${at}, in ${what}: ${problem}`);
  }
}

/** One field, measured. Its readers check that the wire type is the one that they need. */
export class Field {
  readonly number: number;
  /** Of its tag. */
  readonly at: number;
  readonly end: number;
  readonly #wire: Wire;
  readonly #type: number;
  /** Of what stands behind the tag. */
  readonly #start: number;
  readonly #what: string;

  constructor(
    wire: Wire,
    number: number,
    type: number,
    at: number,
    start: number,
    end: number,
    what: string,
  ) {
    this.#wire = wire;
    this.number = number;
    this.#type = type;
    this.at = at;
    this.#start = start;
    this.end = end;
    this.#what = what;
  }

  /** A whole number; negative ones are 10 bytes. */
  int(): number {
    this.#expect(VARINT);
    return this.#wire.varint(this.#start);
  }

  float(): number {
    this.#expect(FIXED32);
    return this.#wire.float(this.#start);
  }

  /** The bytes behind the length. */
  range(): Range {
    this.#expect(BYTES);
    return { start: this.#wire.varintEnd(this.#start, this.end, this.#what), end: this.end };
  }

  bytes(): Uint8Array {
    const { start, end } = this.range();
    return this.#wire.bytes.subarray(start, end);
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  /** Where the numbers of a repeated field begin, packed or one alone. */
  *varints(): Generator<number> {
    if (this.#type !== BYTES) {
      this.#expect(VARINT);
      yield this.#start;
      return;
    }
    const { start, end } = this.range();
    for (let at = start; at < end; ) {
      const next = this.#wire.varintEnd(at, end, this.#what);
      yield at;
      at = next;
    }
  }

  varintCount(): number {
    let count = 0;
    for (const _at of this.varints()) count++;
    return count;
  }

  ints(): number[] {
    const values: number[] = [];
    for (const at of this.varints()) values.push(this.#wire.varint(at));
    return values;
  }

  fixedCount(width: 4 | 8): number {
    const { start, end } = this.fixed(width);
    return (end - start) / width;
  }

  /** Where the elements of `width` bytes of a repeated field lie, packed or one alone. */
  fixed(width: 4 | 8): Range {
    if (this.#type !== BYTES) {
      this.#expect(width === 8 ? FIXED64 : FIXED32);
      return { start: this.#start, end: this.end };
    }
    const range = this.range();
    if ((range.end - range.start) % width === 0) return range;
    throw this.error(`${range.end - range.start} bytes of numbers of ${width} bytes`);
  }

  error(problem: string): CrossoverError {
    return this.#wire.error(this.at, this.#what, problem);
  }

  #expect(type: number): void {
    if (this.#type === type) return;
    throw this.error(`field ${this.number} is ${WIRE_TYPES[this.#type]}; expected ${WIRE_TYPES[type]}`);
  }
}
