/** @file Tables: every column as wide as its widest cell, numbers to the right, text to the left, nothing behind the last cell. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aligned, bold, formatTable } from '../../dist/report/table.js';

test('aligns numbers to the right and text to the left, and puts lines between rows', () => {
  const columns = [{ head: 'size' }, { head: 'name', left: true }, { head: 'us' }];
  const rows = [['1 KiB', 'one_shot', '5'], '  -- crossover', ['16 KiB', 'ring', '10.5'], ['1', '', '']];
  expect(formatTable(columns, rows)).toBe(
    [
      '  size  name        us',
      ' 1 KiB  one_shot     5',
      '  -- crossover',
      '16 KiB  ring      10.5',
      '     1',
    ].join('\n'),
  );
});

test('a table without rows is its head', () => {
  expect(formatTable([{ head: 'a' }, { head: 'b' }], [])).toBe('a  b');
});

const word = fc.string({ unit: fc.constantFrom('a', '1', '.', '-'), minLength: 1, maxLength: 6 });

test('columns line up whatever is in them', () => {
  const tables = fc
    .integer({ min: 1, max: 5 })
    .chain((width) =>
      fc.array(fc.array(word, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }),
    );
  fc.assert(
    fc.property(tables, fc.array(fc.integer({ min: 0, max: 4 })), (rows, left) => {
      const leftOnes = new Set(left);
      const lines = aligned(rows, leftOnes);
      const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
      for (const [r, line] of lines.entries()) {
        expect(line).toBe(line.trimEnd());
        let at = 0;
        for (const [i, width] of widths.entries()) {
          const cell = line.slice(at, at + width).padEnd(width);
          expect(cell).toBe(leftOnes.has(i) ? rows[r]![i]!.padEnd(width) : rows[r]![i]!.padStart(width));
          at += width + 2;
        }
      }
    }),
  );
});

test('bold only where a terminal shows it', () => {
  expect(bold('x', {})).toBe('x');
  expect(bold('x', { isTTY: false })).toBe('x');
});
