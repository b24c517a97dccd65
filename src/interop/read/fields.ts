/**
 * @file The fields of one's own measurements, in CSV and in JSON: their names, and the check of each.
 */
import { MODES, QUANTIZATIONS } from '../../operations.ts';
import { MEASURED_OPERATIONS } from '../measurement.ts';
import { type Defaults, type Found, shown } from './format.ts';
import { dtypeName, PRINTED } from './values.ts';

export const FIELDS = [
  'operation',
  'algorithm',
  'bytes',
  'dtype',
  'world_size',
  'hidden',
  'quantization',
  'residual',
  'in_place',
  'mode',
  'lossy',
  'us',
  'spread',
] as const;

export type Field = (typeof FIELDS)[number];

/** Text of CSV, anything of JSON. */
export type Fields = Readonly<Partial<Record<Field, unknown>>>;

export function isField(name: string): name is Field {
  return (FIELDS as readonly string[]).includes(name);
}

/** A measurement, or what is wrong with it, in words. Whether numbers can be is for the sink to say. */
export function measurementOf(fields: Fields, defaults: Defaults): Found | string {
  const problems: string[] = [];
  const optional = <T>(name: Field, parse: (value: unknown) => T | undefined, use: string): T | undefined => {
    const value = fields[name];
    if (value === undefined || value === null) return undefined;
    const parsed = parse(value);
    if (parsed === undefined) problems.push(`${name} is ${shown(value)}; use ${use}`);
    return parsed;
  };
  const needed = <T>(name: Field, parse: (value: unknown) => T | undefined, use: string, other: T): T => {
    const value = optional(name, parse, use);
    if (fields[name] === undefined || fields[name] === null) problems.push(`${name} is missing; use ${use}`);
    return value ?? other;
  };
  const whole = 'a whole number';
  const worldSize =
    fields.world_size === undefined && defaults.worldSize !== undefined
      ? defaults.worldSize
      : needed('world_size', wholeOf, `${whole}, or say it with --ranks`, 1);
  const found: Found = {
    operation:
      optional('operation', oneOf(MEASURED_OPERATIONS), MEASURED_OPERATIONS.join(', ')) ?? defaults.operation,
    algorithm: needed('algorithm', textOf, 'a name', ''),
    bytes: needed('bytes', wholeOf, whole, 0),
    dtype: optional('dtype', dtypeOf, 'a name such as bf16'),
    worldSize,
    hidden: optional('hidden', wholeOf, whole),
    quantization: optional('quantization', oneOf(QUANTIZATIONS), QUANTIZATIONS.join(', ')),
    residual: optional('residual', flagOf, 'true or false'),
    inPlace: optional('in_place', flagOf, 'true or false'),
    mode: optional('mode', oneOf(MODES), MODES.join(', ')),
    lossy: optional('lossy', flagOf, 'true or false'),
    us: needed('us', numberOf, 'a number of us', 1),
    spread: optional('spread', numberOf, 'a number of us'),
  };
  return problems.length === 0 ? found : problems.join('; ');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' && value.length <= 200 ? value.trim() : undefined;
}

function dtypeOf(value: unknown): string | undefined {
  const text = textOf(value);
  return text === undefined ? undefined : dtypeName(text);
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && PRINTED.test(value) ? Number(value) : undefined;
}

function wholeOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && !/^\d+$/.test(value) ? undefined : numberOf(value);
  return Number.isInteger(number) ? number : undefined;
}

function flagOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const flags: Readonly<Record<string, boolean>> = { true: true, false: false, yes: true, no: false };
  const text = String(value).toLowerCase();
  return Object.hasOwn(flags, text) ? flags[text] : undefined;
}

function oneOf<const T extends readonly string[]>(values: T): (value: unknown) => T[number] | undefined {
  return (value) => values.find((one) => one === value);
}
