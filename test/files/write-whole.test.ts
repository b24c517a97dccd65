/** @file Files are written as a whole: what was there survives a write that fails, and what is no file is written to straight. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { CrossoverError } from '../../dist/errors.js';
import { writeProblem, writeWhole } from '../../dist/files/write-whole.js';

const MODULE = fileURLToPath(new URL('../../dist/files/write-whole.js', import.meta.url));
const LONG = 'x'.repeat(1 << 20);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'crossover-files-'));
  const own = folder;
  onTestFinished(() => rmSync(own, { recursive: true }));
});

function failure(path: string, text: string = LONG): string {
  try {
    writeWhole(path, text);
  } catch (error) {
    expect(error).toBeInstanceOf(CrossoverError);
    return (error as Error).message;
  }
  return 'no error';
}

/** Runs a line of shell in the folder, where `$WRITE path` writes 1 MiB with a newline. */
function shell(line: string): { status: number | null; out: string; error: string } {
  const program = `import { writeWhole } from ${JSON.stringify(MODULE)};
try { writeWhole(process.argv[1], 'x'.repeat(1 << 20) + '\\n'); } catch (error) { console.error(error.message); process.exit(1); }`;
  writeFileSync(join(folder, 'write.sh'), 'exec "$NODE" --input-type=module -e "$PROGRAM" "$1"');
  const env = { ...process.env, NODE: process.execPath, PROGRAM: program, WRITE: 'sh write.sh' };
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { cwd: folder, env, encoding: 'utf8' });
  rmSync(join(folder, 'write.sh'));
  return { status, out: stdout, error: stderr };
}

describe('files', () => {
  test('are new, or replaced, and nothing is left beside them', () => {
    const path = join(folder, 'a.json');
    writeWhole(path, LONG);
    expect(readFileSync(path, 'utf8')).toBe(LONG);
    writeWhole(path, 'short');
    expect(readFileSync(path, 'utf8')).toBe('short');
    expect(readdirSync(folder)).toEqual(['a.json']);
  });

  test('survive a write that fails half-way', () => {
    writeFileSync(join(folder, 'a.json'), 'before');
    const { status, error } = shell('ulimit -f 64; $WRITE a.json');
    expect([status, error]).toEqual([1, 'cannot write a.json: EFBIG: file too large\n']);
    expect(readFileSync(join(folder, 'a.json'), 'utf8')).toBe('before');
    expect(readdirSync(folder)).toEqual(['a.json']);
    expect(shell('ulimit -f 64; $WRITE b.json').status).toBe(1);
    expect(readdirSync(folder)).toEqual(['a.json']);
  });

  test('keep their permissions', () => {
    const path = join(folder, 'a.json');
    for (const mode of [0o600, 0o666]) {
      writeFileSync(path, '');
      chmodSync(path, mode);
      writeWhole(path, 'new');
      expect(statSync(path).mode & 0o777).toBe(mode);
    }
  });

  test('are replaced behind links, which stay', () => {
    mkdirSync(join(folder, 'other'));
    writeFileSync(join(folder, 'other', 'a.json'), 'before');
    const link = join(folder, 'link.json');
    symlinkSync(join('other', 'a.json'), link);
    writeWhole(link, 'new');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, 'other', 'a.json'), 'utf8')).toBe('new');
    expect(readdirSync(join(folder, 'other'))).toEqual(['a.json']);
  });

  test('may have names as long as names can be', () => {
    const name = 'n'.repeat(255);
    expect(writeProblem(join(folder, name))).toBeUndefined();
    writeWhole(join(folder, name), 'new');
    expect(readdirSync(folder)).toEqual([name]);
  });

  test('that cannot be written are said in one line', () => {
    expect(failure(join(folder, 'none', 'a'))).toBe(
      `cannot write ${join(folder, 'none', 'a')}: ENOENT: no such file or directory`,
    );
    expect(failure(folder)).toMatch(/^cannot write .*: EISDIR: [^\n]+$/);
    expect(failure(join(folder, 'n'.repeat(256)))).toMatch(/^cannot write .*: ENAMETOOLONG: [^\n]+$/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe.skipIf(process.platform === 'win32')('what is no file', () => {
  test('takes what is written', () => {
    const { status, out, error } = shell('$WRITE /dev/stdout | wc -c');
    expect([status, error, Number(out)]).toEqual([0, '', LONG.length + 1]);
    expect(shell('$WRITE /dev/null')).toEqual({ status: 0, out: '', error: '' });
    expect(statSync('/dev/null').isFile()).toBe(false);
  });

  test('is standard output where that goes to a file, behind what is there', () => {
    const { status, error } = shell('(echo before; $WRITE /dev/stdout; echo after) >log; ls');
    expect([status, error]).toEqual([0, '']);
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe(`before\n${LONG}\nafter\n`);
    expect(readdirSync(folder)).toEqual(['log']);
  });

  test('is a pipe with a name', () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(writeProblem(join(folder, 'pipe'))).toBeUndefined();
    expect(Number(shell('$WRITE pipe & wc -c <pipe; wait').out)).toBe(LONG.length + 1);
    expect(lstatSync(join(folder, 'pipe')).isFIFO()).toBe(true);
  });

  test('is slow: a socket has no room until it is read', async () => {
    const program = `import { writeWhole } from ${JSON.stringify(MODULE)}; writeWhole('/dev/stdout', 'x'.repeat(1 << 22));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'pipe' });
    let error = '';
    child.stderr.on('data', (chunk) => (error += chunk));
    child.stdout.pause();
    // As long as it takes to start and to fill what holds some.
    await new Promise((done) => setTimeout(done, 500));
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => (bytes += chunk.length)).resume();
    const [code] = await once(child, 'close');
    expect([code, error, bytes]).toEqual([0, '', 1 << 22]);
  });

  test.skipIf(process.platform !== 'linux')('is full', () => {
    expect(failure('/dev/full', 'text')).toBe('cannot write /dev/full: ENOSPC: no space left on device');
  });
});

describe('what would go wrong', () => {
  test('is told beforehand, and nothing is left', () => {
    const path = join(folder, 'a.json');
    expect(writeProblem(path)).toBeUndefined();
    writeFileSync(path, 'before');
    expect(writeProblem(path)).toBeUndefined();
    expect(readFileSync(path, 'utf8')).toBe('before');
    expect(readdirSync(folder)).toEqual(['a.json']);
    expect(writeProblem(join(folder, 'none', 'a.json'))).toMatch(
      /^the folder .*none cannot be written to: ENOENT: [^\n]+$/,
    );
  });

  test.skipIf(process.platform !== 'linux')('is tried: /proc lets root write, and makes no files', () => {
    expect(writeProblem('/proc/x.json')).toMatch(/^the folder \/proc cannot be written to: E[A-Z]+: /);
  });
});
