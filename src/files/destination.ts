/**
 * @file What a name to write to stands for: a file, which can be replaced as a whole, or something that takes bytes as they come.
 */
import { accessSync, constants, fstatSync, realpathSync, type Stats, statSync } from 'node:fs';

export type Destination =
  /** `mode` is that of the file that is there; undefined when there is none. */
  | { readonly kind: 'file'; readonly path: string; readonly mode: number | undefined }
  /** A device, a pipe, or what this process has open as its output. */
  | { readonly kind: 'stream'; readonly to: string | number };

/** Throws the system's error when it may not be written to. That a new file can be made is not tried. */
export function destinationOf(path: string): Destination {
  const info = statSync(path, { throwIfNoEntry: false });
  if (info === undefined) return { kind: 'file', path, mode: undefined };
  const standard = standardStream(info);
  if (standard !== undefined) return { kind: 'stream', to: standard };
  // A file that may only be read is kept, although its folder would let it be replaced.
  accessSync(path, constants.W_OK);
  if (!info.isFile()) return { kind: 'stream', to: path };
  // Behind a link, so that the link stays.
  return { kind: 'file', path: realpathSync(path), mode: info.mode & 0o777 };
}

/** Whether bytes that are written there come behind each other, and nothing is replaced. What may not be written to is none. */
export function isStream(path: string): boolean {
  try {
    return destinationOf(path).kind === 'stream';
  } catch {
    return false;
  }
}

/**
 * /dev/stdout is a file where output goes to a file (`> file`). Replaced, the shell's file would be one that nobody sees, and opened again, it
 * would be cut off. A socket cannot be opened at all.
 */
function standardStream(info: Stats): number | undefined {
  if (!info.isFile() && !info.isSocket()) return undefined;
  return [1, 2].find((stream) => {
    try {
      const own = fstatSync(stream);
      return own.dev === info.dev && own.ino === info.ino;
    } catch {
      // Closed by who started this.
      return false;
    }
  });
}
