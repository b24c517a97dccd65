/**
 * @file One's own measurements as JSON: an array, `{ "measurements": [...] }` or a single one, with the fields of CSV; and the sets that
 * `crossover import` writes, whose measurements keep the places where they were first read.
 */
import type { Complaint, SourcePlace } from '../measurement.ts';
import { FIELDS, type Fields, measurementOf } from './fields.ts';
import type { Sink } from './format.ts';
import { isArray, isObject, type Json, type JsonDocument, type JsonObject } from './json-text.ts';
import type { ResultCommand } from './results.ts';

/** Where sets are put: they have complaints of their own. */
export interface SetSink extends Sink {
  pass(complaint: Complaint): void;
  /** The file has a result of one of our commands in it, of which nothing is read. */
  result(command: ResultCommand): void;
}

/** As TypeScript spells them. */
const SPELLINGS: Readonly<Record<string, string>> = { world_size: 'worldSize', in_place: 'inPlace' };

export function isSet(value: Json): boolean {
  return (
    isObject(value) &&
    value.schema === 1 &&
    isArray(value.measurements) &&
    isArray(value.files) &&
    isObject(value.host)
  );
}

export function isOwn(value: Json): boolean {
  if (isObject(value)) return isMeasurement(value) || isOwn(value.measurements ?? null);
  return isArray(value) && value.length > 0 && value.every(isObject) && value.some(isMeasurement);
}

function isMeasurement(value: Json): boolean {
  return isObject(value) && 'algorithm' in value && 'bytes' in value && 'us' in value;
}

export function readOwn(document: JsonDocument, sink: Sink): void {
  const { value } = document;
  const list = isArray(value)
    ? value
    : isObject(value) && isArray(value.measurements)
      ? value.measurements
      : [value];
  for (const item of list.filter(isObject)) readMeasurement(document, item, undefined, sink);
}

export function readSet(document: JsonDocument, sink: SetSink): void {
  const set = document.value as JsonObject;
  for (const item of set.measurements as readonly Json[]) {
    if (isObject(item)) readMeasurement(document, item, placeOf(item.source), sink);
    else sink.complain(document.line(set), 'a measurement that is no object');
  }
  for (const [name, value] of Object.entries(set.host as JsonObject)) {
    if (typeof value === 'string') sink.fact(name, value, document.line(set.host as JsonObject, name));
  }
  for (const matrix of isArray(set.matrices) ? set.matrices : []) readMatrix(document, matrix, sink);
  for (const complaint of isArray(set.complaints) ? set.complaints : []) {
    const place = isObject(complaint) ? placeOf(complaint.source) : undefined;
    if (isObject(complaint) && place !== undefined && typeof complaint.message === 'string') {
      sink.pass({ source: place, message: complaint.message });
    }
  }
}

function readMeasurement(
  document: JsonDocument,
  item: JsonObject,
  source: SourcePlace | undefined,
  sink: Sink,
): void {
  const line = document.line(item, 'us');
  const fields: Fields = Object.fromEntries(
    FIELDS.map((name) => [name, item[name] ?? item[SPELLINGS[name] ?? name]]),
  );
  const found = measurementOf(fields, sink.defaults);
  if (typeof found === 'string') sink.complain(line, found);
  else sink.measured(source === undefined ? found : { ...found, source }, line);
}

function readMatrix(document: JsonDocument, matrix: Json, sink: Sink): void {
  if (!isObject(matrix)) return;
  const { name, p2p, rows } = matrix;
  const numbers = isArray(rows) ? rows.map((row) => (isArray(row) ? row.filter(isNumber) : [])) : [];
  const square = numbers.length > 0 && numbers.every((row) => row.length === numbers.length);
  if (typeof name === 'string' && typeof p2p === 'boolean' && square) {
    sink.matrix({ name, p2p, rows: numbers }, document.line(matrix, 'name'));
  } else {
    sink.complain(document.line(matrix), 'a matrix that is not square, or has no name; it is not read');
  }
}

function isNumber(value: Json): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function placeOf(source: Json | undefined): SourcePlace | undefined {
  if (!isObject(source)) return undefined;
  const { file, line } = source;
  const whole = typeof line === 'number' && Number.isSafeInteger(line) && line >= 1;
  return typeof file === 'string' && whole ? { file, line } : undefined;
}
