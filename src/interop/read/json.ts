/**
 * @file JSON among lines: finds where values begin and end, so that a file may hold several, one after another or among other output, and
 * hands each to the format that it is of.
 */
import { isBenchResult, isGpuResult, readBenchResult, readGpuResult } from './crossover-bench.ts';
import { isPlan, readPlan } from './crossover-plan.ts';
import { type LineFormat, quoted, shown } from './format.ts';
import { isArray, isObject, type Json, JsonDocument } from './json-text.ts';
import { isNcclTestsJson, readNcclTestsJson } from './nccl-tests-json.ts';
import { isOwn, isSet, readOwn, readSet, type SetSink } from './own-json.ts';
import { resultCommand, resultRefusal } from './results.ts';
import { isCommunicatorsJson, readCommunicatorsJson } from './vllm-device-communicators-json.ts';

interface JsonFormat {
  readonly name: string;
  is(value: Json): boolean;
  read(document: JsonDocument, sink: SetSink): void;
}

/** The first that a value fits is the one: from the most to the least particular. */
const JSON_FORMATS: readonly JsonFormat[] = [
  { name: 'nccl-tests JSON', is: isNcclTestsJson, read: readNcclTestsJson },
  { name: 'vLLM benchmark_device_communicators JSON', is: isCommunicatorsJson, read: readCommunicatorsJson },
  { name: 'crossover plan', is: isPlan, read: readPlan },
  { name: 'bench/gpu.mjs', is: isGpuResult, read: readGpuResult },
  { name: 'crossover bench', is: isBenchResult, read: readBenchResult },
  { name: 'crossover import', is: isSet, read: readSet },
  { name: 'JSON of measurements', is: isOwn, read: readOwn },
];

/** Longest JSON that is read, characters. */
const LONGEST_JSON = 64 * 1024 * 1024;

/** How a value begins; logs have lines that begin with brackets, too. */
const BEGINS = /^\s*(?:\{\s*(?:"|\}|$)|\[\s*(?:\{|\]|$))/;

interface Open {
  readonly lines: string[];
  readonly from: number;
  length: number;
  depth: number;
}

export class JsonLines implements LineFormat {
  readonly name = 'JSON';
  readonly #sink: SetSink;
  #open: Open | undefined;
  /** Values that are nothing known: a log may have one a line. */
  #strange: { readonly line: number; readonly message: string; count: number } | undefined;

  constructor(sink: SetSink) {
    this.#sink = sink;
  }

  line(text: string, number: number): boolean {
    if (this.#open === undefined) {
      if (!BEGINS.test(text.length > 200 ? text.slice(0, 200) : text)) return false;
      this.#open = { lines: [], from: number, length: 0, depth: 0 };
    }
    const open = this.#open;
    const scanned = scan(text, open.depth);
    if (scanned === 'broken' || open.length + text.length > LONGEST_JSON) {
      this.#open = undefined;
      const why = scanned === 'broken' ? 'is broken here' : `is longer than ${LONGEST_JSON} characters`;
      if (open.from === number) this.#pass(number, `the JSON that begins here ${why}: ${quoted(text)}`);
      else this.#sink.complain(number, `the JSON that begins in line ${open.from} ${why}: ${quoted(text)}`);
      // A log that goes on below a value that was cut is read; the line that began a value is nobody else's.
      return open.lines.length === 0;
    }
    open.depth = scanned.depth;
    open.lines.push(text.slice(0, scanned.end));
    open.length += scanned.end + 1;
    if (open.depth === 0) {
      this.#open = undefined;
      this.#value(open);
      const rest = text.slice(scanned.end);
      if (BEGINS.test(rest)) this.line(rest, number);
      else if (rest.trim() !== '') this.#sink.complain(number, `${quoted(rest)} after JSON is passed over`);
    }
    return true;
  }

  end(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined) {
      this.#sink.complain(open.from, 'the JSON that begins here is cut off; none of it is read');
    }
    if (this.#strange === undefined) return;
    const { line, message, count } = this.#strange;
    this.#strange = undefined;
    this.#sink.complain(line, count === 1 ? message : `${message}; and so do ${count - 1} more`);
  }

  /** Complains about the first of what is nothing known. */
  #pass(line: number, message: string): void {
    this.#strange ??= { line, message, count: 0 };
    this.#strange.count++;
  }

  #value({ lines, from }: Open): void {
    let document: JsonDocument;
    try {
      document = new JsonDocument(lines.join('\n'), from);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#sink.complain(from, `the JSON that begins here cannot be read: ${error.message}`);
      return;
    }
    const format = JSON_FORMATS.find(({ is }) => is(document.value));
    if (format === undefined) {
      const command = resultCommand(document.value);
      if (command !== undefined) {
        this.#sink.result(command);
        this.#pass(from, `what begins here ${resultRefusal(command)}`);
        return;
      }
      this.#pass(from, `the JSON that begins here has no known format: it is ${describe(document.value)}`);
      return;
    }
    this.#sink.recognised(format.name);
    format.read(document, this.#sink);
  }
}

function describe(value: Json): string {
  if (isArray(value)) return `an array of ${value.length}`;
  if (!isObject(value)) return shown(value);
  const names = Object.keys(value);
  if (names.length === 0) return 'an empty object';
  const more = names.length > 8 ? `, and ${names.length - 8} more` : '';
  return `an object with ${names.slice(0, 8).map(quoted).join(', ')}${more}`;
}

/**
 * Follows brackets through a line. Text does not go on in the next line, and beside text there are only letters, digits and a few marks:
 * anything else is no JSON.
 * @returns the depth behind the line, and where in it the value ended, if it did
 */
function scan(line: string, before: number): { depth: number; end: number } | 'broken' {
  let depth = before;
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if (code === 0x22) {
      for (i++; i < line.length && line.charCodeAt(i) !== 0x22; i++) if (line.charCodeAt(i) === 0x5c) i++;
      if (i >= line.length) return 'broken';
    } else if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      depth--;
      if (depth === 0) return { depth, end: i + 1 };
    } else if (!PLAIN[code]) return 'broken';
  }
  return { depth, end: line.length };
}

/** Codes of what stands outside of text. */
const PLAIN: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  /[\s\w:,.+-]/.test(String.fromCharCode(code)),
);
