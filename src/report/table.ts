/**
 * @file Tables for terminals: aligned columns, numbers to the right, units in the head.
 */
import { styleText } from 'node:util';

export interface Column {
  readonly head: string;
  /** Text columns are aligned left; numbers, the default, right. */
  readonly left?: boolean;
}

/** Rows of cells, or a line of text that goes between rows as it is. */
export type Row = readonly string[] | string;

/** The table as text: a head, then the rows, two spaces between columns, no trailing spaces. */
export function formatTable(columns: readonly Column[], rows: readonly Row[]): string {
  const cells = rows.filter((row): row is readonly string[] => typeof row !== 'string');
  const left = new Set(columns.flatMap((column, i) => (column.left ? [i] : [])));
  const lines = aligned([columns.map((column) => column.head), ...cells], left);
  let next = 1;
  return [lines[0]!, ...rows.map((row) => (typeof row === 'string' ? row : lines[next++]!))].join('\n');
}

/** One line a row, every column as wide as its widest cell; to the right, but for the columns in `left`. */
export function aligned(
  rows: readonly (readonly string[])[],
  left: ReadonlySet<number> = new Set(),
): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, i) => (left.has(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** Breaks a paragraph between words; lines that start with a space are tables and stay whole. */
export function wrapped(paragraph: string, width: number): string[] {
  if (paragraph.startsWith(' ')) return [paragraph];
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return line === '' ? lines : [...lines, line];
}

/** Bold on terminals that show it; plain text elsewhere. */
export function bold(text: string, stream: { isTTY?: boolean } = process.stdout): string {
  return stream.isTTY && !process.env.NO_COLOR ? styleText('bold', text) : text;
}
