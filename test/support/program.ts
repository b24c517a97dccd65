/** @file Where the programs are that tests launch. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the tests, and that of their files without types. */
export const TESTS: URL = new URL('../', import.meta.url);
export const STRIPPED: URL = new URL('../.tmp/test/', TESTS);

/** A program of the tests by its file, relative to `from`. TypeScript is found without its types: a rank that strips them itself takes long to start. */
export function program(file: string, from: string): URL {
  const source = new URL(file, from);
  if (!existsSync(source)) throw new Error(`there is no ${fileURLToPath(source)}`);
  if (!/\.m?ts$/.test(source.pathname)) return source;
  return new URL(source.href.slice(TESTS.href.length).replace(/ts$/, 'js'), STRIPPED);
}
