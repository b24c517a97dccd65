/**
 * @file The header of a safetensors file: where each tensor lies. Eight bytes with the header's length, the header as JSON, then the tensors' bytes without gaps. What does
 * not fit the file's length or another tensor is refused before anything is read by it.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { z } from 'zod';
import { CrossoverError } from '../../errors.ts';
import { formatBytes } from '../../units.ts';

export interface StoredTensor {
  /** Path of the file that it is in. */
  readonly file: string;
  readonly name: string;
  /** As the file spells it: `BF16`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte in the file, and how many there are. */
  readonly begin: number;
  readonly bytes: number;
}

/** Longer headers are damage: the format's own limit. */
const MAX_HEADER = 100_000_000;

/** Bytes of an element of those dtypes whose elements are bytes at least. */
const DTYPE_BYTES: Readonly<Record<string, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
};

const count = z.int().nonnegative();
const tensorSchema = z.object({
  dtype: z.string(),
  shape: z.array(count),
  data_offsets: z.tuple([count, count]),
});

/** A file that is open for reading. */
export class SafetensorsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  #descriptor: number;

  /** @throws CrossoverError that names the file, and the tensor, that is damaged */
  constructor(path: string) {
    this.path = path;
    try {
      // A pipe would be waited for, and a folder can be opened.
      if (!statSync(path).isFile()) throw new Error('it is no file');
      this.#descriptor = openSync(path, 'r');
    } catch (cause) {
      throw new CrossoverError(`${path} cannot be read: ${(cause as Error).message}`, { cause });
    }
    try {
      this.tensors = this.#readHeader();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Fills `into` with the file's bytes from `position` on. @throws CrossoverError when the file ends before */
  read(into: Uint8Array, position: number): void {
    for (let done = 0; done < into.length; ) {
      const got = readSync(this.#descriptor, into, done, into.length - done, position + done);
      if (got === 0)
        throw new CrossoverError(`${this.path} ends at byte ${position + done}, inside what is read`);
      done += got;
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  #readHeader(): Map<string, StoredTensor> {
    const { size } = fstatSync(this.#descriptor);
    if (size < 8) return this.#refuse(`it has ${size} bytes, too few for safetensors`);
    const head = new Uint8Array(8);
    this.read(head, 0);
    const length = Number(new DataView(head.buffer).getBigUint64(0, true));
    if (length > Math.min(size - 8, MAX_HEADER))
      return this.#refuse(`its header claims ${formatBytes(length)}, and it has ${formatBytes(size)}`);
    const text = new Uint8Array(length);
    this.read(text, 8);
    let json: unknown;
    try {
      json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
    } catch (cause) {
      return this.#refuse(`its header is no JSON: ${(cause as Error).message}`);
    }
    if (typeof json !== 'object' || json === null || Array.isArray(json))
      return this.#refuse('its header is no JSON object');
    const tensors = Object.entries(json)
      .filter(([name]) => name !== '__metadata__')
      .map(([name, value]) => this.#tensor(name, value, 8 + length));
    this.#checkPlaces(tensors, 8 + length, size);
    return new Map(tensors.map((tensor) => [tensor.name, tensor]));
  }

  #tensor(name: string, value: unknown, data: number): StoredTensor {
    const parsed = tensorSchema.safeParse(value);
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      return this.#refuse(`tensor ${name} has a damaged entry: ${path.join('.')}: ${message}`);
    }
    const { dtype, shape, data_offsets } = parsed.data;
    const [from, to] = data_offsets;
    const size = DTYPE_BYTES[dtype];
    const wanted = size === undefined ? to - from : shape.reduce((product, dim) => product * dim, size);
    if (to - from !== wanted)
      return this.#refuse(
        `tensor ${name} is ${dtype} [${shape.join(', ')}], ${wanted} bytes, and has ${to - from}`,
      );
    return { file: this.path, name, dtype, shape, begin: data + from, bytes: to - from };
  }

  /** Tensors lie one behind the other, from the header's end to the file's. */
  #checkPlaces(tensors: readonly StoredTensor[], data: number, size: number): void {
    let end = data;
    let last = 'the header';
    for (const { name, begin, bytes } of [...tensors].sort(
      (a, b) => a.begin - b.begin || a.bytes - b.bytes,
    )) {
      if (begin < end) this.#refuse(`tensor ${name} begins at byte ${begin}, inside ${last}`);
      if (begin > end)
        this.#refuse(`there are ${begin - end} bytes that belong to nothing before tensor ${name}`);
      end = begin + bytes;
      last = `tensor ${name}`;
      if (end > size) this.#refuse(`${last} ends at byte ${end}, and the file has ${size}: it is cut short`);
    }
    if (end !== size) this.#refuse(`there are ${size - end} bytes behind ${last} that belong to nothing`);
  }

  #refuse(what: string): never {
    throw new CrossoverError(`${this.path} is damaged: ${what}`);
  }
}
