/**
 * @file A placement for people: a row an operand of a collective, then what parts that differ between ranks came to, and totals.
 */
import { type PlacementRow, placementRows } from '../graph/place/explain.ts';
import type { Placement } from '../graph/place/placement.ts';
import { formatBytes } from '../units.ts';
import { formatTable } from './table.ts';

/** Names that a cell shows of what shares a buffer; the others are counted. */
const SHOWN = 3;

/** The table and the totals as text. Offsets are bytes from the beginning of the arena's block. */
export function formatPlacement(placement: Placement): string {
  const lines = [...table(placementRows(placement)), ...decisions(placement), ...totals(placement)];
  return [...lines, ...placement.notes.map((note) => `note: ${note}`)].join('\n');
}

function table(rows: readonly PlacementRow[]): string[] {
  if (rows.length === 0) return ['no collective that is understood'];
  const columns = [
    { head: 'collective', left: true },
    { head: 'origin', left: true },
    { head: 'bytes' },
    { head: 'value', left: true },
    { head: '', left: true },
    { head: 'offset' },
    { head: 'bytes' },
    { head: 'lies', left: true },
  ];
  const cells = rows.map((row, i) => {
    const isFirst = rows[i - 1]?.node !== row.node;
    return [
      isFirst ? row.op : '',
      isFirst ? row.origin : '',
      isFirst ? size(row.messageBytes) : '',
      row.value,
      row.role,
      row.offset === undefined ? '-' : String(row.offset),
      size(row.bytes),
      lies(row),
    ];
  });
  return [formatTable(columns, cells)];
}

function lies({ reason, inPlaceOf, sharedWith }: PlacementRow): string {
  if (reason !== undefined) return `outside: ${reason}`;
  const shown = sharedWith.slice(0, SHOWN).join(', ');
  const more = sharedWith.length > SHOWN ? ` and ${sharedWith.length - SHOWN} more` : '';
  const parts = [
    ...(inPlaceOf === undefined ? [] : [`in place of ${inPlaceOf}`]),
    ...(sharedWith.length === 0 ? [] : [`at other times ${shown}${more}`]),
  ];
  return parts.length === 0 ? 'alone' : parts.join('; ');
}

function decisions({ collectives }: Placement): string[] {
  return collectives.flatMap(({ node, parts }) =>
    parts ? [`${node.op}${node.origin ? ` at ${node.origin}` : ''}: ${parts.layout}; ${parts.why}`] : [],
  );
}

function totals({ arenaBytes, peakBytes, bytesWithoutReuse, staged }: Placement): string[] {
  const unbounded = staged.unbounded === 0 ? '' : `, and ${staged.unbounded} without a bound`;
  return [
    `arena: ${formatBytes(arenaBytes)}, of which ${formatBytes(peakBytes)} are needed at once; ${formatBytes(bytesWithoutReuse)} without reuse`,
    staged.operands === 0
      ? 'outside the heap: nothing'
      : `outside the heap, copied at every run where peers reach for it: ${count(staged.operands, 'operand')}, ${formatBytes(staged.bytes)}${unbounded}`,
  ];
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function size(bytes: number | undefined): string {
  return bytes === undefined ? '?' : formatBytes(bytes);
}
