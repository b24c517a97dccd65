/**
 * @file The engines that tests run on. There is one body of tests; an engine that this version or this host lacks is skipped by name.
 */
import { describe } from 'vitest';
import { ENGINES, type EngineName } from '../../../dist/collective/engines.js';
import { launch } from '../../../dist/group/launch.js';
import type { Report } from './session.ts';

const WANTED = ['cpu', 'cuda'];

/** One suite an engine. */
export function describeEngines(title: string, body: (engine: EngineName) => void): void {
  for (const name of WANTED) {
    const missing = !(ENGINES as readonly string[]).includes(name);
    const suffix = missing ? ` (skipped: this version has no ${name} engine)` : '';
    describe.skipIf(missing)(`${title} on ${name}${suffix}`, () => body(name as EngineName));
  }
}

/** What every program gets; `options` is the program's own. */
export interface ProgramData<Options = unknown> {
  readonly engine: EngineName;
  readonly options: Options;
}

/** Runs programs/<name>.ts on so many ranks, and returns what all of its ranks found. */
export async function runProgram(
  name: string,
  engine: EngineName,
  ranks: number,
  options: unknown = {},
): Promise<Report> {
  const data: ProgramData = { engine, options };
  const [report] = await launch<Report>(new URL(`../programs/${name}.ts`, import.meta.url), { ranks, data });
  return report!;
}
