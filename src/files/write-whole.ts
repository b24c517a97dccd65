/**
 * @file Writes files as a whole: to a temporary file beside them first, then renamed over them, so that no reader ever sees half of one, and what
 * was there stays until all of the new is on disk.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CrossoverError } from '../errors.ts';
import { destinationOf } from './destination.ts';
import { reason } from './reason.ts';
import { writeThrough } from './write-through.ts';

/**
 * Writes a file; to what is no file, such as /dev/stdout or a pipe, it writes straight.
 * Throws CrossoverError with one line when that cannot be done; a file that was there is as it was then.
 */
export function writeWhole(path: string, text: string): void {
  try {
    const destination = destinationOf(path);
    if (destination.kind === 'stream') writeThrough(destination.to, text);
    else replace(destination.path, text, destination.mode);
  } catch (error) {
    throw new CrossoverError(`cannot write ${path}: ${reason(error)}`, { cause: error });
  }
}

/** Why `writeWhole` could not write there, as far as can be told beforehand: the temporary file is made, and removed. */
export function writeProblem(path: string): string | undefined {
  let folder: string | undefined;
  try {
    const destination = destinationOf(path);
    if (destination.kind === 'stream') return undefined;
    folder = dirname(destination.path);
    const { file, temporary } = openBeside(destination.path);
    closeSync(file);
    rmSync(temporary);
    return undefined;
  } catch (error) {
    const what = folder === undefined ? 'it' : `the folder ${folder}`;
    return `${what} cannot be written to: ${reason(error)}`;
  }
}

function replace(path: string, text: string, mode: number | undefined): void {
  const { file, temporary } = openBeside(path, mode);
  try {
    try {
      // What was for its owner alone stays so; on opening, the umask may have taken some away.
      if (mode !== undefined) fchmodSync(file, mode);
      writeFileSync(file, text);
      // Renamed before its bytes are on disk, a file may be empty after a power loss.
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** A new file in the same folder: renaming does not cross file systems. Its name is short whatever the other's is. */
function openBeside(path: string, mode?: number): { file: number; temporary: string } {
  const name = `crossover.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const temporary = join(dirname(path), name);
  return { file: openSync(temporary, 'wx', mode), temporary };
}
