/** @file `crossover run` as a process, from the programs' folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const PROGRAMS: string = fileURLToPath(new URL('../programs/', import.meta.url));

export interface Ended {
  code: number | null;
  signal: string | null;
  out: string;
  error: string;
  seconds: number;
}

export interface Started {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** The first match in what it writes to stderr. Rejects when it ends before. */
  says(what: RegExp): Promise<RegExpExecArray>;
}

/** `flags` are Node's. */
export function start(
  args: readonly string[],
  env: Record<string, string> = {},
  flags: readonly string[] = [],
): Started {
  const begin = performance.now();
  const child = spawn(process.execPath, [...flags, 'main.mjs', 'run', ...args], {
    cwd: PROGRAMS,
    env: { ...process.env, ...env },
    stdio: 'pipe',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (error += chunk));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    out,
    error,
    seconds: (performance.now() - begin) / 1000,
  }));
  const says = async (what: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const match = what.exec(error);
      if (match) return match;
      const over = await Promise.race([once(child.stderr, 'data').then(() => false), ended.then(() => true)]);
      if (over) throw new Error(`it ended and did not say ${what}: ${error}`);
    }
  };
  return { child, ended, says };
}

/** Whether a process has ended within a time; one that only waits to be collected by its parent has. */
export async function gone(pid: number, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  do {
    if (/\) [ZX] /.test(stateOf(pid))) return true;
    await new Promise((done) => setTimeout(done, 20));
  } while (performance.now() < end);
  return false;
}

function stateOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return ') X ';
  }
}
