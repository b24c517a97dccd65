/**
 * @file The engines that tests run on. There is one body of tests; an engine that this host lacks is skipped by name, with the reason.
 */
import { describe } from 'vitest';
import { ENGINES, type EngineName, LIMITS, mostGpuRanks } from '../../../dist/collective/engines.js';
import { launch } from '../../../dist/group/launch.js';
import { program } from '../../support/program.ts';
import type { Report } from './session.ts';

/** GPUs that a suite needs to be run on them. */
const FEWEST_GPUS = 2;

/** One suite an engine; `only` names those whose algorithms the suite is about, `fewest` the GPUs that it needs. */
export function describeEngines(
  title: string,
  body: (engine: EngineName) => void,
  only: readonly EngineName[] = ENGINES,
  fewest: number = FEWEST_GPUS,
): void {
  for (const name of only) {
    const missing = name === 'cuda' && mostGpuRanks() < fewest;
    const suffix = missing ? ` (skipped: needs ${fewest} GPUs, and there are ${mostGpuRanks()})` : '';
    describe.skipIf(missing)(`${title} on ${name}${suffix}`, () => body(name));
  }
}

/** The cases that have a device for every rank. A suite that is skipped keeps all of its cases. */
export function servedBy<Case extends { readonly ranks: number }>(engine: EngineName, cases: Case[]): Case[] {
  const gpus = mostGpuRanks();
  const most = engine === 'cuda' && gpus >= FEWEST_GPUS ? gpus : LIMITS[engine].ranks;
  return cases.filter(({ ranks }) => ranks <= most);
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
  const [report] = await launch<Report>(program(`../programs/${name}.ts`, import.meta.url), { ranks, data });
  return report!;
}
