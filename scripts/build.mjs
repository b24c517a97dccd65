/**
 * @file Builds dist/: AssemblyScript kernels -> wasm -> base64 in a generated TypeScript file -> tsc.
 * The kernels travel inside the package as text, so that users need no compiler and workers load no asset.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

function node(script, args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(1);
}

/** Shared memory must state its limits at compile time; the importer may pass less than the maximum (65536 pages = 4 GiB). */
const ASC = ['kernels/wasm/index.ts', '-O3', '--converge', '--noAssert', '--runtime', 'stub', '--importMemory',
  '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536', '--enable', 'simd,threads'];

mkdirSync('.tmp', { recursive: true });
const wasm = join('.tmp', 'kernels.wasm');
node('node_modules/assemblyscript/bin/asc.js', [...ASC, '-o', wasm]);
const text = readFileSync(wasm).toString('base64');
const generated = 'src/engine/cpu/kernels.generated.ts';
const content = `// Made by scripts/build.mjs from kernels/wasm/. Do not edit.\nexport const KERNELS_BASE64: string =\n  '${text}';\n`;
if (!existsSync(generated) || readFileSync(generated, 'utf8') !== content) writeFileSync(generated, content);

rmSync('dist', { recursive: true, force: true });
node('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.json']);
if (existsSync('dist/cli/main.js')) chmodSync('dist/cli/main.js', 0o755);
writeFileSync('dist/.built', '');
console.error(`build: dist/ ready, kernels ${readFileSync(wasm).length} bytes of wasm`);
