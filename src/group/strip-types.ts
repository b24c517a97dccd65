/**
 * @file A module loader hook that lets Node before 22.18 import TypeScript: it blanks out the types, so that lines and columns
 * stay what they are in the source. What needs code generation (enums, parameter properties) is refused, as Node itself does.
 */
import { readFile } from 'node:fs/promises';
import { type LoadHook, register } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Makes this thread import .ts and .mts files; does nothing where Node does that by itself. */
export function importTypeScript(): void {
  // In Node since 22.10; false there unless type stripping is on, and missing before.
  if ((process.features as { typescript?: unknown }).typescript) return;
  register(import.meta.url);
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const { protocol, pathname } = new URL(url);
  if (protocol !== 'file:' || !/\.m?ts$/.test(pathname) || pathname.includes('/node_modules/'))
    return nextLoad(url, context);
  const path = fileURLToPath(url);
  const source = await readFile(path, 'utf8');
  // Here, in the thread of loaders, and not in the rank's own, which only registers this: it takes its time.
  const { transformSync } = await import('@swc/wasm-typescript');
  try {
    const { code } = transformSync(source, { mode: 'strip-only', filename: path });
    return { format: 'module', shortCircuit: true, source: code };
  } catch (error) {
    throw new SyntaxError(`cannot strip the types of ${path}${placeOf(error)}: ${describe(error)}`);
  }
};

/** `:2:18`, as compilers have it, where the error says so. */
function placeOf(error: unknown): string {
  const { startLine, startColumn } = error as { startLine?: number; startColumn?: number };
  return startLine === undefined || startColumn === undefined ? '' : `:${startLine}:${startColumn + 1}`;
}

function describe(error: unknown): string {
  const { message } = error as { message?: unknown };
  return typeof message === 'string' ? message : String(error);
}
