/**
 * @file The kernels' source text, which travels with the package as files. They include each other by name in quotes and nothing else, and names
 * are unique over both folders, so NVRTC needs no include path, and what a kernel is made of can be told by following the names.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CrossoverError } from '../../errors.ts';

/** From dist/engine/cuda/ and from src/engine/cuda/ alike. */
export const KERNELS_FOLDER: string = fileURLToPath(new URL('../../../kernels/cuda/', import.meta.url));

/** Kernels that a model has besides collectives. */
export const MODEL_FOLDER: string = join(KERNELS_FOLDER, 'model');

interface Source {
  readonly folder: string;
  readonly text: string;
}

let read: ReadonlyMap<string, Source> | undefined;

/** By file name, all kernels and headers; read once. */
function sources(): ReadonlyMap<string, Source> {
  read ??= new Map([KERNELS_FOLDER, MODEL_FOLDER].flatMap(readFolder));
  return read;
}

function readFolder(folder: string): [string, Source][] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => /\.cuh?$/.test(name));
  } catch (cause) {
    throw new CrossoverError(`${folder} cannot be read: this installation of crossover lacks its kernels`, {
      cause,
    });
  }
  return names.sort().map((name) => [name, { folder, text: readFileSync(join(folder, name), 'utf8') }]);
}

/** Names of the files in one of the folders. */
export function sourcesIn(folder: string): readonly string[] {
  return [...sources()].filter(([, source]) => source.folder === folder).map(([name]) => name);
}

/** Text of one file. */
export function sourceText(file: string): string {
  return sourceOf(file).text;
}

export function sourcePath(file: string): string {
  return join(sourceOf(file).folder, file);
}

function sourceOf(file: string): Source {
  const source = sources().get(file);
  if (source === undefined) throw new CrossoverError(`${join(KERNELS_FOLDER, file)} is missing`);
  return source;
}

/** Headers that a file includes, directly and through others, by name. */
export function headersOf(file: string): readonly string[] {
  const found = new Set<string>();
  const walk = (name: string): void => {
    for (const [, header] of sourceText(name).matchAll(/^\s*#\s*include\s*"([^"]+)"/gm)) {
      if (found.has(header!)) continue;
      found.add(header!);
      walk(header!);
    }
  };
  walk(file);
  return [...found].sort();
}

/** SHA-256 over a file and all that it includes. */
export function sourceHash(file: string): string {
  return hashOf([...headersOf(file), file]);
}

/** Identifies the kernels of collectives in a plan's fingerprint: a plan made with other kernels was made for other times. */
export function kernelsHash(): string {
  return hashOf(sourcesIn(KERNELS_FOLDER)).slice(0, 16);
}

function hashOf(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) {
    const text = sourceText(file);
    hash.update(`${file} ${text.length}\n${text}`);
  }
  return hash.digest('hex');
}
