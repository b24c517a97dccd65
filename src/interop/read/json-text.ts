/**
 * @file JSON with the lines that its values stand on, which JSON.parse forgets. Takes NaN and Infinity as well: Python writes them.
 */

/** Any value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json };

export class JsonDocument {
  readonly value: Json;
  readonly #starts: ReadonlyMap<object, number>;
  readonly #lines: ReadonlyMap<object, Lines>;

  /**
   * @param first the line that the text begins on
   * @throws SyntaxError that says what was expected, and where: `line 3: expected ...`
   */
  constructor(text: string, first: number) {
    const parser = new Parser(text, first);
    this.value = parser.document();
    this.#starts = parser.starts;
    this.#lines = parser.lines;
  }

  /** The line that a member of an object stands on; that of the object, when it has no such member. */
  line(object: JsonObject | readonly Json[], member?: string): number {
    const lines = member === undefined ? undefined : this.#lines.get(object);
    const own = lines instanceof Map ? lines.get(member!) : lines?.[Object.keys(object).indexOf(member!)];
    return own ?? this.#starts.get(object) ?? 1;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Of members, in the order of Object.keys; by name where that is not the order of the file, as names that are numbers come first. */
type Lines = number[] | Map<string, number>;

const WHOLE = /^\d+$/;

/** Deeper than any file of measurements. */
const DEEPEST = 64;
const NUMBER = /-?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Infinity)|NaN/y;
/** Text with nothing in it that JSON writes otherwise. */
const PLAIN = /^"[\w .,:;()/=+-]*"$/;
const WORDS: readonly (readonly [string, Json])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

class Parser {
  readonly starts: Map<object, number> = new Map();
  /** Only of objects that are on several lines. */
  readonly lines: Map<object, Lines> = new Map();
  readonly #text: string;
  #at = 0;
  #line: number;

  constructor(text: string, first: number) {
    this.#text = text;
    this.#line = first;
  }

  document(): Json {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail('the end');
    return value;
  }

  #space(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 10) this.#line++;
      else if (code !== 32 && code !== 9 && code !== 13) return;
    }
  }

  #fail(expected: string): never {
    const found = this.#at < this.#text.length ? this.#text.slice(this.#at, this.#at + 20) : 'the end';
    throw new SyntaxError(
      `line ${this.#line}: expected ${expected}, found ${JSON.stringify(found.split('\n', 1)[0])}`,
    );
  }

  #value(depth: number): Json {
    this.#space();
    if (depth > DEEPEST) this.#fail(`at most ${DEEPEST} levels`);
    const character = this.#text[this.#at];
    if (character === '{') return this.#object(depth);
    if (character === '[') return this.#array(depth);
    if (character === '"') return this.#string();
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#text);
    if (number !== null) {
      this.#at += number[0].length;
      return Number(number[0]);
    }
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#fail('a value');
  }

  #string(): string {
    let end = this.#at + 1;
    for (; this.#text[end] !== '"'; end++) {
      if (end >= this.#text.length) this.#fail('text that ends');
      if (this.#text[end] === '\\') end++;
    }
    const raw = this.#text.slice(this.#at, end + 1);
    if (PLAIN.test(raw)) {
      this.#at = end + 1;
      return raw.slice(1, -1);
    }
    let value: unknown;
    try {
      value = JSON.parse(raw);
    } catch {
      this.#fail('text');
    }
    this.#at = end + 1;
    return String(value);
  }

  #object(depth: number): JsonObject {
    const object: Record<string, Json> = {};
    const start = this.#line;
    this.starts.set(object, start);
    const names: string[] = [];
    const lines: number[] = [];
    this.#at++;
    this.#space();
    if (this.#take('}')) return object;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail('a name');
      const name = this.#string();
      this.#space();
      if (!this.#take(':')) this.#fail('":"');
      const value = this.#value(depth + 1);
      // Scalars are on the line that has just been read; objects and arrays have their own.
      const before = Object.hasOwn(object, name) ? names.indexOf(name) : names.push(name) - 1;
      lines[before] = this.#line;
      if (name !== '__proto__') object[name] = value;
      // Assigned, it would be no member.
      else
        Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
      this.#space();
    } while (this.#take(','));
    if (!this.#take('}')) this.#fail('"," or "}"');
    if (this.#line === start) return object;
    const ordered = !names.some((name) => WHOLE.test(name));
    this.lines.set(object, ordered ? lines : new Map(names.map((name, i) => [name, lines[i]!])));
    return object;
  }

  #array(depth: number): Json[] {
    const array: Json[] = [];
    this.starts.set(array, this.#line);
    this.#at++;
    this.#space();
    if (this.#take(']')) return array;
    do {
      array.push(this.#value(depth + 1));
      this.#space();
    } while (this.#take(','));
    if (!this.#take(']')) this.#fail('"," or "]"');
    return array;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }
}
