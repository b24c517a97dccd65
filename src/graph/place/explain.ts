/**
 * @file A placement as rows: one for each operand of each collective, with what lies on the same bytes at other times.
 */

import { roomOf } from '../../memory/allocator.ts';
import type { Value } from '../ir/graph.ts';
import type { PlacedBuffer, PlacedCollective, PlacedOperand, Placement } from './placement.ts';

/** One operand of one collective. */
export interface PlacementRow {
  readonly op: string;
  /** Index of the node. */
  readonly node: number;
  /** Where the node stands in the model; empty where nothing is known. */
  readonly origin: string;
  /** Bytes of the message at the bounds, as plans count them; absent without a bound. */
  readonly messageBytes?: number | undefined;
  readonly value: string;
  readonly role: 'read' | 'written';
  /** Offset in the arena; for a copy, of the copy. Absent outside. */
  readonly offset?: number | undefined;
  /** Bytes of the operand at the bounds; absent without a bound. */
  readonly bytes?: number | undefined;
  /** Name of the operand of the same node whose bytes a result takes. */
  readonly inPlaceOf?: string | undefined;
  /** Names of the values that other buffers hold on some of the same bytes, at other times, in the order of the nodes. */
  readonly sharedWith: readonly string[];
  /** Why it is not in the arena; absent when it is. */
  readonly reason?: string | undefined;
}

/** Rows in the order of the nodes, and of operands within a node: what is read, then what is written. */
export function placementRows(placement: Placement): PlacementRow[] {
  const homes = new Map<Value, PlacedBuffer>();
  for (const buffer of placement.buffers)
    if (buffer.kind === 'values') for (const value of buffer.values) homes.set(value, buffer);
  return placement.collectives.flatMap((one) =>
    one.operands.map((operand) => rowOf(one, operand, homes.get(operand.value), placement.buffers)),
  );
}

function rowOf(
  { node, index, bytes: messageBytes }: PlacedCollective,
  { value, role, place }: PlacedOperand,
  home: PlacedBuffer | undefined,
  buffers: readonly PlacedBuffer[],
): PlacementRow {
  const { bytes } = place;
  const common = {
    op: node.op,
    node: index,
    origin: node.origin,
    messageBytes,
    value: value.name,
    role,
    bytes,
  };
  if (place.where === 'outside')
    return { ...common, offset: place.copyTo ?? undefined, sharedWith: [], reason: place.reason };
  const sharedWith = home ? sharers(home, buffers) : [];
  return { ...common, offset: place.offset, inPlaceOf: place.inPlaceOf?.name, sharedWith };
}

/** Of each buffer on the same bytes the value that was made first. */
function sharers(home: PlacedBuffer, buffers: readonly PlacedBuffer[]): string[] {
  const end = ({ offset, bytes }: PlacedBuffer): number => offset + roomOf(bytes);
  return buffers
    .filter((other) => other !== home && other.offset < end(home) && home.offset < end(other))
    .sort((a, b) => a.first - b.first)
    .map(({ kind, values }) => (kind === 'copy' ? `a copy of ${values[0]!.name}` : values[0]!.name));
}
