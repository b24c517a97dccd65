/**
 * @file Builds dist/: AssemblyScript kernels -> wasm -> base64 in a generated TypeScript file -> tsc; the report page's script -> one file.
 * The kernels travel inside the package as text, so that users need no compiler and workers load no asset.
 * dist/ is replaced only by a build that succeeded, in one step.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceHash } from './source-hash.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
// What is edited while this runs is not part of the build.
const sources = sourceHash();

function node(script, args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  console.error(`build: ${script} failed`);
  process.exit(1);
}

const ASC = [
  ...['kernels/wasm/index.ts', '-O3', '--converge', '--noAssert', '--runtime', 'stub'],
  // Shared memory must state its limits at compile time; the importer may pass less than the maximum (65536 pages = 4 GiB).
  ...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  ...['--enable', 'simd,threads'],
];

mkdirSync('.tmp', { recursive: true });
const wasm = join('.tmp', 'kernels.wasm');
node('node_modules/assemblyscript/bin/asc.js', [...ASC, '-o', wasm]);
const text = readFileSync(wasm).toString('base64');
const generated = 'src/engine/cpu/kernels.generated.ts';
const content = `// Made by scripts/build.mjs from kernels/wasm/. Do not edit.\nexport const KERNELS_BASE64: string =\n  '${text}';\n`;
if (!existsSync(generated) || readFileSync(generated, 'utf8') !== content) writeFileSync(generated, content);

const fresh = join('.tmp', 'dist');
rmSync(fresh, { recursive: true, force: true });
node('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.json', '--outDir', fresh]);
node('scripts/bundle-page.mjs', [join(fresh, 'report', 'page', 'client.min.js')]);
chmodSync(join(fresh, 'cli', 'main.js'), 0o755);
writeFileSync(join(fresh, '.built'), sources);
const old = join('.tmp', 'dist.old');
rmSync(old, { recursive: true, force: true });
if (existsSync('dist')) renameSync('dist', old);
renameSync(fresh, 'dist');
rmSync(old, { recursive: true, force: true });
console.error(`build: dist/ ready, kernels ${readFileSync(wasm).length} bytes of wasm`);
