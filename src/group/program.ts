/**
 * @file What a rank does, be it a thread or a process: it imports the entry and calls its default export.
 * The last thing it tells the launcher is what became of that: a value, an error, or that it ran dry.
 */
import { fileURLToPath } from 'node:url';
import { CrossoverError } from '../errors.ts';
import { RANK_STATE, type StatusLine } from './control.ts';
import { type Failure, packFailure } from './failure.ts';
import type { Group } from './group.ts';
import { LostPeer } from './lost-peer.ts';

/** What the launcher gives a rank to run. */
export interface Task {
  /** Address of the entry's file. */
  readonly entry: string;
  readonly args: string[];
  readonly data: unknown;
}

/** What a rank tells the launcher, once. */
export type RankReport =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly failure: Failure }
  /** Another rank is at fault. */
  | { readonly kind: 'lost'; readonly rank: number; readonly message: string }
  | { readonly kind: 'dry' };

type Program = (group: Group, args: string[], data: unknown) => unknown;

/** `report` throws when what it is given cannot be cloned. */
export async function runTask(
  task: Task,
  status: StatusLine,
  join: () => Group,
  report: (what: RankReport) => void,
): Promise<void> {
  // The event loop has nothing left to turn for, and yet the program has not returned.
  const onDry = (): void => report({ kind: 'dry' });
  process.on('beforeExit', onDry);
  const outcome = await run(task, status, join);
  process.off('beforeExit', onDry);
  try {
    report(outcome);
  } catch (error) {
    const message = `the value it returned cannot be sent to the launcher: ${(error as Error).message}`;
    report({ kind: 'threw', failure: packFailure(new CrossoverError(message)) });
  }
}

async function run(task: Task, status: StatusLine, join: () => Group): Promise<RankReport> {
  try {
    const program = await importProgram(task.entry);
    status.setState(RANK_STATE.running);
    const value = await program(join(), task.args, task.data);
    status.setState(RANK_STATE.done);
    return { kind: 'returned', value };
  } catch (error) {
    return reportOf(error);
  }
}

/** What became of a rank that threw this. */
export function reportOf(error: unknown): RankReport {
  return error instanceof LostPeer
    ? { kind: 'lost', rank: error.rank, message: error.message }
    : { kind: 'threw', failure: packFailure(error) };
}

/** Node's codes for files of other kinds: by their name, or JSON. */
const NO_PROGRAM = [
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_IMPORT_ATTRIBUTE_MISSING',
  'ERR_IMPORT_ASSERTION_TYPE_MISSING',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
];

async function importModule(entry: string): Promise<{ default?: unknown }> {
  return await import(entry);
}

/** Node does not run TypeScript of packages, such as the examples of this one. */
function noProgram(path: string): string {
  return /\.m?ts$/.test(path)
    ? `${path} is TypeScript below node_modules, which is not run; copy it to a folder of your own`
    : `${path} is no program; use a file of JavaScript or TypeScript`;
}

async function importProgram(entry: string): Promise<Program> {
  if (/\.m?ts$/.test(entry)) (await import('./strip-types.ts')).importTypeScript();
  const path = fileURLToPath(entry);
  const { default: program } = await importModule(entry).catch((error: unknown) => {
    const { code = '', message } = error as NodeJS.ErrnoException;
    // What the program itself imports may be of the wrong kind, too.
    const isOfEntry = message.includes(path) || message.includes(entry);
    throw NO_PROGRAM.includes(code) && isOfEntry ? new CrossoverError(noProgram(path)) : error;
  });
  if (typeof program !== 'function') {
    throw new CrossoverError(
      `${path} has no function as its default export; write: export default (group, args) => { ... }`,
    );
  }
  return program as Program;
}
