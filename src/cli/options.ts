/**
 * @file Parsing of option values that several commands share. A value that cannot be used is a UsageError: exit code 2.
 */
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import {
  ENGINES,
  type EngineName,
  engineFor,
  engineFromEnvironment,
  LIMITS,
  mostGpuRanks,
  parseEngine,
} from '../collective/engines.ts';
import { CrossoverError } from '../errors.ts';
import { writeProblem } from '../files/write-whole.ts';
import { findGpu, type Gpu } from '../interop/engines/gpus.ts';
import type { Operation } from '../operations.ts';
import type { Fingerprint } from '../plan/plan.ts';
import { parseSize } from '../units.ts';

/** The command was used wrongly; nothing has run. */
export class UsageError extends CrossoverError {
  override readonly name: string = 'UsageError';
}

/** What people typed, by the field that an error of the API begins with: `{ worldSize: '--ranks' }`. */
export type AsTyped = Readonly<Record<string, string>>;

/** Runs what checks options, and turns its refusal into a usage error that names them as they were typed. */
export function usage<T>(check: () => T, names: AsTyped = {}): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof CrossoverError) throw new UsageError(asTyped(error.message, names) ?? error.message);
    throw error;
  }
}

/** The same where other things may be wrong than options: only errors that begin with one of the fields are usage errors. */
export function usageOf<T>(names: AsTyped, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const message = error instanceof CrossoverError ? asTyped(error.message, names) : undefined;
    throw message === undefined ? error : new UsageError(message);
  }
}

/** Undefined where the message begins with none of the fields. */
function asTyped(message: string, names: AsTyped): string | undefined {
  const field = Object.keys(names).find((name) => message.startsWith(`${name} `));
  return field === undefined ? undefined : names[field] + message.slice(field.length);
}

/** A whole number within bounds. */
export function parseWhole(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || text.trim() === '' || value < least || value > most) {
    throw new UsageError(`${option} is "${text}"; use a whole number from ${least} to ${most}`);
  }
  return value;
}

/** A number above `least`. */
export function parseAbove(text: string, option: string, least: number): number {
  const value = Number(text);
  if (!(value > least && value < Number.POSITIVE_INFINITY)) {
    throw new UsageError(`${option} is "${text}"; use a number above ${least}`);
  }
  return value;
}

/** Bytes of `256K` or `4096`. */
export function parseBytes(text: string, option: string): number {
  return usage(() => parseSize(text, option));
}

/** A comma-separated list of names, each of them among `known`. */
export function parseNames<T extends string>(text: string, option: string, known: readonly T[]): T[] {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (!(known as readonly string[]).includes(name)) {
      throw new UsageError(`${option} has "${name}"; use one or more of ${known.join(', ')}`);
    }
  }
  return [...new Set(names)] as T[];
}

/** One name among `known`. */
export function parseName<T extends string>(text: string, option: string, known: readonly T[]): T {
  if ((known as readonly string[]).includes(text)) return text as T;
  throw new UsageError(`${option} is "${text}"; use one of ${known.join(', ')}`);
}

/** Refuses what is said of rows where the operation has none. */
export function refuseRows(
  operation: Operation,
  { hidden, quantization = 'none' }: { hidden?: string | undefined; quantization?: string | undefined },
): void {
  if (operation === 'all_reduce_rms_norm') return;
  const [option, value] = quantization === 'none' ? ['--hidden', hidden] : ['--quantization', quantization];
  if (value !== undefined)
    throw new UsageError(
      `${option} is "${value}", and ${operation} has no rows; leave it out, or use all_reduce_rms_norm`,
    );
}

/** A comma-separated list of whole numbers. */
export function parseWholes(text: string, option: string, least: number, most: number): number[] {
  return [...new Set(text.split(',').map((part) => parseWhole(part, option, least, most)))];
}

/** The GPU that was asked for, or that measurements name. */
export function findGpuOption(name: string, asked: string | undefined): Gpu {
  return usage(() => findGpu(name), { gpu: asked === undefined ? 'the GPU of the measurements' : '--gpu' });
}

/** Ranks that one engine or the other serves. */
export const MOST_RANKS: number = Math.max(...ENGINES.map((engine) => LIMITS[engine].ranks));

/** The option --device, which says what `engineOption` is given. */
export const DEVICE_FLAGS = '--device <name>';
export const DEVICE_HELP: string = `${ENGINES.join(' or ')}; cuda where there is a GPU for every rank ($CROSSOVER_DEVICE)`;

/** The engine for so many ranks, as asked for or as it fits. Refuses what cannot be, before anything is launched. */
export function engineOption(device: string | undefined, ranks: number): EngineName {
  const asked = device === undefined ? undefined : usage(() => parseEngine(device, '--device'));
  return engineFor(ranks, asked);
}

/** Ranks when nobody says: one a GPU, or else one a core; two at least (a world of one has nothing to tune), eight at most. */
export function defaultRanks(): number {
  const gpus = mostGpuRanks();
  if (gpus >= 2 && engineFromEnvironment() !== 'cpu') return Math.min(gpus, LIMITS.cuda.ranks);
  return Math.max(2, Math.min(8, availableParallelism()));
}

/** What ran it, in words: the GPUs, or the CPU. */
export function hardwareOf(host: Fingerprint['host'], device: Fingerprint['device']): string {
  if (device.gpus === undefined) return `${host.cpu}, ${host.cores} cores`;
  const shared = device.ranksPerGpu === undefined ? '' : `, ${device.ranksPerGpu} ranks a GPU`;
  return `${device.gpus}x ${device.name} (${device.links})${shared}, CUDA ${device.cuda}`;
}

/** Refuses a file that cannot be written in the end, before the work is done rather than after. */
export function checkOutput(path: string, option: string): void {
  const folder = dirname(path);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${option} is "${path}", but there is no folder ${folder}; make it first`);
  }
  if (path.endsWith('/') || statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${option} is "${path}", which is a folder; name a file in it`);
  }
  const problem = writeProblem(path);
  if (problem !== undefined) throw new UsageError(`${option} is "${path}", but ${problem}`);
}
