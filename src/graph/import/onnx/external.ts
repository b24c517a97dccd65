/**
 * @file External data: bytes of a weight in a file beside the model, read when they are asked for.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { CrossoverError } from '../../../errors.ts';
import { quoted } from './messages.ts';

/** A part of a file. */
export interface ExternalPart {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
}

/** At most so many bytes a call: the operating system's own limit is a little below 2 GiB. */
const READ_BYTES = 2 ** 30;

/**
 * Where external data lies.
 * @param folder of the model
 * @param need bytes that the tensor has
 * @throws CrossoverError for a location outside the folder: a model must not be able to read other files
 */
export function externalPart(
  entries: ReadonlyMap<string, string>,
  folder: string,
  need: number,
  place: string,
): ExternalPart {
  const location = entries.get('location') ?? '';
  // Either separator: a file made on Windows is read on Linux, and the other way round.
  const parts = location.split(/[\\/]/);
  if (location === '' || location.includes('\0')) {
    throw new CrossoverError(`${place} is external data at ${quoted(location)}; expected the name of a file`);
  }
  if (isAbsolute(location) || /^[\\/]|^[A-Za-z]:/.test(location) || parts.includes('..')) {
    throw new CrossoverError(
      `${place} is external data at ${quoted(location)}; expected a path inside the model's folder`,
    );
  }
  const offset = whole(entries, 'offset', place) ?? 0;
  const length = whole(entries, 'length', place) ?? need;
  if (length !== need) {
    throw new CrossoverError(
      `${place} has ${length} bytes of external data; its dims and its type need ${need}`,
    );
  }
  return { path: join(folder, ...parts), offset, bytes: need };
}

function whole(entries: ReadonlyMap<string, string>, key: string, place: string): number | undefined {
  const text = entries.get(key);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new CrossoverError(
    `${place} has external data with the ${key} ${quoted(text)}; expected a whole number`,
  );
}

/** @throws CrossoverError when the file cannot be read or is too short */
export function readPart({ path, offset, bytes }: ExternalPart, place: string): Uint8Array {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new CrossoverError(`${place} lies in ${path}, which cannot be read: ${reason(cause)}`, { cause });
  }
  try {
    const info = fstatSync(file);
    if (!info.isFile()) throw new CrossoverError(`${place} lies in ${path}, which is not a file`);
    if (offset + bytes > info.size) {
      throw new CrossoverError(
        `${place} lies at bytes ${offset} to ${offset + bytes} of ${path}, which has ${info.size}`,
      );
    }
    const buffer = new Uint8Array(bytes);
    for (let done = 0; done < bytes; ) {
      const count = readSync(file, buffer, done, Math.min(READ_BYTES, bytes - done), offset + done);
      if (count === 0) throw new CrossoverError(`${path} became shorter while it was read`);
      done += count;
    }
    return buffer;
  } catch (error) {
    if (error instanceof CrossoverError) throw error;
    throw new CrossoverError(`${place} cannot be read from ${path}: ${reason(error)}`, { cause: error });
  } finally {
    closeSync(file);
  }
}

/** `ENOENT: no such file or directory`, without the call and the path that Node adds. */
export function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split(', ', 1)[0]!.replace(/\s+/g, ' ');
}
