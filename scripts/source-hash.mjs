/**
 * @file What a build was made of: a hash of every source's path and contents, which dist/.built has. Files that were deleted, moved or checked out with
 * an old date change it; touching one does not.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['src', 'kernels/wasm'];
const FILES = [
  'scripts/build.mjs',
  'scripts/bundle-page.mjs',
  'tsconfig.json',
  'tsconfig.page.json',
  'package.json',
  'package-lock.json',
];

export function sourceHash() {
  const hash = createHash('sha256');
  for (const path of [...FOLDERS.flatMap(filesIn), ...FILES].sort())
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  return hash.digest('hex');
}

/** What the build itself writes does not count. */
function filesIn(folder) {
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.includes('.generated.'))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)));
}
