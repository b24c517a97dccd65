/**
 * @file A model as one rank holds it: its graph with every all-reduce fused that can be, weights, caches, the few numbers that a step is given, and working memory
 * that all steps share.
 */
import type { Communicator } from '../../collective/communicator.ts';
import { CrossoverError } from '../../errors.ts';
import type { Graph, Value } from '../../graph/ir/graph.ts';
import type { Placement } from '../../graph/place/placement.ts';
import { layOut, Scratch, Step, type StepOptions, workingBytes } from '../../graph/run/step.ts';
import { roomOf } from '../../memory/allocator.ts';
import { checkRange } from '../weights/check.ts';
import type { PlannedWeight } from '../weights/planned.ts';
import { type Capacity, cachesOf, symbolsFor } from './capacity.ts';
import { FIRST_STATE, StepState, type StepValues } from './state.ts';

/** Fills a weight's memory. */
export type FillWeight = (weight: PlannedWeight, address: number) => void;

/** Sizes of a step, and how it is run. */
export interface StepRequest extends Pick<StepOptions, 'choose' | 'prompt' | 'alone' | 'parts' | 'places'> {
  readonly tokens: number;
  readonly samples: number;
  /** Tokens of all ranks, where ranks have their own. */
  readonly gathered?: number | undefined;
  /** The largest `tokens` and `samples` of any rank, equal on all. */
  readonly mostTokens?: number | undefined;
  /** Works outside the symmetric heap, for comparison: everything that peers reach for is copied through it. False by default. */
  readonly outside?: boolean | undefined;
}

export class HeldModel {
  readonly comm: Communicator;
  readonly graph: Graph;
  readonly capacity: Capacity;
  /** Addresses of the graph's inputs. */
  readonly inputs: ReadonlyMap<string, number>;
  readonly #state: StepState;
  readonly #scratch: Scratch;
  readonly #working: number;
  readonly #workingBytes: number;
  readonly #placements = new Map<string, Placement>();
  #outside = 0;

  /** Collective: allocates on all ranks alike. */
  constructor(
    comm: Communicator,
    graph: Graph,
    capacity: Capacity,
    weights: readonly PlannedWeight[],
    fill: FillWeight,
    report: (done: number, words: string) => void = () => {},
  ) {
    this.comm = comm;
    this.graph = graph;
    this.capacity = capacity;
    this.#scratch = new Scratch(comm);
    const { tokens, samples } = capacity;
    const gathered = tokens * comm.worldSize;
    const symbols = symbolsFor(graph, capacity, { tokens, samples, gathered });
    this.#workingBytes = workingBytes(graph, comm.worldSize, { symbols });
    this.#working = comm.heap.allocate(roomOf(this.#workingBytes));
    const inputs = new Map<string, number>();
    this.inputs = inputs;
    this.#state = new StepState(capacity);
    const base = this.allocate(this.#state.bytes.length);
    for (const [name, offset] of this.#state.offsets) inputs.set(name, base + offset);
    comm.engine.write(base, this.#state.bytes);
    // One piece for all of them: drivers take their time over each.
    const kept = [...cachesOf(graph, capacity), ...weights];
    let at = this.allocate(kept.reduce((sum, { bytes }) => sum + roomOf(bytes), 0));
    for (const { name, bytes } of kept) {
      inputs.set(name, at);
      at += roomOf(bytes);
    }
    const all = weights.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    for (const weight of weights) {
      report(done / all, weight.name);
      fill(weight, inputs.get(weight.name)!);
      done += weight.bytes;
    }
    comm.synchronize();
  }

  /** Memory of this rank that is kept until the end. */
  allocate(bytes: number): number {
    const { engine, heap } = this.comm;
    return engine.allocate ? engine.allocate(Math.max(1, bytes)) : heap.allocate(roomOf(bytes));
  }

  /** Overwrites what a step is given, each from its beginning on, all at once. Behind what was enqueued. */
  write(values: StepValues): void {
    const { bytes } = this.#state;
    const [from, to] = this.#state.set(values);
    if (to > from) this.comm.engine.write(this.inputs.get(FIRST_STATE)! + from, bytes.subarray(from, to));
  }

  readInts(address: number, count: number): Int32Array {
    const bytes = this.comm.engine.read(address, 4 * count);
    return new Int32Array(bytes.buffer, bytes.byteOffset, count);
  }

  /** A step of exact sizes. Steps share working memory: what one has made is gone when another runs. */
  step({ tokens, samples, gathered, mostTokens, outside = false, ...options }: StepRequest): Step {
    checkRange('tokens', tokens, 1, this.capacity.tokens);
    checkRange('samples', samples, 1, this.capacity.samples);
    const symbols = symbolsFor(this.graph, this.capacity, {
      tokens,
      samples,
      ...(gathered !== undefined && { gathered }),
    });
    const bounds = new Map(symbols);
    // Offsets in the heap must be equal on all ranks.
    for (const name of mostTokens === undefined ? [] : ['tokens', 'samples'])
      if (bounds.has(name)) bounds.set(name, mostTokens!);
    const placement = this.#layOut(symbols, bounds);
    const needed = placement.arenaBytes;
    if (needed > this.#workingBytes)
      throw new CrossoverError(
        `a step of ${tokens} tokens and ${samples} samples needs ${needed} bytes to work in; there is room for ${this.#workingBytes}, which is ${this.capacity.tokens} tokens and ${this.capacity.samples} samples`,
      );
    return new Step(this.comm, this.graph, {
      places: this.capacity.places,
      ...options,
      symbols,
      bounds,
      inputs: this.inputs,
      placement,
      working: outside ? this.#outsideMemory() : this.#working,
      scratch: this.#scratch,
    });
  }

  /** Variants of a step have the same sizes, and laying out takes longer than all the rest of making one. */
  #layOut(symbols: ReadonlyMap<string, number>, bounds: ReadonlyMap<string, number>): Placement {
    const key = JSON.stringify([...bounds]);
    const known = this.#placements.get(key);
    if (known) return known;
    const placement = layOut(this.graph, this.comm.worldSize, { symbols, bounds });
    this.#placements.set(key, placement);
    return placement;
  }

  #outsideMemory(): number {
    if (this.#outside === 0) this.#outside = this.comm.engine.allocate!(this.#workingBytes);
    return this.#outside;
  }

  /**
   * That every token of a step that has run was chosen by a number.
   * @throws CrossoverError when there is none to choose by: all logits are NaN or -Infinity
   */
  checkNumbers(step: Step): void {
    const { operands } = this.graph.nodes.find(({ op }) => op === 'sample')!;
    const candidates = operands.candidates as Value;
    // Of all ranks, one rank's samples behind another's.
    const [all, choices] = step.shape(candidates) as [number, number, number];
    const [samples] = step.shape(this.sampled) as [number];
    const bits = this.readInts(step.address(candidates), all * choices * 2);
    const values = new Float32Array(bits.buffer, bits.byteOffset, bits.length);
    for (let sample = 0; sample < samples; sample++) {
      // A rank's first candidate is its largest.
      const largest = Array.from(
        { length: all / samples },
        (_, rank) => values[(rank * samples + sample) * choices * 2]!,
      );
      if (!largest.some((value) => value > Number.NEGATIVE_INFINITY))
        throw new CrossoverError(
          `${this.graph.name}: the model's outputs are no numbers (${largest[0]}); its weights or its configuration are damaged`,
        );
    }
  }

  /** The tokens that a step has sampled. */
  get sampled(): Value {
    return this.graph.outputs[0] as Value;
  }

  get logits(): Value {
    return this.graph.outputs[1] as Value;
  }
}
