/**
 * @file One's own measurements as CSV: a head with names of fields, in any order, and a row a measurement. Fields that are empty or whose
 * column is absent are those that are not known; algorithm, bytes and us have to be there.
 */
import { FIELDS, isField, measurementOf } from './fields.ts';
import { type LineFormat, quoted, type Sink } from './format.ts';

const NEEDED = ['algorithm', 'bytes', 'us'] as const;

export class Csv implements LineFormat {
  readonly name = 'CSV';
  readonly #sink: Sink;
  #columns: readonly string[] | undefined;
  #separator = ',';

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  line(text: string, number: number): boolean {
    const separator = this.#columns === undefined ? separatorOf(text) : this.#separator;
    if (separator === undefined) return false;
    if (this.#columns === undefined || /\balgorithm\b/i.test(text)) {
      const names = cellsOf(text, separator)?.map((name) => name.toLowerCase().replace(/[ -]/g, '_'));
      if (names !== undefined && NEEDED.every((name) => names.includes(name))) {
        this.#head(names, number);
        this.#separator = separator;
        return true;
      }
      if (this.#columns === undefined) return false;
    }
    if (text.trim() === '' || text.startsWith('#')) return true;
    // Prose below a table is no broken row of it.
    if (!text.includes(this.#separator)) {
      this.#columns = undefined;
      return false;
    }
    this.#row(text, number, this.#columns);
    return true;
  }

  end(): void {
    this.#columns = undefined;
  }

  #head(names: readonly string[], number: number): void {
    this.#sink.recognised(this.name);
    this.#columns = names;
    const unknown = names.filter((name) => !isField(name));
    if (unknown.length > 0) {
      this.#sink.complain(
        number,
        `the columns ${unknown.map(quoted).join(', ')} are passed over; known are ${FIELDS.join(', ')}`,
      );
    }
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) {
      this.#sink.complain(number, `two columns are named ${quoted(twice)}; the table is not read`);
      this.#columns = undefined;
    }
  }

  #row(text: string, number: number, columns: readonly string[]): void {
    const cells = cellsOf(text, this.#separator);
    if (cells?.length !== columns.length) {
      const many = cells === undefined ? 'a quotation mark is not closed' : `${cells.length} fields`;
      this.#sink.complain(number, `${many}, expected ${columns.length} (${columns.join(this.#separator)})`);
      return;
    }
    const fields = Object.fromEntries(
      columns.flatMap((name, i) => (isField(name) && cells[i] !== '' ? [[name, cells[i]!]] : [])),
    );
    const found = measurementOf(fields, this.#sink.defaults);
    if (typeof found === 'string') this.#sink.complain(number, found);
    else this.#sink.measured(found, number);
  }
}

/** Tables of spreadsheets have tabs or semicolons. */
function separatorOf(text: string): string | undefined {
  if (!/\balgorithm\b/i.test(text)) return undefined;
  return [',', ';', '\t'].find((separator) => text.split(separator).length >= NEEDED.length);
}

/** Cells, without the quotation marks around them; undefined when one is not closed. */
function cellsOf(text: string, separator: string): string[] | undefined {
  if (!text.includes('"')) return text.split(separator).map((cell) => cell.trim());
  const cells: string[] = [];
  let cell = '';
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '"') {
      if (inside && text[i + 1] === '"') {
        cell += '"';
        i++;
      } else inside = !inside;
    } else if (character === separator && !inside) {
      cells.push(cell.trim());
      cell = '';
    } else cell += character;
  }
  return inside ? undefined : [...cells, cell.trim()];
}
