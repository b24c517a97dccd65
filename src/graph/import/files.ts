/**
 * @file Files as importers read them: their first bytes, and those that are JSON, packed or not.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { CrossoverError } from '../../errors.ts';
import { formatBytes } from '../../units.ts';

/** Largest JSON that is read, unpacked, bytes. A model of 100 layers has some 30 MiB. */
export const MAX_JSON_BYTES: number = 384 * 1024 * 1024;

export const ZIP_MAGIC: readonly number[] = [0x50, 0x4b];
export const GZIP_MAGIC: readonly number[] = [0x1f, 0x8b];

/** The first bytes of a file. @throws CrossoverError when it cannot be read */
export function readHead(path: string, count = 16): Uint8Array {
  return withFile(path, (file) => {
    const bytes = Buffer.alloc(count);
    return bytes.subarray(0, readSync(file, bytes, 0, count, 0));
  });
}

export function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
}

/** A JSON file, perhaps packed by gzip. @throws CrossoverError when it cannot be read or is no JSON */
export function readJsonFile(path: string): unknown {
  return parseJson(() => {
    const bytes = withFile(path, (file) => {
      checkSize(fstatSync(file).size, path);
      return readFileSync(file);
    });
    return startsWith(bytes, GZIP_MAGIC) ? unpack(bytes, path) : bytes;
  }, path);
}

/**
 * @param read gives the bytes; a function, so that nothing holds them any more while their text is parsed
 * @param source for messages @throws CrossoverError when the bytes are no JSON in UTF-8
 */
export function parseJson(read: () => Uint8Array, source: string): unknown {
  const text = decode(read(), source);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CrossoverError(`${source} is not JSON: ${oneLine(error)}`);
  }
}

function decode(bytes: Uint8Array, source: string): string {
  checkSize(bytes.length, source);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CrossoverError(`${source} is not UTF-8 text`);
  }
}

/** What an error says, on one line, without control characters that were quoted from a file. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/[\s\p{Cc}\u2028\u2029]+/gu, ' ');
}

/** A descriptor of a file. @throws CrossoverError for what is no file, or cannot be opened */
export function openFile(path: string): number {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    // A pipe or a device may never end.
    if (fstatSync(file).isFile()) return file;
  } catch (error) {
    if (file !== undefined) closeSync(file);
    throw new CrossoverError(`cannot read ${path}: ${oneLine(error).split(', ', 1)[0]}`, { cause: error });
  }
  closeSync(file);
  throw new CrossoverError(`${path} is not a file`);
}

/** Opens a file, and closes it whatever happens. @throws CrossoverError for what the file system refuses */
export function withFile<T>(path: string, read: (file: number) => T): T {
  const file = openFile(path);
  try {
    return read(file);
  } catch (error) {
    if (error instanceof CrossoverError) throw error;
    throw new CrossoverError(`cannot read ${path}: ${oneLine(error).split(', ', 1)[0]}`, { cause: error });
  } finally {
    closeSync(file);
  }
}

/** Bytes at a position. @param what for messages @throws CrossoverError where the file does not reach */
export function readExactly(file: number, position: number, length: number, what: string): Buffer {
  const { size } = fstatSync(file);
  if (!Number.isSafeInteger(position) || position < 0 || position + length > size) {
    throw new CrossoverError(
      `${what} reaches to byte ${position + length} of a file of ${size}; it is cut short, or damaged`,
    );
  }
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const count = readSync(file, bytes, done, length - done, position + done);
    if (count === 0) throw new CrossoverError(`${what} ends ${length - done} bytes early`);
    done += count;
  }
  return bytes;
}

function unpack(bytes: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_JSON_BYTES });
  } catch (error) {
    throw new CrossoverError(`${path} cannot be unpacked: ${oneLine(error)}`, { cause: error });
  }
}

function checkSize(size: number, source: string): void {
  if (size > MAX_JSON_BYTES)
    throw new CrossoverError(
      `${source} has ${formatBytes(size)}, must be at most ${formatBytes(MAX_JSON_BYTES)}`,
    );
}
