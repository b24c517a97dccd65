/**
 * @file Runs cases on an engine: called one by one, then recorded all together and replayed. Operands lie at random places that are aligned no better
 * than they have to be, and everything around them is watched.
 */
import { COMPUTE, type ComputeName, type ComputeOperands } from '../../../dist/engine/compute.js';
import type { Engine } from '../../../dist/engine/engine.js';
import type { Random } from '../../collective/support/random.ts';
import { type Case, type CaseDType, decode, GUARD, type Memory } from './case.ts';

/** Bytes that operands begin at multiples of. */
function alignmentOf(dtype: CaseDType, operand: string): number {
  if (dtype === 'bf16' || dtype === 'f8e4m3' || operand === 'scratch' || operand === 'table') return 16;
  return dtype === 'f32' && ['candidates', 'out'].includes(operand) ? 8 : 4;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

interface Placed {
  readonly one: Case;
  /** Where each operand lies, from the beginning of the memory. */
  readonly spans: ReadonlyMap<string, Span>;
  readonly operands: ComputeOperands<ComputeName>;
}

export interface Found {
  readonly cases: number;
  readonly refused: number;
  readonly problems: readonly string[];
}

/** Memory to test in. */
export interface Room {
  readonly address: number;
  readonly bytes: number;
}

/** Runs what is no more than the room holds. */
export function runCases(engine: Engine, room: Room, random: Random, cases: readonly Case[]): Found {
  const problems: string[] = [];
  let refused = 0;
  for (let from = 0; from < cases.length; ) {
    const batch = new Batch(engine, room, random);
    while (from < cases.length && batch.add(cases[from]!)) from++;
    if (batch.isEmpty) throw new Error(`a case of ${cases[from]!.kernel} is larger than ${room.bytes} bytes`);
    refused += batch.run(problems);
  }
  return { cases: cases.length, refused, problems };
}

class Batch {
  readonly #engine: Engine;
  readonly #room: Room;
  readonly #random: Random;
  readonly #placed: Placed[] = [];
  readonly #contents: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  #end = 0;

  constructor(engine: Engine, room: Room, random: Random) {
    this.#engine = engine;
    this.#room = room;
    this.#random = random;
  }

  get isEmpty(): boolean {
    return this.#placed.length === 0;
  }

  /** False when there is no more room. */
  add(one: Case): boolean {
    const before = this.#end;
    const { addresses } = COMPUTE[one.kernel];
    const wanted: Record<string, number> = { ...one.integers, ...one.floats };
    for (const name of addresses) wanted[name] = 0;
    const operands = wanted as ComputeOperands<ComputeName>;
    const scratch = (addresses as readonly string[]).includes('scratch')
      ? scratchOf(this.#engine, one, operands)
      : 0;
    const memory: Record<string, Memory> = {
      ...one.memory,
      ...(scratch > 0 && {
        scratch: { dtype: 'i32', bytes: new Uint8Array(scratch).fill(GUARD), written: true },
      }),
    };
    const spans = new Map<string, Span>();
    const contents: { at: number; bytes: Uint8Array }[] = [];
    for (const [name, { dtype, bytes }] of Object.entries(memory)) {
      const alignment = alignmentOf(dtype, name);
      const gap = this.#random.whole(2, 12) * alignment;
      const at = Math.ceil((this.#end + gap) / alignment) * alignment;
      spans.set(name, { from: at, to: at + bytes.length });
      contents.push({ at, bytes });
      wanted[name] = this.#room.address + at;
      this.#end = at + bytes.length;
    }
    if (this.#end + 256 > this.#room.bytes) {
      this.#end = before;
      return false;
    }
    this.#placed.push({ one, spans, operands });
    this.#contents.push(...contents);
    return true;
  }

  /** How many cases were refused that may be. */
  run(problems: string[]): number {
    const image = new Uint8Array(this.#end + 256).fill(GUARD);
    for (const { at, bytes } of this.#contents) image.set(bytes, at);
    const engine = this.#engine;
    engine.write(this.#room.address, image);
    const served: Placed[] = [];
    let refused = 0;
    for (const placed of this.#placed) {
      try {
        engine.compute(placed.one.kernel, placed.operands);
        served.push(placed);
      } catch (error) {
        const isRefusal = (error as Error).name === 'CrossoverError';
        if (isRefusal && placed.one.odd && engine.name !== 'cpu') refused++;
        else problems.push(`${labelOf(placed.one)}: threw ${(error as Error).message}`);
      }
    }
    const called = this.#read(image.length);
    for (const placed of served) {
      const problem = placed.one.judge(afterOf(placed, called)) ?? besideOf(placed, image, called);
      if (problem !== undefined) problems.push(`${labelOf(placed.one)}: ${problem}`);
    }
    const stray = this.#stray(image, called);
    if (stray !== undefined) problems.push(stray);
    if (served.length > 0) this.#replay(served, image, called, problems);
    return refused;
  }

  #replay(served: readonly Placed[], image: Uint8Array, called: Uint8Array, problems: string[]): void {
    const engine = this.#engine;
    engine.write(this.#room.address, image);
    engine.beginCapture();
    try {
      for (const { one, operands } of served) engine.compute(one.kernel, operands);
    } catch (error) {
      engine.abortCapture();
      problems.push(`${served[0]!.one.kernel}, recorded: threw ${(error as Error).message}`);
      return;
    }
    const recording = engine.endCapture();
    recording.replay(served.some(({ one }) => one.once) ? 1 : 3);
    const replayed = this.#read(image.length);
    recording.close();
    for (const placed of served) {
      for (const [name, { from, to }] of placed.spans) {
        if (name === 'scratch') continue;
        if (Buffer.compare(replayed.subarray(from, to), called.subarray(from, to)) !== 0)
          problems.push(
            `${labelOf(placed.one)}: ${name} is not what it was when it was called, once it is replayed`,
          );
      }
    }
  }

  #read(bytes: number): Uint8Array {
    this.#engine.synchronize();
    return this.#engine.read(this.#room.address, bytes);
  }

  /** What was written between operands. */
  #stray(image: Uint8Array, after: Uint8Array): string | undefined {
    let end = 0;
    let last = '';
    for (const { one, spans } of this.#placed) {
      for (const [name, { from, to }] of spans) {
        for (let at = end; at < from; at++)
          if (after[at] !== image[at])
            return `byte ${from - at} before ${name} of ${labelOf(one)}${last && `, byte ${at - end} behind ${last}`}, was written`;
        end = to;
        last = `${name} of ${labelOf(one)}`;
      }
    }
    const at = after.findIndex((byte, i) => i >= end && byte !== image[i]);
    return at < 0 ? undefined : `byte ${at - end} behind ${last} was written`;
  }
}

/** What a kernel asks for; its call says what is wrong when it cannot say. */
function scratchOf(engine: Engine, one: Case, operands: ComputeOperands<ComputeName>): number {
  try {
    return engine.scratchBytes(one.kernel, operands);
  } catch {
    return 0;
  }
}

function afterOf({ one, spans }: Placed, memory: Uint8Array) {
  const bytes = (name: string): Uint8Array => {
    const { from, to } = spans.get(name)!;
    return memory.slice(from, to);
  };
  const now = (name: string): Memory => ({ ...one.memory[name]!, bytes: bytes(name) });
  return { bytes, memory: now, numbers: (name: string) => decode(one.memory[name]!.dtype, bytes(name)) };
}

/** What was written to an operand that is only read. */
function besideOf({ one, spans }: Placed, image: Uint8Array, after: Uint8Array): string | undefined {
  for (const [name, { written }] of Object.entries(one.memory)) {
    const { from, to } = spans.get(name)!;
    if (!written && Buffer.compare(image.subarray(from, to), after.subarray(from, to)) !== 0)
      return `${name}, which is only read, was written`;
  }
  return undefined;
}

export function labelOf({ kernel, integers, floats, memory }: Case): string {
  const sizes = Object.entries({ ...integers, ...floats }).map(([name, value]) => `${name} ${value}`);
  const has = ['bias', 'queryNorm', 'keyNorm', 'queryRope', 'valueCache'].filter((name) => name in memory);
  return `${kernel} (${[...sizes, ...has].join(', ')})`;
}
