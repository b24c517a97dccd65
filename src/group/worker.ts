/**
 * @file What a rank's thread runs: it joins the group, imports the entry and calls its default export.
 * The last thing it tells the launcher is what became of that: a value, an error, or that it ran dry.
 */
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { CrossoverError } from '../errors.ts';
import { RANK_STATE, StatusLine } from './control.ts';
import { type Failure, packFailure } from './failure.ts';
import type { Group } from './group.ts';
import { writeDirectly } from './output.ts';
import { ThreadGroup, type ThreadGroupOptions } from './threads.ts';

/** What the launcher gives a rank. */
export interface RankSetup extends ThreadGroupOptions {
  /** Address of the entry's file. */
  readonly entry: string;
  readonly args: string[];
  readonly data: unknown;
  readonly heartbeatMs: number;
}

/** What a rank tells the launcher, once. */
export type RankReport =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly failure: Failure }
  | { readonly kind: 'dry' };

type Program = (group: Group, args: string[], data: unknown) => unknown;

const setup = workerData as RankSetup;
const status = new StatusLine(setup.control, setup.rank);
setInterval(() => status.beat(), setup.heartbeatMs).unref();
writeDirectly(status);

// The event loop has nothing left to turn for, and yet the program has not returned.
const onDry = (): void => report({ kind: 'dry' });
process.on('beforeExit', onDry);
const outcome = await run();
process.off('beforeExit', onDry);
report(outcome);

async function run(): Promise<RankReport> {
  try {
    const program = await importProgram(setup.entry);
    status.setState(RANK_STATE.running);
    const value = await program(new ThreadGroup(setup, status), setup.args, setup.data);
    status.setState(RANK_STATE.done);
    return { kind: 'returned', value };
  } catch (error) {
    return { kind: 'threw', failure: packFailure(error) };
  }
}

async function importProgram(entry: string): Promise<Program> {
  if (/\.m?ts$/.test(entry)) (await import('./strip-types.ts')).importTypeScript();
  const { default: program } = (await import(entry)) as { default?: unknown };
  if (typeof program !== 'function') {
    const path = fileURLToPath(entry);
    throw new CrossoverError(
      `${path} has no function as its default export; write: export default (group, args) => { ... }`,
    );
  }
  return program as Program;
}

function report(what: RankReport): void {
  try {
    parentPort?.postMessage(what);
  } catch (error) {
    const message = `the value it returned cannot be sent to the launcher: ${(error as Error).message}`;
    report({ kind: 'threw', failure: packFailure(new CrossoverError(message)) });
  }
}
