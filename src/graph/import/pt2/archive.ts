/**
 * @file The zip archive that torch.export.save writes: a folder with the graph as JSON and with the bytes of every weight, as a rule stored as they
 * are, so that each can be read where it lies. Zip64 is the rule, too.
 */
import { closeSync, fstatSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader } from 'yauzl';
import { CrossoverError } from '../../../errors.ts';
import { oneLine, openFile, parseJson, readExactly, withFile } from '../files.ts';
import { Json } from './json.ts';

const STORED = 0;
const DEFLATED = 8;
/** More than deflate can do: what claims to unpack to more is no such archive. */
const MAX_RATIO = 1040;
const LOCAL_HEADER = 30;
const LOCAL_SIGNATURE = 0x04034b50;

/** Where the bytes of an entry lie. */
interface Place {
  readonly header: number;
  readonly packed: number;
  readonly size: number;
  readonly method: number;
  readonly isEncrypted: boolean;
}

export class Archive {
  readonly path: string;
  /** The folder in the archive that everything is in. */
  readonly root: string;
  readonly #places: ReadonlyMap<string, Place>;

  /** @throws CrossoverError when the file is no zip archive, or none of torch.export */
  static async open(path: string): Promise<Archive> {
    const places = await listEntries(path);
    const [first] = places.keys();
    if (first === undefined) throw new CrossoverError(`${path} is a zip archive with nothing in it`);
    const archive = new Archive(path, first.split('/')[0]!, places);
    archive.#expect('archive_format', 'pt2');
    archive.#expect('byteorder', 'little');
    return archive;
  }

  private constructor(path: string, root: string, places: ReadonlyMap<string, Place>) {
    this.path = path;
    this.root = root;
    this.#places = places;
  }

  /** Names below the root folder. */
  names(folder: string): string[] {
    const start = `${this.root}/${folder}`;
    return [...this.#places.keys()]
      .filter((name) => name.startsWith(start))
      .map((name) => name.slice(this.root.length + 1));
  }

  has(name: string): boolean {
    return this.#places.has(`${this.root}/${name}`);
  }

  /** Unpacked size of an entry, bytes. @throws CrossoverError when there is none of that name */
  size(name: string): number {
    return this.#place(name).size;
  }

  /** The bytes of an entry. @throws CrossoverError when there is none of that name, or when it cannot be unpacked */
  read(name: string): Uint8Array {
    const { header, packed, size, method, isEncrypted } = this.#place(name);
    const where = `${this.path}: ${name}`;
    if (isEncrypted) throw new CrossoverError(`${where} is encrypted; save the model without that`);
    const bytes = withFile(this.path, (file) => {
      const local = readExactly(file, header, LOCAL_HEADER, where);
      if (local.readUInt32LE(0) !== LOCAL_SIGNATURE)
        throw new CrossoverError(`${where} does not begin with the header that zip archives have`);
      const start = header + LOCAL_HEADER + local.readUInt16LE(26) + local.readUInt16LE(28);
      return readExactly(file, start, packed, where);
    });
    if (method === STORED) return bytes;
    try {
      return inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) });
    } catch (error) {
      throw new CrossoverError(`${where} cannot be unpacked: ${oneLine(error)}`, { cause: error });
    }
  }

  /** A JSON entry. */
  json(name: string): Json {
    const source = `${this.path}: ${name}`;
    return Json.of(
      parseJson(() => this.read(name), source),
      source,
    );
  }

  #place(name: string): Place {
    const place = this.#places.get(`${this.root}/${name}`);
    if (place) return place;
    throw new CrossoverError(`${this.path} has no entry ${this.root}/${name}`);
  }

  #expect(name: string, text: string): void {
    if (!this.has(name)) {
      throw new CrossoverError(
        `${this.path} is a zip archive without ${this.root}/${name}; use one that torch.export.save writes today`,
      );
    }
    const found = this.size(name) > 64 ? '' : Buffer.from(this.read(name)).toString('utf8').trim();
    if (found !== text)
      throw new CrossoverError(`${this.path}: ${name} is ${JSON.stringify(found)}, must be "${text}"`);
  }
}

/** Every entry of an archive, in order. Checks that what each claims to hold can be in the file. */
async function listEntries(path: string): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  const file = openFile(path);
  try {
    const { size } = fstatSync(file);
    // Sizes are checked here, with the entry's name.
    const options = { autoClose: false, validateEntrySizes: false };
    const zip = await fromRandomAccessReaderPromise(new FileReader(file), size, options);
    for await (const entry of zip.eachEntry()) places.set(entry.fileName, placeOf(entry, size));
  } catch (error) {
    throw new CrossoverError(`${path} is no readable zip archive: ${oneLine(error)}`, { cause: error });
  } finally {
    closeSync(file);
  }
  return places;
}

function placeOf(entry: Entry, fileSize: number): Place {
  const { fileName, relativeOffsetOfLocalHeader: header, compressedSize: packed } = entry;
  const { uncompressedSize: size, compressionMethod: method } = entry;
  const fail = (problem: string): never => {
    throw new CrossoverError(`entry ${fileName} ${problem}`);
  };
  if (header + LOCAL_HEADER + packed > fileSize) fail('reaches beyond the end of the file');
  const isEncrypted = entry.isEncrypted();
  // Encryption puts a header before the bytes.
  if (method === STORED && !isEncrypted ? size !== packed : size > packed * MAX_RATIO + 1024)
    fail(`claims ${size} bytes in ${packed}`);
  if (method !== STORED && method !== DEFLATED)
    fail(`is packed by method ${method}; stored and deflated ones are read`);
  return { header, packed, size, method, isEncrypted };
}

/** Reads for yauzl. Its own reader throws where nobody can catch it, for positions that no file has. */
class FileReader extends RandomAccessReader {
  readonly #file: number;

  constructor(file: number) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    let error: Error | null = null;
    try {
      readExactly(this.#file, position, length, 'its directory').copy(buffer, offset);
    } catch (caught) {
      error = caught as Error;
    }
    // Later, as yauzl expects it: called at once it would call itself for every entry.
    setImmediate(() => callback(error, length));
  }
}
