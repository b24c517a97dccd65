/** @file `crossover run` as a process: its options, its exit codes, its output, and that it leaves nothing running. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Ended, PROGRAMS, start } from './support/command.ts';

const run = (...args: string[]): Promise<Ended> => start(args).ended;

describe('options', () => {
  test.each([
    [
      ['--ranks', '3', 'hello.mjs', 'a', '--ranks', '9'],
      ['a', '--ranks', '9', 'rank 0', 'rank 1', 'rank 2'],
    ],
    [
      ['hello.mjs', '--ranks=1', '--timeout', '5', '-x', '--timeout', '7'],
      ['-x', '--timeout', '7', 'rank 0'],
    ],
    [
      ['hello.mjs', '--ranks', '1', '--', '--ranks', '2'],
      ['--ranks', '2', 'rank 0'],
    ],
    [
      ['--ranks', '1', './hello.mjs', '--help'],
      ['--help', 'rank 0'],
    ],
  ])('%j', async (args, printed) => {
    const { code, out, error } = await run(...args);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(JSON.parse(out)).toEqual(printed);
  });

  test.each([
    [
      ['hello.mjs', '--ranks', '0'],
      "option '--ranks <n>' argument '0' is invalid. A group has 1 to 64 ranks.",
    ],
    [
      ['--ranks', 'two', 'hello.mjs'],
      "option '--ranks <n>' argument 'two' is invalid. A group has 1 to 64 ranks.",
    ],
    [
      ['hello.mjs', '--timeout=-1'],
      "'--timeout <seconds>' argument '-1' is invalid. It is a number of seconds",
    ],
    [['hello.mjs', '--ranks'], "option '--ranks <n>' argument missing"],
    [[], "missing required argument 'entry'"],
    [['nothing.ts'], 'error: there is no file '],
  ])('%j is refused in one line', async (args, message) => {
    const { code, error } = await run(...args);
    expect(code).toBe(1);
    expect(error).toContain(message);
    expect(error.trimEnd()).not.toContain('\n');
  });

  test('help has an example', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    expect(out).toContain('$ crossover run hello.ts --ranks 4 hello');
  });
});

describe('the process', () => {
  test.each(['loop', 'atomics wait', 'wasm loop', 'wasm wait'])('ends when a rank hangs: %s', async (how) => {
    const { code, error, seconds } = await run('fail.ts', '--ranks', '2', '--timeout', '1', '1', '3', how);
    expect(code).toBe(1);
    expect(error).toMatch(
      /^error: rank 1 stopped answering: nothing for 1\.\d s after barrier #3; rank 0 waits in barrier #4\n$/,
    );
    expect(seconds).toBeLessThan(8);
  });

  test('names the rank that runs out of memory', async () => {
    const { code, error } = await start(['fail.ts', '--ranks=2', '1', '0', 'fill the heap'], {}, [
      '--max-old-space-size=40',
    ]).ended;
    expect(code).toBe(1);
    expect(error).toMatch(/error: rank 1 ran out of memory: /);
  });

  test('shows all output of all ranks, in the order in which each wrote it', async () => {
    const { code, out } = await run('chatter.mjs', '--ranks', '3');
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    for (const rank of [0, 1, 2]) {
      const numbers = lines
        .filter((line) => line.startsWith(`${rank}:`))
        .map((line) => Number(line.split(' ')[1]));
      expect(numbers).toEqual(Array.from({ length: 200 }, (_, i) => i));
    }
  });

  test('Ctrl-C ends all ranks at once and leaves no file', async () => {
    const before = readdirSync(PROGRAMS);
    const { child, ended } = start(['busy.mjs', '--ranks', '3']);
    await linesOf(child, 3);
    const pressed = performance.now();
    child.kill('SIGINT');
    const { code, signal } = await ended;
    expect(performance.now() - pressed).toBeLessThan(2000);
    // Ended by the signal: what a shell calls 130.
    expect(code ?? signal).toBe('SIGINT');
    expect(readdirSync(PROGRAMS)).toEqual(before);
  });

  test.skipIf(process.platform === 'win32')(
    'a signal of other programs ends it, and says where ranks are',
    async () => {
      const said = 'crossover: ended by SIGTERM; ranks 1, 2 wait in barrier #2\n';
      let error = '';
      // On busy cores ranks may take long to get from their lines to the barrier.
      for (let wait = 100; error !== said && wait <= 6400; wait *= 4) {
        const { child, ended } = start(['waits.mjs', '--ranks', '3']);
        await linesOf(child, 3);
        await new Promise((done) => setTimeout(done, wait));
        child.kill('SIGTERM');
        const how = await ended;
        expect(how.code ?? how.signal).toBe('SIGTERM');
        error = how.error;
      }
      expect(error).toBe(said);
    },
  );

  test.skipIf(process.platform === 'win32')('ends even when a thread is stuck in a system call', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'crossover-'));
    try {
      const pipe = join(folder, 'pipe');
      execFileSync('mkfifo', [pipe]);
      const { code, error, seconds } = await run('stuck.mjs', '--ranks', '2', '--timeout', '1', pipe);
      expect(code).toBe(1);
      expect(error).toMatch(
        /^error: rank 1 stopped answering: .*; rank 1 cannot be ended: inside a system or library call\n$/,
      );
      expect(seconds).toBeLessThan(10);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

async function linesOf(child: ChildProcess, count: number): Promise<void> {
  let text = '';
  for await (const [chunk] of onData(child)) {
    text += chunk;
    if (text.split('\n').length > count) return;
  }
}

async function* onData(child: ChildProcess): AsyncGenerator<[string]> {
  while (child.stdout) yield (await once(child.stdout, 'data')).map(String) as [string];
}
