/**
 * @file What the placement pass says: for each collective of a graph, where in the symmetric heap its operands lie, or why they lie elsewhere and are
 * copied through it. Offsets are bytes from the beginning of one block of `arenaBytes` bytes, the same on every rank.
 */
import type { Node, Value } from '../ir/graph.ts';

/** A piece of the arena that one or several values have to themselves from node `first` to node `last`. */
export interface PlacedBuffer {
  /** Multiple of 256. */
  readonly offset: number;
  /** What the values need, at the bounds of their sizes. */
  readonly bytes: number;
  /** Indices of nodes, inclusive; -1 is before the run, the number of nodes is after it. */
  readonly first: number;
  readonly last: number;
  /** In the order in which they are made: views of each other, and results in place of operands. For a copy, the value that is copied. */
  readonly values: readonly Value[];
  /** `copy`: room for a copy of a value that lies elsewhere and has to be kept from an operation that overwrites. */
  readonly kind: 'values' | 'copy';
}

/** In the arena. */
export interface InArena {
  readonly where: 'arena';
  readonly offset: number;
  /** Bytes at the bounds of its sizes. */
  readonly bytes: number;
  /** The operand of the same node whose bytes this result takes. */
  readonly inPlaceOf?: Value | undefined;
}

/** Not in the arena: copied through the heap at every run, by algorithms that let peers reach for it. */
export interface Outside {
  readonly where: 'outside';
  /** Bytes at the bounds of its sizes; absent without a bound. */
  readonly bytes?: number | undefined;
  /** Why, and what to do about it. */
  readonly reason: string;
  /**
   * Set where the operation may overwrite it although it is needed later: whoever runs the node gives it a copy. The number is the offset of
   * room for that copy in the arena, and null where there is none.
   */
  readonly copyTo?: number | null | undefined;
}

export interface PlacedOperand {
  readonly value: Value;
  readonly role: 'read' | 'written';
  readonly place: InArena | Outside;
}

export interface PlacedCollective {
  readonly node: Node;
  /** Index of the node. */
  readonly index: number;
  /** Bytes of the message at the bounds, as plans count them; absent without a bound. */
  readonly bytes?: number | undefined;
  /** What is read, then what is written, in the order of the outputs. Operands that stay on the rank (residual, weight) are not listed. */
  readonly operands: readonly PlacedOperand[];
  /** How parts that differ between ranks are dealt with; absent where all are equal. */
  readonly parts?: PartsDecision | undefined;
}

/**
 * How a gathered tensor lies whose parts differ between ranks. `padded`: in the heap, rank r's part at r * largest, and what lies between its end and
 * the next part is not defined; `left out`: one part behind the other, outside the heap.
 */
export interface PartsDecision {
  readonly layout: 'padded' | 'left out';
  /** Bytes of each rank's part. */
  readonly parts: readonly number[];
  /** The largest part, times the number of ranks. */
  readonly paddedBytes: number;
  readonly summedBytes: number;
  /** Whether both were measured, or bytes are compared. */
  readonly basis: 'measured' | 'bytes';
  /** Time of the padded operation on buffers in the heap, us; absent when not measured. */
  readonly paddedUs?: number | undefined;
  /** Time of the unpadded operation on buffers outside the heap, us; absent when not measured. */
  readonly outsideUs?: number | undefined;
  /** The decision with its numbers, a sentence. */
  readonly why: string;
}

/** What copies cost a run, at the bounds of the sizes. */
export interface StagedTotal {
  /** Operands that are copied. */
  readonly operands: number;
  /** Bytes of those that have a bound. */
  readonly bytes: number;
  /** Operands without a bound. */
  readonly unbounded: number;
}

export interface Placement {
  readonly enabled: boolean;
  readonly worldSize: number;
  /** By offset. */
  readonly buffers: readonly PlacedBuffer[];
  /** In the order in which they run. */
  readonly collectives: readonly PlacedCollective[];
  /** Offset of every value that lies in the arena, views of operands also. Who makes such a value writes it there. */
  readonly offsets: ReadonlyMap<Value, number>;
  /** Bytes to allocate from the symmetric heap, once. */
  readonly arenaBytes: number;
  /** The most bytes that are needed at one time: no plan can do with fewer. */
  readonly peakBytes: number;
  /** Bytes that every value in its own place would take. */
  readonly bytesWithoutReuse: number;
  readonly staged: StagedTotal;
  /** What else there is to know, a sentence each. */
  readonly notes: readonly string[];
}
