/**
 * @file Which names of a file share memory, so that nodes that write in place can be given values of their own.
 *
 * Names that are one and the same tensor share a cell; what a cell holds changes when one of them is written. Cells that may overlap, a tensor and
 * its views, share a storage. A write is sound here as long as nothing reads another cell of that storage afterwards.
 */
import type { Value } from '../../ir/graph.ts';
import type { Reference } from './argument.ts';

/** When a name is read for the last time: the index of a node, or Infinity for what the graph gives. */
export type LastReads = ReadonlyMap<string, number>;

export interface Cell {
  value: Value;
  /** Whether the caller, or the file, gave the memory. */
  readonly isInput: boolean;
  readonly names: string[];
  storage: Storage;
}

interface Storage {
  cells: Cell[];
}

export class Memory {
  readonly #cells = new Map<string, Cell>();
  readonly #lastReads: LastReads;

  constructor(lastReads: LastReads) {
    this.#lastReads = lastReads;
  }

  /** @throws CrossoverError where the name is read before anything made it */
  cell({ reference, json }: Reference): Cell {
    return (
      this.#cells.get(reference) ?? json.fail(`names "${reference}", which no input and no node before makes`)
    );
  }

  /** A name with memory of its own. */
  define(reference: Reference, value: Value, isInput = false): void {
    const cell: Cell = { value, isInput, names: [], storage: { cells: [] } };
    cell.storage.cells.push(cell);
    this.#name(reference, cell);
  }

  /** Another name of a cell. */
  share(reference: Reference, cell: Cell): void {
    this.#name(reference, cell);
  }

  /** A name that may overlap with others, which from now on share a storage. */
  overlap(reference: Reference, value: Value, others: readonly Cell[]): void {
    this.define(reference, value);
    const cell = this.cell(reference);
    for (const other of others) merge(cell.storage, other.storage);
  }

  /** A name, other than the cell's own, by which what is written here is read after node `index`; undefined when there is none. */
  readElsewhere(cell: Cell, index: number): string | undefined {
    for (const other of cell.storage.cells) {
      if (other === cell) continue;
      if (other.isInput) return other.names[0];
      const name = other.names.find((one) => (this.#lastReads.get(one) ?? -1) > index);
      if (name !== undefined) return name;
    }
    return undefined;
  }

  isRead({ reference }: Reference): boolean {
    return this.#lastReads.has(reference);
  }

  #name({ reference, json }: Reference, cell: Cell): void {
    if (this.#cells.has(reference)) json.fail(`makes "${reference}", which is there already`);
    this.#cells.set(reference, cell);
    cell.names.push(reference);
  }
}

function merge(a: Storage, b: Storage): void {
  if (a === b) return;
  const [into, from] = a.cells.length > b.cells.length ? [a, b] : [b, a];
  for (const cell of from.cells) {
    cell.storage = into;
    into.cells.push(cell);
  }
}
