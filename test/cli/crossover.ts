/** @file Runs the command line as users do: a process, its output and how it ended. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, onTestFinished } from 'vitest';

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Ended {
  code: number | null;
  signal: string | null;
  out: string;
  error: string;
}

export interface Options {
  cwd?: string;
  env?: Record<string, string>;
}

export function start(
  args: readonly string[],
  options: Options = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const env = { ...inherited(), ...options.env };
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env,
    stdio: 'pipe',
  });
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (error += chunk));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    out,
    error,
  }));
  return { child, ended };
}

export function crossover(args: readonly string[], options: Options = {}): Promise<Ended> {
  return start(args, options).ended;
}

/** `crossover` by a process that runs one command after the other: for commands that read, print and refuse, of which there are many. */
export function ask(args: readonly string[], options: Options = {}): Promise<Ended> {
  asked ??= askedProcess();
  const { child, waiting } = asked;
  child.send({ args, cwd: options.cwd ?? tmpdir(), env: options.env ?? {} });
  return new Promise((answer, fail) => waiting.push({ answer, fail }));
}

interface Asked {
  readonly child: ChildProcess;
  /** In the order in which they asked. */
  readonly waiting: { answer(ended: Ended): void; fail(error: Error): void }[];
}

let asked: Asked | undefined;
afterAll(() => asked?.child.disconnect());

function askedProcess(): Asked {
  const child = fork(new URL('many.mjs', import.meta.url), { env: inherited() });
  const waiting: Asked['waiting'] = [];
  child.on('message', (ended) => waiting.shift()!.answer(ended as Ended));
  child.on('exit', (code, signal) => {
    asked = undefined;
    for (const { fail } of waiting) fail(new Error(`the process of all commands ended: ${code ?? signal}`));
  });
  return { child, waiting };
}

/** The environment, without what would change what commands do. */
function inherited(): NodeJS.ProcessEnv {
  const { CROSSOVER_PLAN: _plan, CROSSOVER_FORCE: _force, ...env } = process.env;
  return env;
}

/** An empty folder that is gone after the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'crossover-cli-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
