/**
 * @file The kernels' source text, which travels with the package as files. They include each other by name in quotes and nothing else,
 * so a compiler needs no include path, and what a kernel is made of can be told by following the names.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CrossoverError } from '../../errors.ts';

/** From dist/engine/cuda/ and from src/engine/cuda/ alike. */
export const KERNELS_FOLDER: string = fileURLToPath(new URL('../../../kernels/cuda/', import.meta.url));

let read: ReadonlyMap<string, string> | undefined;

/** Text by file name, of all kernels and headers; read once. */
export function kernelSources(): ReadonlyMap<string, string> {
  if (read) return read;
  let names: string[];
  try {
    names = readdirSync(KERNELS_FOLDER).filter((name) => /\.cuh?$/.test(name));
  } catch (cause) {
    throw new CrossoverError(
      `${KERNELS_FOLDER} cannot be read: this installation of crossover lacks its kernels`,
      {
        cause,
      },
    );
  }
  read = new Map(names.sort().map((name) => [name, readFileSync(join(KERNELS_FOLDER, name), 'utf8')]));
  return read;
}

/** Text of one file. */
export function sourceText(file: string): string {
  const text = kernelSources().get(file);
  if (text === undefined) throw new CrossoverError(`${join(KERNELS_FOLDER, file)} is missing`);
  return text;
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

/** Identifies the kernels in a plan's fingerprint: a plan made with other kernels was made for other times. */
export function kernelsHash(): string {
  return hashOf([...kernelSources().keys()]).slice(0, 16);
}

function hashOf(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) {
    const text = sourceText(file);
    hash.update(`${file} ${text.length}\n${text}`);
  }
  return hash.digest('hex');
}
