/**
 * @file The placement pass: everything that collectives read or write gets an offset in one block of the symmetric heap, without the model's code
 * asking for it. Offsets follow from the graph and from options that are equal on all ranks, so they are equal on all ranks; what cannot be placed is
 * listed with the reason, because a copy that nobody knows of is how such a path gets slow.
 *
 * Two buffers lie on top of each other only when one is needed after the other, node by node. That is enough between ranks also: a collective ends on
 * a rank when peers no longer read its operands, and peers write its results only once it has begun.
 *
 * A result takes the bytes of what its operation read (all_reduce, broadcast, and the norm of all_reduce_rms_norm) when both are placed, nobody needs
 * the operand any more, no other operand of the node lies there, and the result is none of the graph's.
 *
 * What collectives do not reach for is left to whoever runs the graph, unless `everything` is asked for.
 */
import { CrossoverError } from '../../errors.ts';
import { roomOf } from '../../memory/allocator.ts';
import type { Mode } from '../../operations.ts';
import type { PlanIndex } from '../../plan/lookup.ts';
import { type Graph, inputsOf, type Node, type Value } from '../ir/graph.ts';
import { isCollective } from '../ir/operations.ts';
import { Bounds } from './bounds.ts';
import { lifetimesOf } from './lifetimes.ts';
import { type Reached, reachedIn } from './operands.ts';
import { pack } from './pack.ts';
import { decideParts } from './parts.ts';
import type {
  InArena,
  Outside,
  PartsDecision,
  PlacedBuffer,
  PlacedCollective,
  PlacedOperand,
  Placement,
  StagedTotal,
} from './placement.ts';
import { type Slot, Slots } from './slots.ts';
import { isKnown } from './views.ts';

export interface PlaceOptions {
  /** Number of ranks. */
  readonly worldSize: number;
  /** Whether anything is placed; true by default. Without, every operand of a collective is reported as outside. */
  readonly enabled?: boolean | undefined;
  /** Largest value of a symbol, by name; the graph's own range holds for the others. Equal on all ranks. */
  readonly symbols?: ReadonlyMap<string, number> | undefined;
  /** Values of a symbol by rank, for sizes that differ between ranks. Equal on all ranks. */
  readonly unequal?: ReadonlyMap<string, readonly number[]> | undefined;
  /** Whether whoever runs the graph allocates its inputs, which then lie in the arena where collectives read them; false by default. */
  readonly ownInputs?: boolean | undefined;
  /**
   * Whether every tensor that has a bound gets a place, and not only those that collectives read or write; false by default. An executor then takes all
   * of its working memory from one plan. Weights stay where they are, and so do the caller's inputs without `ownInputs`; what an operation makes that is
   * not understood has no place, nor has what `left out` parts are cut from or gathered in.
   */
  readonly everything?: boolean | undefined;
  /** Names of values whose memory nothing else may use, because somebody looks at them after a run. */
  readonly pinned?: readonly string[] | undefined;
  /** What was measured, for parts that differ between ranks. */
  readonly plan?: PlanIndex | undefined;
  /** How the graph will run: `eager` by default. Picks the plan's entries. */
  readonly mode?: Mode | undefined;
}

/**
 * Where the operands of a graph's collectives lie.
 * @throws CrossoverError for options that name what the graph does not have
 */
export function place(graph: Graph, options: PlaceOptions): Placement {
  const { worldSize, enabled = true, ownInputs = false, everything = false, plan, mode = 'eager' } = options;
  const bounds = new Bounds(graph, options);
  const lifetimes = lifetimesOf(graph, valuesNamed(graph, options.pinned ?? []));
  const parts = new Map<Node, PartsDecision>();
  for (const node of enabled ? graph.nodes : []) {
    const decision = decideParts(node, bounds, plan && { plan, mode });
    if (decision) parts.set(node, decision);
  }
  const slots = new Slots(graph, lifetimes, bounds, { enabled, ownInputs, everything, parts });
  const packing = pack(slots.all);
  const offsetOf = new Map(slots.all.map((slot, i) => [slot, packing.offsets[i]!]));

  const collectives = graph.nodes.flatMap((node, index): PlacedCollective[] => {
    const reached = reachedIn(node);
    if (!reached) return [];
    const decision = parts.get(node);
    const operands = operandsOf(reached, (value) => {
      const copy = value === reached.read && slots.needsCopy(node, index);
      const slot = slots.slot(value);
      const size = slots.size(value);
      const bytes = leftOutBytes(node, value, decision) ?? ('bytes' in size ? size.bytes : undefined);
      if (slot && bytes !== undefined && !copy)
        return inArena(slot, offsetOf.get(slot)!, bytes, value, reached);
      const reason = copy
        ? `${node.op} may overwrite what it reads, and ${value.name} is needed beside that: it works on a copy`
        : (slots.refusal(value) ?? `left out of the heap, ${decision?.why ?? ''}`);
      const room = slots.copyFor(node);
      const copyTo = room ? offsetOf.get(room)! : null;
      return { where: 'outside', bytes, reason, ...(copy ? { copyTo } : {}) };
    });
    const bytes = messageBytes(node, operands);
    return [{ node, index, bytes, operands, ...(decision ? { parts: decision } : {}) }];
  });

  return {
    enabled,
    worldSize,
    buffers: slots.all.map((slot) => bufferOf(slot, offsetOf.get(slot)!)).sort(byOffset),
    collectives,
    offsets: new Map(
      slots.all.flatMap((slot) => valuesOf(slot).map((value) => [value, offsetOf.get(slot)!])),
    ),
    arenaBytes: packing.bytes,
    peakBytes: packing.peakBytes,
    bytesWithoutReuse: slots.all
      .flatMap((slot) => (slot.copied ? [slot.copied] : slot.storages.map(({ values }) => values[0]!)))
      .reduce((sum, value) => sum + roomOf(bytesOf(slots, value)), 0),
    staged: totalOf(collectives),
    notes: notesOn(graph),
  };
}

function valuesNamed(graph: Graph, names: readonly string[]): ReadonlySet<Value> {
  if (names.length === 0) return new Set();
  const all = new Map<string, Value>();
  for (const { value } of graph.inputs) all.set(value.name, value);
  for (const node of graph.nodes) for (const value of node.outputs) all.set(value.name, value);
  return new Set(
    names.map((name) => {
      const value = all.get(name);
      if (value) return value;
      throw new CrossoverError(`pinned names ${name}, which is no value of the graph ${graph.name}`);
    }),
  );
}

function operandsOf(
  { read, written }: Reached,
  placeOf: (value: Value) => InArena | Outside,
): PlacedOperand[] {
  return [
    { value: read, role: 'read', place: placeOf(read) },
    ...written.map((value): PlacedOperand => ({ value, role: 'written', place: placeOf(value) })),
  ];
}

function inArena(slot: Slot, offset: number, bytes: number, value: Value, reached: Reached): InArena {
  const values = valuesOf(slot);
  const replaces = value === reached.written[0] && values.includes(reached.read);
  return { where: 'arena', offset, bytes, ...(replaces ? { inPlaceOf: reached.read } : {}) };
}

/** Bytes of a gathered tensor that is left as long as its parts are together. */
function leftOutBytes(node: Node, value: Value, decision: PartsDecision | undefined): number | undefined {
  const whole = node.op === 'all_gather' ? node.outputs[0] : node.operands.x;
  return decision?.layout === 'left out' && value === whole ? decision.summedBytes : undefined;
}

/** Bytes as plans count them: the whole tensor, which all_gather writes and the others read. */
function messageBytes(node: Node, operands: readonly PlacedOperand[]): number | undefined {
  return operands.find(({ role }) => role === (node.op === 'all_gather' ? 'written' : 'read'))?.place.bytes;
}

function valuesOf({ storages }: Slot): readonly Value[] {
  return storages.flatMap(({ values }) => values);
}

function bufferOf(slot: Slot, offset: number): PlacedBuffer {
  const { bytes, first, last, copied } = slot;
  const common = { offset, bytes, first, last };
  return copied
    ? { ...common, values: [copied], kind: 'copy' }
    : { ...common, values: valuesOf(slot), kind: 'values' };
}

function byOffset(a: PlacedBuffer, b: PlacedBuffer): number {
  return a.offset - b.offset || a.first - b.first;
}

function bytesOf(slots: Slots, value: Value): number {
  const size = slots.size(value);
  return 'bytes' in size ? size.bytes : 0;
}

function totalOf(collectives: readonly PlacedCollective[]): StagedTotal {
  const outside = collectives.flatMap(({ operands }) =>
    operands.flatMap(({ place }) => (place.where === 'outside' ? [place] : [])),
  );
  return {
    operands: outside.length,
    bytes: outside.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
    unbounded: outside.filter(({ bytes }) => bytes === undefined).length,
  };
}

/** Collectives that are left alone. */
function notesOn(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => {
    if (reachedIn(node) || !isCollective(node.op)) return [];
    const where = node.origin ? ` at ${node.origin}` : '';
    const names = [...new Set(inputsOf(node))].map(({ name }) => name).join(', ');
    return isKnown(node.op)
      ? []
      : [
          `${node.op}${where} is not understood: nothing is known of what it reaches for, and ${names || 'what it reads'} is left where it is`,
        ];
  });
}
