/**
 * @file The shape of a plan file, as a zod schema. What zod cannot say in one place (ranges that tile, keys that are unique)
 * is in validate.ts.
 *
 * Every leaf carries the end of its own error message, `must be ...`, which validate.ts puts behind the field and its value.
 * Lists are bounded before their items are looked at, and validate.ts goes entry by entry, so that no file of any size makes
 * millions of problems.
 */
import { z } from 'zod';
import { MODES, OPERATIONS, QUANTIZATIONS } from '../operations.ts';
import { DTYPES } from '../tensor/dtype.ts';
import type { PlanKey } from './key.ts';
import {
  type Candidate,
  type Fingerprint,
  type HostFingerprint,
  type MeasuredPoint,
  PLAN_SCHEMA,
  type Plan,
  type PlanEntry,
  type PlanRange,
  type RegretReport,
} from './plan.ts';

/** Most entries of a plan, and most items of any list within an entry: far above what a sweep makes. */
export const MAX_ENTRIES = 10_000;
export const MAX_ITEMS = 500;

const text: z.ZodType<string> = z.string({ error: 'must be text' }).min(1, { error: 'must not be empty' });
const flag: z.ZodType<boolean> = z.boolean({ error: 'must be true or false' });
const size: z.ZodType<number> = wholeFrom(0, 'must be whole bytes, 0 or more');
const sizeFrom1: z.ZodType<number> = wholeFrom(1, 'must be whole bytes, 1 or more');
const count: z.ZodType<number> = wholeFrom(1, 'must be a whole number, 1 or more');
const time: z.ZodType<number> = z.number({ error: 'must be a finite number of us, more than 0' }).positive();
const spread: z.ZodType<number> = z.number({ error: 'must be a finite number of us, 0 or more' }).min(0);
const ratio: z.ZodType<number> = z.number({ error: 'must be a finite number, 0 or more' }).min(0);
const tunables: z.ZodType<Record<string, number>> = record(
  z.number({ error: 'must be a finite number' }),
  `must be an object of at most ${MAX_ITEMS} numbers`,
);

const keySchema: z.ZodType<PlanKey> = fields({
  operation: oneOf(OPERATIONS),
  dtype: oneOf(DTYPES),
  worldSize: count,
  mode: oneOf(MODES),
  hidden: z.optional(count),
  quantization: z.optional(oneOf(QUANTIZATIONS)),
  registered: flag,
});

const rangeSchema: z.ZodType<PlanRange> = fields({
  from: size,
  to: z.nullable(wholeFrom(1, 'must be whole bytes, 1 or more, or null in the last range')),
  algorithm: text,
  tunables,
  at: size,
  us: time,
  spread,
});

const pointSchema: z.ZodType<MeasuredPoint> = fields({ bytes: sizeFrom1, us: time, spread });

const candidateSchema: z.ZodType<Candidate> = fields({
  algorithm: text,
  tunables,
  relativeError: z.optional(ratio),
  points: list(pointSchema),
});

/** The shape of one entry. */
export const entrySchema: z.ZodType<PlanEntry> = fields({
  key: keySchema,
  measured: fields({ from: sizeFrom1, to: sizeFrom1 }),
  ranges: list(rangeSchema),
  candidates: list(candidateSchema),
});

const hostSchema: z.ZodType<HostFingerprint> = fields({
  platform: text,
  arch: text,
  cpu: text,
  cores: count,
  node: z.optional(text),
});

const fingerprintSchema: z.ZodType<Fingerprint> = fields({
  engine: oneOf(['cpu', 'cuda'] as const),
  host: hostSchema,
  device: record(z.string({ error: 'must be text' }), `must be an object of at most ${MAX_ITEMS} texts`),
  kernels: text,
});

const regretSchema: z.ZodType<RegretReport> = fields({
  mean: ratio,
  worst: ratio,
  count,
  worstAt: fields({ key: text, bytes: size, chosen: text, best: text }),
});

const planFields = {
  schema: z.literal(PLAN_SCHEMA, { error: `must be ${PLAN_SCHEMA}` }),
  crossover: text,
  createdAt: z.iso.datetime({ error: 'must be an ISO 8601 time in UTC, such as 2026-01-31T12:00:00Z' }),
  command: text,
  deterministic: flag,
  fingerprint: fingerprintSchema,
  entries: list(entrySchema, MAX_ENTRIES),
  regret: z.optional(regretSchema),
};

/** The shape of a plan; unknown fields are refused. Says nothing about how ranges relate: see `validatePlan`. */
export const planSchema: z.ZodType<Plan> = fields(planFields);

/** The shape of all of a plan but its entries, which it passes on as they are. */
export const planHeadSchema: z.ZodType<Omit<Plan, 'entries'> & { entries: unknown[] }> = fields({
  ...planFields,
  entries: list(z.unknown(), MAX_ENTRIES),
});

/** The JSON Schema (draft 2020-12) of a plan file, for editors and for programs in other languages. */
export function planJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(planSchema), title: 'crossover plan' };
}

function wholeFrom(least: number, error: string): z.ZodType<number> {
  return z.int({ error }).min(least);
}

function oneOf<const T extends readonly string[]>(values: T): z.ZodType<T[number]> {
  return z.enum(values, { error: `must be one of ${values.join(', ')}` });
}

function list<T>(item: z.ZodType<T>, most: number = MAX_ITEMS): z.ZodType<T[]> {
  const error = `must be an array of at most ${most} items`;
  return z.array(z.unknown(), { error }).max(most).pipe(z.array(item).max(most));
}

function record<T>(value: z.ZodType<T>, error: string): z.ZodType<Record<string, T>> {
  const bounded = z.record(z.string(), z.unknown(), { error });
  const few = bounded.refine((names) => Object.keys(names).length <= MAX_ITEMS, { error });
  return few.pipe(z.record(z.string(), value));
}

function fields<const S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const accepted = `accepted here: ${Object.keys(shape).join(', ')}`;
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? accepted : 'must be an object'),
  });
}
