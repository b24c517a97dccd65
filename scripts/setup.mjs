/**
 * @file Makes a fresh clone ready: installs the locked dependencies when they are missing or out of date,
 * and builds when a source is newer than the build. Quiet when there is nothing to do.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const mtime = (path) => (existsSync(join(root, path)) ? statSync(join(root, path)).mtimeMs : 0);

/** When the youngest file below a folder was written; what the build itself writes does not count. */
function newest(folder) {
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.includes('.generated.'));
  return Math.max(0, ...files.map((file) => statSync(join(file.parentPath ?? file.path, file.name)).mtimeMs));
}

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
const sources = Math.max(
  ...['src', 'kernels'].map(newest),
  ...[
    'scripts/build.mjs',
    'scripts/bundle-page.mjs',
    'tsconfig.json',
    'package.json',
    'package-lock.json',
  ].map(mtime),
);
if (mtime('dist/.built') < sources) {
  console.error('setup: building');
  run(process.execPath, ['scripts/build.mjs']);
}
