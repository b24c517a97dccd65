/**
 * @file Buffers outside the symmetric heap. Most algorithms do not care; those that let peers reach for a buffer where it lies get one in the heap
 * in its place, and the data is copied there and back. All ranks do alike, or else they no longer find each other's buffers.
 */
import { type Engine, emptyLaunch, type Launch } from '../engine/engine.ts';
import { GRANULE } from '../memory/allocator.ts';
import type { SymmetricHeap } from '../memory/heap.ts';
import type { Tensor } from '../memory/tensor.ts';
import type { Operation } from '../operations.ts';
import { type Explanation, explain } from '../plan/explain.ts';
import type { PlanKey } from '../plan/key.ts';
import type { PlanIndex } from '../plan/lookup.ts';
import type { Plan } from '../plan/plan.ts';
import { dtypeCode } from '../tensor/dtype.ts';
import type { Algorithm, Tunables } from './algorithm.ts';
import { algorithmsOf } from './catalog.ts';

/** What was copied for buffers outside the heap; a recording counts when it is made. */
export interface Staged {
  readonly calls: number;
  readonly bytes: number;
}

export class OutsideBuffers {
  readonly staged: { -readonly [K in keyof Staged]: Staged[K] } = { calls: 0, bytes: 0 };
  readonly #engine: Engine;
  readonly #heap: SymmetricHeap;
  readonly #copy: Launch = { ...emptyLaunch(), kernel: 'copy', dtype: dtypeCode('i8') };
  /** In the heap, for one call after the other: a device comes to them in order. */
  #scratch = 0;
  #scratchBytes = 0;
  #isRecorded = false;

  constructor(engine: Engine, heap: SymmetricHeap) {
    this.#engine = engine;
    this.#heap = heap;
  }

  /** Enqueues a call on `x` and `out`, whose addresses are those in `launch`, with what has to be copied before and after it. */
  enqueue(
    algorithm: Algorithm,
    tunables: Tunables,
    launch: Launch,
    x: Tensor,
    out: Tensor,
    capturing: boolean,
  ): void {
    const { symmetric } = algorithm;
    const input = x.external && (symmetric === 'input' || symmetric === 'both');
    const output = out.external && (symmetric === 'output' || symmetric === 'both');
    if (!input && !output) {
      algorithm.enqueue(this.#engine, launch, tunables);
      return;
    }
    // One of them is as long on all ranks; parts need not be.
    const whole = x.bytes >= out.bytes ? x : out;
    const room = Math.ceil(whole.bytes / GRANULE) * GRANULE;
    const inPlace = launch.input === launch.output;
    // In place, all-gather and reduce-scatter have one buffer, of which a part is the other operand.
    const together = inPlace && ((input && output) || hasParts(algorithm.operation));
    const scratch = this.#reserve(input && output && !together ? 2 * room : room, capturing);
    let inputAt = scratch;
    let outputAt = input ? scratch + room : scratch;
    if (together) {
      inputAt = scratch + (x.address - whole.address);
      outputAt = scratch + (out.address - whole.address);
      launch.input = scratch;
      launch.output = scratch;
    } else {
      if (input) launch.input = inputAt;
      if (output) launch.output = outputAt;
    }
    this.staged.calls++;
    if (input || together) this.#move(x.address, inputAt, x.bytes);
    algorithm.enqueue(this.#engine, launch, tunables);
    if (output || together) this.#move(outputAt, out.address, out.bytes);
  }

  #move(from: number, to: number, bytes: number): void {
    if (bytes === 0) return;
    this.staged.bytes += bytes;
    this.#copy.input = from;
    this.#copy.output = to;
    this.#copy.count = bytes;
    this.#engine.enqueue(this.#copy);
  }

  #reserve(bytes: number, capturing: boolean): number {
    if (bytes > this.#scratchBytes) {
      // What a recording uses stays where it is.
      if (this.#scratchBytes > 0 && !this.#isRecorded) this.#heap.release(this.#scratch);
      this.#scratchBytes = 0;
      this.#isRecorded = false;
      this.#scratch = this.#heap.allocate(bytes, GRANULE, 'room for a buffer outside the heap');
      this.#scratchBytes = bytes;
    }
    this.#isRecorded ||= capturing;
    return this.#scratch;
  }
}

function hasParts(operation: Operation): boolean {
  return operation === 'all_gather' || operation === 'reduce_scatter';
}

/** As `explain` of plans, and what the choice means for buffers outside the heap. */
export function explainHere(plan: Plan | PlanIndex, key: PlanKey, bytes: number): Explanation {
  const explanation = explain(plan, key, bytes);
  if (key.registered) return explanation;
  return { ...explanation, notes: [...explanation.notes, noteOf(key.operation, explanation.algorithm)] };
}

function noteOf(operation: Operation, name: string): string {
  const symmetric = algorithmsOf(operation).find((one) => one.name === name)?.symmetric;
  if (!symmetric) return `${name} uses buffers outside the symmetric heap where they lie`;
  const what = symmetric === 'both' ? 'input and output are' : `the ${symmetric} is`;
  return `peers reach for buffers of ${name}: outside the symmetric heap, ${what} copied through it`;
}
