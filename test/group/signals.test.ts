/** @file What ends a launch early lets kernels leave before anything else ends, and nothing holds it up for long. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { launch } from '../../dist/group/launch.js';
import { program } from '../support/program.ts';
import type { Told } from './programs/told.ts';
import { PROGRAMS, start } from './support/command.ts';

const PROGRAM = program('./programs/told.ts', import.meta.url);
const KINDS = [
  ['threads', []],
  ['processes', ['--processes']],
] as const;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'crossover-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describe.each(KINDS)('ranks that are %s', (kind, flags) => {
  test('are told to leave when one of them fails, and have the time to', async () => {
    const data: Told = { folder: folder(), how: 'throw' };
    const launched = launch(PROGRAM, { ranks: 3, processes: kind === 'processes', data });
    await expect(launched).rejects.toThrow('rank 1 threw: on purpose');
    expect(readdirSync(data.folder).sort()).toEqual(['rank-0', 'rank-2']);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('are told to leave by %s', async (signal) => {
    const own = folder();
    const { child, ended, says } = start(['told.ts', '--ranks', '3', ...flags, own]);
    await says(/ranks/);
    child.kill(signal);
    expect(await ended).toMatchObject({ code: null, signal });
    expect(readdirSync(own).sort()).toEqual(['rank-0', 'rank-1', 'rank-2']);
  });
});

test("a terminal's Ctrl-C, which comes to all processes, is the launcher's to answer", async () => {
  const own = folder();
  const args = ['main.mjs', 'run', 'told.ts', '--ranks', '3', '--processes', own];
  const child = spawn(process.execPath, args, {
    cwd: PROGRAMS,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stderr, 'data');
  process.kill(-child.pid!, 'SIGINT');
  expect(await once(child, 'close')).toEqual([null, 'SIGINT']);
  expect(readdirSync(own).sort()).toEqual(['rank-0', 'rank-1', 'rank-2']);
});

test('nobody needs to read what a signal has ended', async () => {
  const { child, ended, says } = start(['told.ts', '--ranks', '2', folder()]);
  await says(/ranks/);
  child.stderr!.destroy();
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: null, signal: 'SIGTERM' });
});

/** Whether this host lets everybody have a namespace of processes, whose first process signals spare. */
function hasNamespaces(): boolean {
  try {
    execFileSync('unshare', ['-Urpf', '--mount-proc', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!hasNamespaces())('the first process of a container ends, too', async () => {
  const args = ['-Urpf', '--mount-proc', process.execPath, 'main.mjs', 'run', 'waits.mjs', '--ranks', '2'];
  const child = spawn('unshare', args, { cwd: PROGRAMS, stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const inside = execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' });
  process.kill(Number(inside), 'SIGTERM');
  const [code] = await once(child, 'exit');
  expect(code).toBe(128 + 15);
});
