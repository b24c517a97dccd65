/**
 * @file Cubins on disk, so that a kernel is compiled once a machine: $CROSSOVER_CACHE, else $XDG_CACHE_HOME/crossover, else
 * ~/.cache/crossover, in a folder cubins/ of mode 0700.
 *
 * A file is written under another name and renamed, so readers see all of it or nothing, and of several writers one wins. Its name is the hash of what
 * it was made from; its header has that again and a checksum. What fails the check counts as absent. A cubin runs on the device with the rights of this
 * process, so files that another user could have written are not read.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const MAGIC = 'crossover cubin 1';
/** Two SHA-256 in hexadecimal, each with a line's end. */
const HEADER_BYTES = MAGIC.length + 1 + 2 * 65;
const WRITABLE_BY_OTHERS = 0o022;

/** What a cubin is made from. */
export interface CubinKey {
  readonly sourceHash: string;
  readonly defines: readonly string[];
  readonly architecture: string;
  /** Name and version. */
  readonly compiler: string;
}

export function cacheFolder(): string {
  const { CROSSOVER_CACHE, XDG_CACHE_HOME } = process.env;
  const base = CROSSOVER_CACHE || (XDG_CACHE_HOME ? join(XDG_CACHE_HOME, 'crossover') : undefined);
  return join(base ?? join(homedir(), '.cache', 'crossover'), 'cubins');
}

/** Never throws: without a folder that can be used, nothing is found and nothing kept, and `warn` is told so once. */
export class CubinCache {
  readonly folder: string;
  readonly #warn: (line: string) => void;
  #warned = false;
  /** Whether what lies in the folder can be trusted; undefined until the first use. */
  #usable: boolean | undefined;

  constructor(warn: (line: string) => void, folder: string = cacheFolder()) {
    this.folder = folder;
    this.#warn = warn;
  }

  read(key: CubinKey): Uint8Array | undefined {
    if (!this.#open()) return undefined;
    const name = nameOf(key);
    let file: number;
    try {
      file = openSync(this.#path(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch {
      return undefined;
    }
    try {
      const { uid, mode } = fstatSync(file);
      if (uid !== process.getuid?.() || (mode & WRITABLE_BY_OTHERS) !== 0) return undefined;
      const bytes = readFileSync(file);
      // A copy, so that it begins at an aligned address, as the driver may want it.
      const cubin = new Uint8Array(bytes.subarray(HEADER_BYTES));
      return bytes.subarray(0, HEADER_BYTES).equals(headerOf(name, cubin)) ? cubin : undefined;
    } catch {
      return undefined;
    } finally {
      closeSync(file);
    }
  }

  write(key: CubinKey, cubin: Uint8Array): void {
    if (!this.#open()) return;
    const name = nameOf(key);
    const temporary = this.#path(`${name}.${randomBytes(8).toString('hex')}`);
    try {
      writeFileSync(temporary, Buffer.concat([headerOf(name, cubin), cubin]), { flag: 'wx', mode: 0o600 });
      renameSync(temporary, this.#path(name));
    } catch (error) {
      rmSync(temporary, { force: true });
      this.#complain((error as Error).message);
    }
  }

  #path(name: string): string {
    return join(this.folder, `${name}.cubin`);
  }

  #open(): boolean {
    this.#usable ??= this.#prepare();
    return this.#usable;
  }

  #prepare(): boolean {
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      const stats = lstatSync(this.folder);
      if (!stats.isDirectory()) return this.#complain('it is not a folder');
      if (stats.uid !== process.getuid?.()) return this.#complain(`it belongs to user ${stats.uid}`);
      if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) chmodSync(this.folder, 0o700);
      return true;
    } catch (error) {
      return this.#complain((error as Error).message);
    }
  }

  #complain(reason: string): false {
    if (!this.#warned) {
      this.#warn(
        `compiled kernels cannot be kept in ${this.folder}: ${reason}; they are compiled anew at every start (CROSSOVER_CACHE can name another folder)`,
      );
    }
    this.#warned = true;
    return false;
  }
}

function nameOf(key: CubinKey): string {
  const { sourceHash, defines, architecture, compiler } = key;
  return sha256(JSON.stringify([sourceHash, defines, architecture, compiler]));
}

function headerOf(name: string, cubin: Uint8Array): Buffer {
  return Buffer.from(`${MAGIC}\n${name}\n${sha256(cubin)}\n`);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
