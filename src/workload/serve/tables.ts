/**
 * @file The page tables as every rank has them, and the batch that a step is with them.
 */
import { pagesPerSequence } from '../session/capacity.ts';
import type { StepBatch, StepLimits } from './runner.ts';
import type { Step } from './scheduler.ts';

export class Tables {
  readonly #pagesPerSequence: number;
  readonly #tables: Int32Array;

  constructor(limits: StepLimits) {
    this.#pagesPerSequence = pagesPerSequence(limits);
    this.#tables = new Int32Array(limits.maxSequences * this.#pagesPerSequence);
  }

  /** Applies the step's changes. Tokens are the likeliest ones: outputs then do not depend on the order of requests. */
  batchOf({ ids, positions, rows, samples, prompt, changes }: Step): StepBatch {
    for (const { row, pages } of changes) {
      const start = row * this.#pagesPerSequence;
      // What a row had before may be another's by now.
      this.#tables.fill(0, start, start + this.#pagesPerSequence);
      this.#tables.set(pages, start);
    }
    return {
      ids,
      positions,
      rows,
      samples,
      prompt,
      tables: this.#tables,
      temperatures: new Float32Array(samples.length),
      uniforms: new Float32Array(samples.length),
    };
  }
}
