/**
 * @file A value of a JSON file together with the place where it stands, so that whatever is wrong with it can be said with that place:
 * `llama.pt2: graph_module.graph.nodes[17].inputs[1].arg is 3, must be an object`.
 */
import { CrossoverError } from '../../../errors.ts';

export class Json {
  readonly value: unknown;
  readonly #parent: Json | undefined;
  readonly #key: string | number;

  /** @param source the file, and the entry of it */
  static of(value: unknown, source: string): Json {
    return new Json(value, undefined, source);
  }

  private constructor(value: unknown, parent: Json | undefined, key: string | number) {
    this.value = value;
    this.#parent = parent;
    this.#key = key;
  }

  /** A field that has to be there. */
  field(name: string): Json {
    const field = this.maybe(name);
    if (field) return field;
    const have = Object.keys(this.#object()).slice(0, 8).join(', ') || 'nothing';
    throw new CrossoverError(`${this.#where()} has no field "${name}"; it has ${have}`);
  }

  /** A field that may be absent or null. */
  maybe(name: string): Json | undefined {
    const object = this.#object();
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    return value === undefined || value === null ? undefined : new Json(value, this, name);
  }

  /** Every field, in order; null ones too. */
  fields(): [name: string, value: Json][] {
    return Object.entries(this.#object()).map(([name, value]) => [name, new Json(value, this, name)]);
  }

  list(): Json[] {
    if (!Array.isArray(this.value)) this.refuse('a list');
    return this.value.map((item: unknown, i) => new Json(item, this, i));
  }

  text(): string {
    return typeof this.value === 'string' ? this.value : this.refuse('a text');
  }

  flag(): boolean {
    return typeof this.value === 'boolean' ? this.value : this.refuse('true or false');
  }

  /** A whole number; those of 2^53 and more may have lost their last digits. */
  int(): number {
    return Number.isInteger(this.value) ? (this.value as number) : this.refuse('a whole number');
  }

  /** A size: a whole number from 0 that is exact. */
  size(): number {
    const { value } = this;
    return Number.isSafeInteger(value) && (value as number) >= 0
      ? (value as number)
      : this.refuse('a whole number from 0 on');
  }

  /** A number, or one of the words that stand for what JSON lacks. */
  float(): number {
    const { value } = this;
    if (typeof value === 'number') return value;
    if (value === 'Infinity' || value === '-Infinity' || value === 'NaN') return Number(value);
    return this.refuse('a number, "Infinity", "-Infinity" or "NaN"');
  }

  /** @param expected what follows "must be" */
  refuse(expected: string): never {
    throw new CrossoverError(`${this.#where()} is ${shown(this.value)}, must be ${expected}`);
  }

  /** @param problem what follows the place */
  fail(problem: string): never {
    throw new CrossoverError(`${this.#where()} ${problem}`);
  }

  /** Where it stands in its file: `graph_module.graph.nodes[17]`; empty for the file itself. */
  place(): string {
    if (!this.#parent) return '';
    const above = this.#parent.place();
    if (typeof this.#key === 'number') return `${above}[${this.#key}]`;
    const name = /^\w+$/.test(this.#key) ? this.#key : JSON.stringify(this.#key);
    return above === '' ? name : `${above}.${name}`;
  }

  #where(): string {
    const place = this.place();
    return place === '' ? this.#source() : `${this.#source()}: ${place}`;
  }

  #source(): string {
    return this.#parent ? this.#parent.#source() : String(this.#key);
  }

  #object(): Record<string, unknown> {
    const { value } = this;
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    return this.refuse('an object');
  }
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) {
    const names = Object.keys(value);
    return names.length === 0
      ? 'an empty object'
      : `an object of ${names.slice(0, 4).join(', ')}${names.length > 4 ? ', ...' : ''}`;
  }
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}
