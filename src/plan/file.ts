/**
 * @file Plans on disk. Reading refuses what is not a plan for this machine; writing leaves either the old file or the new one.
 */
import { readFileSync, statSync } from 'node:fs';
import { CrossoverError } from '../errors.ts';
import { reason } from '../files/reason.ts';
import { writeWhole } from '../files/write-whole.ts';
import { formatBytes } from '../units.ts';
import { fingerprintDifferences } from './fingerprint.ts';
import { formatJson } from './format.ts';
import type { Fingerprint, Plan } from './plan.ts';
import { validatePlan } from './validate.ts';

/** Largest file that is read, bytes. A plan of a large sweep has a few MiB. */
export const MAX_PLAN_BYTES: number = 64 * 1024 * 1024;

export interface LoadPlanOptions {
  /** This machine, as `hostFingerprint` gives it; a plan from another one is refused. Absent: any plan is accepted. */
  readonly fingerprint?: Fingerprint | undefined;
  /** Accepts a plan from another machine all the same. False by default. */
  readonly force?: boolean | undefined;
}

/** Where a plan is read from and written to when nothing else is said: `$CROSSOVER_PLAN`, or `./crossover-plan.json`. */
export function defaultPlanPath(env: NodeJS.ProcessEnv = process.env): string {
  return env.CROSSOVER_PLAN || './crossover-plan.json';
}

/**
 * Reads and checks a plan.
 * Throws CrossoverError with one line when the file cannot be read, is larger than MAX_PLAN_BYTES, is not a plan of this version,
 * or was made on another machine.
 */
export function loadPlan(path: string, options: LoadPlanOptions = {}): Plan {
  const plan = parsePlan(readText(path), path);
  const { fingerprint, force = false } = options;
  if (fingerprint === undefined || force) return plan;
  const differences = fingerprintDifferences(plan.fingerprint, fingerprint);
  if (differences.length === 0) return plan;
  throw new CrossoverError(
    `${path} was measured elsewhere (${differences.join('; ')}); run "crossover tune" here, or use it all the same with CROSSOVER_FORCE=1 (option: force)`,
  );
}

/** Reads a plan from text. `source` names where it came from. Throws CrossoverError with one line when it is not a plan of this version. */
export function parsePlan(text: string, source: string): Plan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CrossoverError(`${source} is not JSON: ${jsonProblem(error, text)}`);
  }
  return validatePlan(value, source);
}

/** The text of a plan's file. Throws CrossoverError when it is not a valid plan. */
export function formatPlan(plan: Plan): string {
  return formatJson(validatePlan(plan, 'plan'));
}

/**
 * Writes a plan, so that no reader ever sees half of it.
 * Throws CrossoverError with one line when the plan is not valid or the file cannot be written; the file is untouched then.
 */
export function savePlan(path: string, plan: Plan): void {
  writeWhole(path, formatPlan(plan));
}

function readText(path: string): string {
  let bytes: Uint8Array;
  try {
    const info = statSync(path);
    // A pipe or a device may never end.
    if (!info.isFile()) throw new CrossoverError(`${path} is not a file`);
    if (info.size > MAX_PLAN_BYTES) {
      throw new CrossoverError(
        `${path} has ${formatBytes(info.size)}, must be at most ${formatBytes(MAX_PLAN_BYTES)}`,
      );
    }
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof CrossoverError) throw error;
    const hint = codeOf(error) === 'ENOENT' ? '; make a plan with "crossover tune"' : '';
    throw new CrossoverError(`cannot read ${path}: ${reason(error)}${hint}`, { cause: error });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CrossoverError(`${path} is not UTF-8 text`);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** What JSON.parse says, on one line, and the place by line and column where it gives one. */
function jsonProblem(error: unknown, text: string): string {
  // V8 quotes the text around the fault, with whatever control characters are in it.
  const message = (error instanceof Error ? error.message : String(error)).replace(
    /[\s\p{Cc}\u2028\u2029]+/gu,
    ' ',
  );
  const place = / in JSON at position (\d+).*$/.exec(message);
  if (place === null) return message;
  const before = text.slice(0, Number(place[1])).split('\n');
  return `${message.slice(0, place.index)} (line ${before.length}, column ${before.at(-1)!.length + 1})`;
}
