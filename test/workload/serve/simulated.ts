/**
 * @file A clock that only steps move, and a model that reads its cache through the page tables: the next token is a hash of all tokens before it, so that a page
 * which two sequences share, or a place that was not written, gives other tokens than `tokensOf`.
 */
import type { Group } from '../../../dist/group/group.js';
import type { LoadRequest } from '../../../dist/workload/serve/load.js';
import type { Clock } from '../../../dist/workload/serve/replay.js';
import type { StepBatch, StepLimits, StepRunner } from '../../../dist/workload/serve/runner.js';

export const VOCABULARY = 50_021;

export class SimulatedClock implements Clock {
  seconds = 0;

  now(): number {
    return this.seconds;
  }

  async until(seconds: number): Promise<void> {
    if (seconds <= this.seconds) throw new Error('waits for what is past');
    this.seconds = seconds;
  }
}

function next(tokens: readonly number[]): number {
  return tokens.reduce((hash, token) => (hash * 31 + token + 7) % VOCABULARY, 1);
}

/** What a request generates, by itself. */
export function tokensOf({ prompt, output }: Pick<LoadRequest, 'prompt' | 'output'>): number[] {
  const all = [...prompt];
  for (let i = 0; i < output; i++) all.push(next(all));
  return all.slice(prompt.length);
}

/** One step of so many tokens takes `cost(tokens, prompt)` seconds. */
export class SimulatedRunner implements StepRunner {
  readonly maxTokens: number;
  readonly maxSequences: number;
  readonly pageSize: number;
  readonly pages: number;
  readonly places: number;
  readonly steps: { tokens: number; prompt: boolean }[] = [];
  readonly #memory: Int32Array;
  readonly #clock: SimulatedClock;
  readonly #cost: (tokens: number, prompt: boolean) => number;

  constructor(
    limits: StepLimits,
    clock = new SimulatedClock(),
    cost: (tokens: number, prompt: boolean) => number = () => 1,
  ) {
    this.maxTokens = limits.maxTokens;
    this.maxSequences = limits.maxSequences;
    this.pageSize = limits.pageSize;
    this.pages = limits.pages;
    this.places = limits.places;
    this.#memory = new Int32Array(limits.pages * limits.pageSize).fill(-1);
    this.#clock = clock;
    this.#cost = cost;
  }

  step({ ids, positions, rows, tables, samples, prompt, temperatures, uniforms }: StepBatch): Int32Array {
    const perSequence = Math.ceil(this.places / this.pageSize);
    if (ids.length === 0 || ids.length > this.maxTokens) throw new Error(`a step of ${ids.length} tokens`);
    if (tables.length !== this.maxSequences * perSequence) throw new Error('tables of another size');
    if (temperatures.length !== samples.length || uniforms.length !== samples.length)
      throw new Error('samples');
    const used = tables.filter((page) => page !== 0);
    if (new Set(used).size !== used.length) throw new Error('a page in two places of the tables');
    const at = (row: number, place: number): number => {
      const page = tables[row * perSequence + Math.floor(place / this.pageSize)]!;
      if (page < 1 || page >= this.pages || row >= this.maxSequences || place >= this.places)
        throw new Error(`page ${page} of row ${row} at place ${place}`);
      return page * this.pageSize + (place % this.pageSize);
    };
    for (const [t, id] of ids.entries()) this.#memory[at(rows[t]!, positions[t]!)] = id;
    this.#clock.seconds += this.#cost(ids.length, prompt);
    this.steps.push({ tokens: ids.length, prompt });
    return samples.map((t) => {
      const all = Array.from({ length: positions[t]! + 1 }, (_, i) => this.#memory[at(rows[t]!, i)]!);
      return next(all);
    });
  }
}

/** A group of one rank. */
export const ALONE: Group = {
  kind: 'threads',
  rank: 0,
  size: 1,
  localRank: 0,
  localSize: 1,
  spins: 0,
  barrier: () => {},
  broadcast: (value) => value,
  gather: (value) => [value],
  enter: () => {},
  leave: () => {},
};
