/** @file The progress line: nothing at all when it is off, a line that is redrawn and then gone when it is on. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** What a process with this line writes to stderr. */
function drawn(on: boolean, trace = ''): string {
  const progress = new URL('../../dist/report/progress.js', import.meta.url).href;
  const program = `
    import { setTimeout } from 'node:timers/promises';
    import { ProgressLine } from '${progress}';
    const line = new ProgressLine('tune', ${on});
    await setTimeout(120);
    line.phase = 'first';
    line.phase = 'first';
    line.show(0.25, 'all_reduce');
    line.show(0.26, 'too soon to be seen');
    await setTimeout(120);
    line.phase = 'second';
    line.show(0.5, 'all_gather');
    line.clear();
    line.clear();`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...process.env, CROSSOVER_TRACE: trace },
  });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  return stderr;
}

test('off', () => {
  expect(drawn(false)).toBe('');
});

test('on', () => {
  expect(drawn(true)).toMatch(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals take
    /^\rtune {2}25 %, \d+ s left {2}all_reduce\x1b\[K\rtune {2}50 %, \d+ s left {2}all_gather\x1b\[K\r\x1b\[K$/,
  );
});

test('traced: a line for every phase, on a terminal or not', () => {
  for (const on of [false, true]) {
    expect(drawn(on, '1')).toMatch(
      /^20\d\d-\S+Z tune \+\d\.\d{3} s: first\n20\d\d-\S+Z tune \+\d\.\d{3} s: second\n$/,
    );
  }
});
