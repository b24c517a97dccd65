/** @file The cubin cache: concurrent writers, damaged and foreign files, folders that cannot be used. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CubinCache, type CubinKey, cacheFolder } from '../../dist/engine/cuda/cubin-cache.js';

const WRITER = fileURLToPath(new URL('./programs/cubin-writer.mjs', import.meta.url));
const isRoot = process.getuid!() === 0;
const key: CubinKey = {
  sourceHash: 'f'.repeat(64),
  defines: ['WORLD=4'],
  architecture: 'sm_90a',
  compiler: 'NVRTC 13.0',
};
const cubin = Uint8Array.from({ length: 5000 }, (_, i) => i);
const warnings: string[] = [];
let root: string;
let folder: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'crossover-cache-'));
  folder = join(root, 'cubins');
  warnings.length = 0;
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

function open(where = folder): CubinCache {
  return new CubinCache((line) => warnings.push(line), where);
}

/** The one file of the cache, after something was written. */
function written(): string {
  open().write(key, cubin);
  const [name, ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  return join(folder, name!);
}

/** Nothing is read, nobody is told, and the next write heals it. */
function expectHealed(): void {
  const cache = open();
  expect(cache.read(key)).toBeUndefined();
  cache.write(key, cubin);
  expect(open().read(key)).toEqual(cubin);
  expect(warnings).toEqual([]);
}

describe('the cubin cache', () => {
  test('gives back what was written, at an aligned address, to its owner alone', () => {
    expect(open().read(key)).toBeUndefined();
    const path = written();
    const read = open().read(key)!;
    expect(read).toEqual(cubin);
    expect(read.byteOffset % 8).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test('tells keys apart in every part', () => {
    const others: CubinKey[] = [
      { ...key, sourceHash: '0'.repeat(64) },
      { ...key, defines: ['WORLD=2'] },
      { ...key, defines: [] },
      { ...key, architecture: 'sm_90' },
      { ...key, compiler: 'NVRTC 12.8' },
    ];
    written();
    for (const other of others) expect(open().read(other)).toBeUndefined();
    for (const other of others) open().write(other, cubin);
    expect(readdirSync(folder)).toHaveLength(1 + others.length);
  });

  test('stands several processes that write and read the same keys at once', async () => {
    const runs = await Promise.all([0, 1, 2, 3].map((seed) => run([WRITER, folder, `${seed}`, '25'])));
    for (const { code, stderr, stdout } of runs) {
      expect(`${stderr}${code}`).toBe('0');
      const { reads, writes } = JSON.parse(stdout) as { reads: number; writes: number };
      expect(reads).toBeGreaterThan(50);
      expect(writes).toBeGreaterThan(10);
    }
    expect(readdirSync(folder)).toHaveLength(4);
  });

  test.each([
    ['empty', (path: string) => truncateSync(path, 0)],
    ['cut within its header', (path: string) => truncateSync(path, 40)],
    [
      'cut at the end of its header',
      (path: string) => truncateSync(path, statSync(path).size - cubin.length),
    ],
    ['one byte short', (path: string) => truncateSync(path, statSync(path).size - 1)],
    ['one byte longer', (path: string) => writeFileSync(path, 'x', { flag: 'a' })],
    ['changed in one bit', (path: string) => flip(path, statSync(path).size - 100)],
    ['changed in its header', (path: string) => flip(path, 60)],
    ['writable by others', (path: string) => chmodSync(path, 0o666)],
  ])('takes a file that is %s for absent', (_, damage) => {
    damage(written());
    expectHealed();
  });

  test('takes a file under the name of another for absent', () => {
    const path = written();
    const other = { ...key, architecture: 'sm_80' };
    open().write(other, Uint8Array.of(1, 2, 3));
    const otherPath = readdirSync(folder)
      .map((name) => join(folder, name))
      .find((file) => file !== path)!;
    writeFileSync(path, readFileSync(otherPath));
    expectHealed();
  });

  test('follows no link', () => {
    const path = written();
    const elsewhere = join(root, 'elsewhere');
    writeFileSync(elsewhere, readFileSync(path), { mode: 0o600 });
    rmSync(path);
    symlinkSync(elsewhere, path);
    expectHealed();
    expect(readFileSync(elsewhere).subarray(-cubin.length).equals(cubin)).toBe(true);
  });

  test.skipIf(!isRoot)("does not read another user's file (needs root, to make one)", () => {
    chownSync(written(), 12345, 12345);
    expectHealed();
  });

  test.skipIf(!isRoot)("does not use another user's folder (needs root, to make one)", () => {
    mkdirSync(folder);
    chownSync(folder, 12345, 12345);
    const cache = open();
    cache.write(key, cubin);
    expect(cache.read(key)).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining(`${folder}: it belongs to user 12345; they are compiled`),
    ]);
  });

  test('takes the rights of others off a folder of its own', () => {
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    written();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test('says once what is wrong with a folder that cannot be used, and goes on', () => {
    writeFileSync(folder, '');
    for (const where of [folder, join(folder, 'below')]) {
      warnings.length = 0;
      const cache = open(where);
      for (let i = 0; i < 3; i++) {
        cache.write(key, cubin);
        expect(cache.read(key)).toBeUndefined();
      }
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain(`compiled kernels cannot be kept in ${where}: `);
    }
  });

  test('still reads when it can no longer write', () => {
    const first = written();
    const cache = open();
    const other = { ...key, architecture: 'sm_80' };
    cache.write(other, cubin);
    const path = readdirSync(folder)
      .map((name) => join(folder, name))
      .find((file) => file !== first)!;
    // A folder in the place of the file: renaming onto it fails for root as well.
    rmSync(path);
    mkdirSync(join(path, 'in the way'), { recursive: true });
    for (let i = 0; i < 3; i++) cache.write(other, cubin);
    expect(cache.read(other)).toBeUndefined();
    expect(cache.read(key)).toEqual(cubin);
    expect(warnings).toHaveLength(1);
    expect(readdirSync(folder)).toHaveLength(2);
  });

  test('lies where the environment says', () => {
    vi.stubEnv('CROSSOVER_CACHE', '/a');
    vi.stubEnv('XDG_CACHE_HOME', '/b');
    vi.stubEnv('HOME', '/c');
    expect(cacheFolder()).toBe('/a/cubins');
    vi.stubEnv('CROSSOVER_CACHE', '');
    expect(cacheFolder()).toBe('/b/crossover/cubins');
    vi.stubEnv('XDG_CACHE_HOME', '');
    expect(cacheFolder()).toBe('/c/.cache/crossover/cubins');
  });
});

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

function run(args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
