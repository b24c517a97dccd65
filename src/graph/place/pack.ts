/**
 * @file Offsets for pieces of memory that are needed at different times: two that are never needed at once may lie on top of each other.
 *
 * Packing for the least memory is NP-hard; placing one piece after the other, each into the gap that fits, comes close (the "greedy by size" of
 * Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020). Three orders and two choices of the gap are tried and the best
 * of them is kept: which one wins depends on the graph. Nothing but the pieces and their order decides, so all ranks get the same offsets.
 */
import { roomOf } from '../../memory/allocator.ts';

/** What needs a place. Times are inclusive. */
export interface Piece {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Packing {
  /** By piece. Multiples of GRANULE. */
  readonly offsets: readonly number[];
  /** Bytes from 0 that are used at some time. */
  readonly bytes: number;
  /** The most bytes that are needed at one time: no packing can do with fewer. */
  readonly peakBytes: number;
}

/** Whether two pieces are needed at the same time. */
export function meet(a: Piece, b: Piece): boolean {
  return a.first <= b.last && b.first <= a.last;
}

type Order = (a: Piece, b: Piece) => number;
const bySize: Order = (a, b) => b.bytes - a.bytes || a.first - b.first;
const byArea: Order = (a, b) => area(b) - area(a) || a.first - b.first;
const byTime: Order = (a, b) => a.first - b.first || b.bytes - a.bytes;

export function pack(pieces: readonly Piece[]): Packing {
  const peakBytes = peakOf(pieces);
  let best: Packing | undefined;
  for (const order of [bySize, byArea, byTime]) {
    for (const gap of [lowestGap, tightestGap]) {
      const packing = packInOrder(pieces, order, gap);
      if (!best || packing.bytes < best.bytes) best = { ...packing, peakBytes };
      if (best.bytes === peakBytes) return best;
    }
  }
  return best!;
}

interface Placed {
  readonly piece: Piece;
  readonly offset: number;
  readonly end: number;
}

function packInOrder(pieces: readonly Piece[], order: Order, gap: Gap): Omit<Packing, 'peakBytes'> {
  const sequence = [...pieces.keys()].sort((a, b) => order(pieces[a]!, pieces[b]!) || a - b);
  const offsets = new Array<number>(pieces.length).fill(0);
  // By offset, so that gaps are found in one walk.
  const placed: Placed[] = [];
  let bytes = 0;
  for (const index of sequence) {
    const piece = pieces[index]!;
    const room = roomOf(piece.bytes);
    const offset = gap(
      placed.filter((other) => meet(piece, other.piece)),
      room,
    );
    offsets[index] = offset;
    bytes = Math.max(bytes, offset + room);
    const at = placed.findIndex((other) => other.offset > offset);
    placed.splice(at < 0 ? placed.length : at, 0, { piece, offset, end: offset + room });
  }
  return { offsets, bytes };
}

/** An offset at which `room` bytes overlap none of those in the way, which come by offset. */
type Gap = (inTheWay: readonly Placed[], room: number) => number;

const lowestGap: Gap = (inTheWay, room) => {
  let at = 0;
  for (const { offset, end } of inTheWay) {
    if (offset - at >= room) return at;
    at = Math.max(at, end);
  }
  return at;
};

const tightestGap: Gap = (inTheWay, room) => {
  let at = 0;
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (const { offset, end } of inTheWay) {
    const gap = offset - at;
    if (gap >= room && gap < least) {
      best = at;
      least = gap;
    }
    at = Math.max(at, end);
  }
  return best < 0 ? at : best;
};

function area({ bytes, first, last }: Piece): number {
  return roomOf(bytes) * (last - first + 1);
}

function peakOf(pieces: readonly Piece[]): number {
  // At a same time, what begins counts before what ends: times are inclusive.
  const changes = pieces.flatMap(({ bytes, first, last }) => [
    { time: first, bytes: roomOf(bytes) },
    { time: last + 0.5, bytes: -roomOf(bytes) },
  ]);
  let now = 0;
  let peak = 0;
  for (const { bytes } of changes.sort((a, b) => a.time - b.time)) {
    now += bytes;
    peak = Math.max(peak, now);
  }
  return peak;
}
