/**
 * @file Continuous batching: which tokens of which requests make up the next step. It knows of no clock and no device, so that it can be followed by hand.
 *
 * Admission is first come, first served: the request at the head of the queue gets a row and the pages of its whole length, prompt and output, as soon as both
 * are free, and nobody passes it. What is admitted therefore runs to its end without ever waiting for a page: nothing is preempted, nothing can
 * deadlock, and whoever waits is served when those before it have ended. The price is pages that are held before they are written.
 *
 * A step then takes
 * - `prompts-first`: tokens of prompts, the oldest first, as many as fit, cut where a prompt is longer; without prompts, one token of every sequence. SGLang's
 *   way: steps are one thing or the other, and each kind has kernels of its own.
 * - `mixed`: one token of every sequence that is past its prompt, and tokens of prompts in the room that is left: vLLM's chunked prefill. A prompt delays nobody
 *   for longer than a step.
 */
import { pagesFor } from '../session/capacity.ts';
import { placesOf } from './lengths.ts';
import type { LoadRequest } from './load.ts';
import { PageAllocator } from './pages.ts';
import type { StepLimits } from './runner.ts';

export const SCHEDULES = ['prompts-first', 'mixed'] as const;

export type Schedule = (typeof SCHEDULES)[number];

/** A request that has been admitted. */
interface Sequence {
  readonly request: LoadRequest;
  readonly row: number;
  readonly pages: readonly number[];
  /** Tokens of the prompt whose keys and values are in the cache, those of this step included. */
  prompted: number;
  generated: number;
  /** The token that was sampled last. */
  last: number;
}

/** Rows whose tables change before a step. */
export interface RowChange {
  readonly row: number;
  /** None: the row is nobody's again. */
  readonly pages: readonly number[];
}

/** The tokens of a step, as rank 0 sends them to all: small, for it is sent before every one. */
export interface Step {
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  readonly rows: Int32Array;
  readonly samples: Int32Array;
  readonly prompt: boolean;
  readonly changes: readonly RowChange[];
}

/** A request that got a token. */
export interface Sampled {
  readonly request: LoadRequest;
  readonly token: number;
  /** It was the last. */
  readonly ended: boolean;
}

export class Scheduler {
  readonly #limits: StepLimits;
  readonly #schedule: Schedule;
  readonly #pages: PageAllocator;
  /** Free rows, the lowest last. */
  readonly #rows: number[];
  readonly #waiting: LoadRequest[] = [];
  /** In the order of admission. */
  readonly #running = new Set<Sequence>();
  #changes: RowChange[] = [];
  /** Who gets the samples of the step that is under way. */
  #sampling: Sequence[] = [];

  constructor(limits: StepLimits, schedule: Schedule) {
    // A step has to have room for a token of every sequence.
    const rows = Math.min(limits.maxSequences, limits.maxTokens);
    this.#limits = limits;
    this.#schedule = schedule;
    this.#pages = new PageAllocator(limits.pages);
    this.#rows = Array.from({ length: rows }, (_, i) => rows - 1 - i);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get running(): number {
    return this.#running.size;
  }

  get freePages(): number {
    return this.#pages.free;
  }

  /** A request has arrived. */
  add(request: LoadRequest): void {
    this.#waiting.push(request);
  }

  /** The next step; undefined when no request is here. Every step is finished before the next one is asked for. */
  next(): Step | undefined {
    this.#admit();
    const tokens = new StepTokens();
    this.#sampling = [];
    const all = [...this.#running];
    const prompts = all.filter(({ request, prompted }) => prompted < request.prompt.length);
    if (this.#schedule === 'mixed' || prompts.length === 0) {
      for (const one of all) if (one.prompted === one.request.prompt.length) this.#decode(one, tokens);
    }
    for (const one of prompts) this.#prefill(one, tokens);
    if (tokens.count === 0) return undefined;
    const changes = this.#changes;
    this.#changes = [];
    return tokens.step(prompts.length > 0, changes);
  }

  /** What the step sampled: a token for each of its `samples`. */
  finish(tokens: Int32Array): Sampled[] {
    return this.#sampling.map((one, i) => {
      const { request } = one;
      const token = tokens[i]!;
      one.last = token;
      one.generated++;
      const ended = one.generated === request.output;
      if (ended) this.#release(one);
      return { request, token, ended };
    });
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#rows.length > 0) {
      const request = this.#waiting[0]!;
      const places = placesOf({ input: request.prompt.length, output: request.output });
      const pages = this.#pages.take(pagesFor(places, this.#limits.pageSize));
      if (pages === undefined) return;
      this.#waiting.shift();
      const row = this.#rows.pop()!;
      this.#running.add({ request, row, pages, prompted: 0, generated: 0, last: 0 });
      this.#changes.push({ row, pages });
    }
  }

  #release(one: Sequence): void {
    this.#running.delete(one);
    this.#pages.giveBack(one.pages);
    this.#rows.push(one.row);
    this.#changes.push({ row: one.row, pages: [] });
  }

  #decode(one: Sequence, tokens: StepTokens): void {
    const { request, row, generated, last } = one;
    // The first generated token comes right after the prompt.
    tokens.add(last, request.prompt.length + generated - 1, row);
    tokens.sample();
    this.#sampling.push(one);
  }

  #prefill(one: Sequence, tokens: StepTokens): void {
    const { prompt } = one.request;
    const end = Math.min(prompt.length, one.prompted + this.#limits.maxTokens - tokens.count);
    for (let place = one.prompted; place < end; place++) tokens.add(prompt[place]!, place, one.row);
    const completes = end === prompt.length && end > one.prompted;
    one.prompted = end;
    if (!completes) return;
    tokens.sample();
    this.#sampling.push(one);
  }
}

/** Tokens of a step while it is put together. */
class StepTokens {
  readonly #ids: number[] = [];
  readonly #positions: number[] = [];
  readonly #rows: number[] = [];
  readonly #samples: number[] = [];

  get count(): number {
    return this.#ids.length;
  }

  add(id: number, position: number, row: number): void {
    this.#ids.push(id);
    this.#positions.push(position);
    this.#rows.push(row);
  }

  /** After the token that was added last, one is sampled. */
  sample(): void {
    this.#samples.push(this.#ids.length - 1);
  }

  step(prompt: boolean, changes: readonly RowChange[]): Step {
    return {
      ids: Int32Array.from(this.#ids),
      positions: Int32Array.from(this.#positions),
      rows: Int32Array.from(this.#rows),
      samples: Int32Array.from(this.#samples),
      prompt,
      changes,
    };
  }
}
