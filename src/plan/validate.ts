/**
 * @file From anything to a plan, or to one error that names the field, its value and what is accepted.
 *
 * Two passes: the shape (schema.ts), then what relates fields to one another: ranges tile all sizes, curves increase,
 * keys and candidates are unique. The second pass sees only what has the right shape.
 */
import type { z } from 'zod';
import { CrossoverError } from '../errors.ts';
import { keyName } from './key.ts';
import {
  type Candidate,
  choiceName,
  PLAN_SCHEMA,
  type Plan,
  type PlanEntry,
  type PlanRange,
} from './plan.ts';
import { entrySchema, planHeadSchema } from './schema.ts';

/** Looking stops once there are this many problems. */
const ENOUGH_PROBLEMS = 100;

/**
 * Checks that a value is a plan, and returns a clean copy with fields in the file's order.
 * `source` names where it came from, such as the file's path.
 * Throws CrossoverError with one line: the first problem, and how many more there are.
 */
export function validatePlan(value: unknown, source: string): Plan {
  refuseOtherVersions(value, source);
  const head = parse(planHeadSchema, value, source);
  if (!head.success) return refuse(shapeProblems(head.error.issues, value, []), source);
  const entries: PlanEntry[] = [];
  const problems: string[] = [];
  for (const [index, item] of head.data.entries.entries()) {
    if (problems.length >= ENOUGH_PROBLEMS) break;
    const entry = parse(entrySchema, item, source);
    if (entry.success) entries.push(entry.data);
    else problems.push(...shapeProblems(entry.error.issues, item, ['entries', index]));
  }
  if (problems.length > 0) return refuse(problems, source);
  for (const problem of relationProblems(entries)) {
    if (problems.push(problem) >= ENOUGH_PROBLEMS) break;
  }
  return problems.length === 0 ? { ...head.data, entries } : refuse(problems, source);
}

function parse<T>(schema: z.ZodType<T>, value: unknown, source: string): z.ZodSafeParseResult<T> {
  try {
    return schema.safeParse(value);
  } catch (error) {
    // zod passes problems up as arguments of one call; hundreds of thousands do not fit on the stack.
    if (error instanceof RangeError) return refuse(['the plan has more problems than can be listed'], source);
    throw error;
  }
}

function refuse(problems: readonly string[], source: string): never {
  const more = problems.length - 1;
  const count = more < ENOUGH_PROBLEMS - 1 ? more : `at least ${ENOUGH_PROBLEMS - 1}`;
  const rest = more === 0 ? '' : ` (and ${count} more problem${more === 1 ? '' : 's'})`;
  throw new CrossoverError(`${source}: ${problems[0]}${rest}`);
}

/** A plan of another version has another shape: said first, in place of the problems that follow from it. */
function refuseOtherVersions(value: unknown, source: string): void {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'schema')) return;
  const { schema } = value as { schema: unknown };
  if (schema === PLAN_SCHEMA) return;
  throw new CrossoverError(
    `${source}: schema is ${describe(schema)}, must be ${PLAN_SCHEMA}, the only one this version reads; make a new plan with "crossover tune"`,
  );
}

// ---------- Shape ----------

function shapeProblems(
  issues: readonly z.core.$ZodIssue[],
  root: unknown,
  at: readonly PropertyKey[],
): string[] {
  // One entry may have a great many: all of them as arguments of one call would not fit on the stack.
  return issues.slice(0, ENOUGH_PROBLEMS).map((issue) => {
    const path = [...at, ...issue.path];
    if (issue.code === 'unrecognized_keys') return unknownFields(issue.keys, path, issue.message);
    const value = valueAt(root, issue.path);
    const is = value === undefined ? 'is missing' : `is ${describe(value)}`;
    return `${pathName(path)} ${is}, ${issue.message}`;
  });
}

function unknownFields(keys: readonly string[], path: readonly PropertyKey[], accepted: string): string {
  const names = keys.slice(0, 3).map((key) => pathName([...path, key]));
  const more = keys.length > 3 ? ` and ${keys.length - 3} more` : '';
  return `${names.join(', ')}${more} ${keys.length === 1 ? 'is' : 'are'} not known; ${accepted}`;
}

/** `entries[3].ranges[1].from`; names that are not plain words are quoted: `tunables["a b"]`. */
function pathName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the plan';
  let name = '';
  for (const part of path) {
    const step = typeof part === 'number' ? `[${part}]` : String(part);
    if (typeof part === 'number') name += step;
    else if (/^\w{1,60}$/.test(step)) name += name === '' ? step : `.${step}`;
    else name += `[${quoted(step)}]`;
  }
  return name;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

/** Short and on one line, whatever it is. Objects are not printed: they may be nested without end. */
function describe(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

function quoted(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u2028\u2029]/g, ' ');
}

// ---------- Relations between fields ----------

function* relationProblems(entries: readonly PlanEntry[]): Generator<string> {
  const seen = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const path = `entries[${index}]`;
    const name = keyName(entry.key);
    const before = seen.get(name);
    if (before === undefined) seen.set(name, index);
    else yield `${path}.key is ${name}, must be unique (entries[${before}] has it)`;
    yield* keyProblems(entry, path);
    yield* rangeProblems(entry.ranges, path);
    yield* measurementProblems(entry, path);
  }
}

/** Rows and quantization belong to the fused operation and to no other; a key that says otherwise is never looked up. */
function* keyProblems({ key }: PlanEntry, path: string): Generator<string> {
  const fused = key.operation === 'all_reduce_rms_norm';
  if (fused && key.hidden === undefined) {
    yield `${path}.key.hidden is missing, must be a whole number, 1 or more, for ${key.operation}`;
  }
  if (!fused && key.hidden !== undefined) {
    yield `${path}.key.hidden is ${key.hidden}, must be absent for ${key.operation}`;
  }
  if (!fused && key.quantization !== undefined) {
    yield `${path}.key.quantization is ${key.quantization}, must be absent for ${key.operation}`;
  }
}

function* rangeProblems(ranges: readonly PlanRange[], entryPath: string): Generator<string> {
  if (ranges.length === 0) yield `${entryPath}.ranges is an empty array, must have at least one range`;
  let end = 0;
  for (const [index, range] of ranges.entries()) {
    const path = `${entryPath}.ranges[${index}]`;
    const last = index === ranges.length - 1;
    if (range.from !== end) {
      const why = index === 0 ? 'the first range starts at 0' : 'where the range before ends';
      yield `${path}.from is ${range.from}, must be ${end} (${why})`;
    }
    if (last && range.to !== null) {
      yield `${path}.to is ${range.to}, must be null (the last range has no end)`;
    }
    if (!last && range.to === null) {
      yield `${path}.to is null, must be whole bytes (only the last range has no end)`;
    }
    if (range.to !== null && range.to <= range.from) {
      yield `${path}.to is ${range.to}, must be more than ${range.from} (where the range starts)`;
    }
    if (range.at < range.from || (range.to !== null && range.at >= range.to)) {
      yield `${path}.at is ${range.at}, must be from ${range.from} up to but not ${range.to ?? 'infinity'}`;
    }
    // One fault makes one problem: a range that ends nowhere useful still lets the next start where it says.
    end = range.to ?? ranges[index + 1]?.from ?? 0;
  }
}

function* measurementProblems({ measured, candidates }: PlanEntry, entryPath: string): Generator<string> {
  const { from, to } = measured;
  if (to < from) yield `${entryPath}.measured.to is ${to}, must be at least ${from} (measured.from)`;
  const seen = new Map<string, number>();
  for (const [index, candidate] of candidates.entries()) {
    const path = `${entryPath}.candidates[${index}]`;
    const name = choiceName(candidate);
    const before = seen.get(name);
    if (before === undefined) seen.set(name, index);
    else yield `${path} is ${quoted(name)}, must be unique (candidates[${before}] has it)`;
    yield* curveProblems(candidate, path, from, to);
  }
}

function* curveProblems({ points }: Candidate, path: string, from: number, to: number): Generator<string> {
  let before = 0;
  for (const [index, { bytes }] of points.entries()) {
    const field = (): string => `${path}.points[${index}].bytes is ${bytes}, must be`;
    if (bytes <= before) yield `${field()} more than ${before} (the point before)`;
    else if (bytes < from || bytes > to) yield `${field()} from ${from} to ${to} (what was measured)`;
    before = bytes;
  }
}
