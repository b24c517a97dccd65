/**
 * @file Makes a fresh clone ready: installs the locked dependencies when they are missing or out of date,
 * and builds when the build is of other sources. Quiet when there is nothing to do.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceHash } from './source-hash.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const mtime = (path) => (existsSync(join(root, path)) ? statSync(join(root, path)).mtimeMs : 0);

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  console.error(`setup: "${command} ${args.join(' ')}" failed: ${error?.message ?? `exit code ${status}`}`);
  process.exit(1);
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 12)) {
  console.error(`setup: crossover needs Node >= 20.12, this is ${process.version}`);
  process.exit(1);
}
if (mtime('node_modules/.package-lock.json') < mtime('package-lock.json')) {
  console.error('setup: installing dependencies');
  run('npm', ['ci', '--no-audit', '--no-fund']);
}
if (builtFrom() !== sourceHash()) {
  console.error('setup: building');
  run(process.execPath, ['scripts/build.mjs']);
}

/** Hash of the sources that dist/ was made of. */
function builtFrom() {
  return existsSync(join(root, 'dist/.built')) ? readFileSync(join(root, 'dist/.built'), 'utf8') : undefined;
}
