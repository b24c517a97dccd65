/**
 * @file Steps on the executor. A step is recorded for certain sizes before anything is timed, and what is smaller is filled up: serving engines do the same with CUDA
 * graphs. What fills up belongs to the last row, which no sequence gets and whose pages are all page 0.
 */
import type { Recording } from '../../engine/engine.ts';
import type { Step } from '../../graph/run/step.ts';
import { type Capacity, pagesPerSequence } from '../session/capacity.ts';
import type { HeldModel, StepRequest } from '../session/model.ts';
import type { Chooser } from '../variants.ts';
import type { StepBatch, StepRunner } from './runner.ts';

/** A size that steps are recorded for. */
export type StepSize = Required<Pick<StepRequest, 'tokens' | 'samples' | 'prompt'>>;

interface Recorded {
  readonly size: StepSize;
  readonly step: Step;
  readonly recording: Recording;
}

/** Sizes between a power of two and the next: at most a fifth of a step is filling. */
const PER_DOUBLING = 4;

/** From `least` to `most`, both included. */
function spaced(least: number, most: number): number[] {
  const sizes: number[] = [];
  for (let size = least; size < most; ) {
    sizes.push(size);
    size += Math.max(1, 2 ** Math.floor(Math.log2(size)) / PER_DOUBLING);
  }
  return [...sizes, most];
}

const LEAST_PROMPT = 16;

/** Sizes of outputs, a token a sequence, and of prompts: up to what there is room for. */
export function sizesOf(capacity: Capacity): StepSize[] {
  const { tokens, samples } = capacity;
  const outputs = spaced(1, Math.min(sequencesOf(capacity), tokens));
  const prompts = spaced(Math.min(LEAST_PROMPT, tokens), tokens);
  return [
    ...outputs.map((size) => ({ tokens: size, samples: size, prompt: false })),
    ...prompts.map((size) => ({ tokens: size, samples: Math.min(size, samples), prompt: true })),
  ];
}

/** Rows that sequences get. */
function sequencesOf({ sequences }: Capacity): number {
  return sequences - 1;
}

export class ExecutorRunner implements StepRunner {
  readonly maxTokens: number;
  readonly maxSequences: number;
  readonly pageSize: number;
  readonly pages: number;
  readonly places: number;
  readonly #model: HeldModel;
  /** The smallest first, outputs and prompts. */
  readonly #recorded: readonly Recorded[];

  /** Collective: runs each size once, so that everything is compiled, and records it. */
  constructor(
    model: HeldModel,
    chooser: Chooser,
    sizes: readonly StepSize[],
    report: (done: number) => void,
  ) {
    const { capacity } = model;
    this.maxTokens = capacity.tokens;
    this.maxSequences = sequencesOf(capacity);
    this.pageSize = capacity.pageSize;
    this.pages = 1 + this.maxSequences * pagesPerSequence(capacity);
    this.places = capacity.places;
    this.#model = model;
    this.#recorded = sizes.map((size, i) => {
      report(i / sizes.length);
      return this.#record(size, chooser);
    });
  }

  step(batch: StepBatch): Int32Array {
    const { ids, positions, rows, tables, samples, prompt, temperatures, uniforms } = batch;
    const { size, step, recording } = this.#recorded.find(
      ({ size: one }) => one.prompt === prompt && one.tokens >= ids.length && one.samples >= samples.length,
    )!;
    this.#model.write({
      ids: filled(ids, size.tokens, 0),
      positions: filled(positions, size.tokens, 0),
      rows: filled(rows, size.tokens, this.maxSequences),
      last: filled(samples, size.samples, 0),
      temperatures,
      uniforms,
      tables,
    });
    recording.replay();
    return this.#model.readInts(step.address(this.#model.sampled), samples.length);
  }

  close(): void {
    for (const { recording } of this.#recorded) recording.close();
  }

  #record(size: StepSize, chooser: Chooser): Recorded {
    const step = this.#model.step({ ...size, choose: chooser.choose });
    const { comm } = this.#model;
    // Tokens of nobody: nothing that a sequence has is written.
    const nothing = new Int32Array(0);
    this.#model.write({
      ids: filled(nothing, size.tokens, 0),
      positions: filled(nothing, size.tokens, 0),
      rows: filled(nothing, size.tokens, this.maxSequences),
      last: filled(nothing, size.samples, 0),
    });
    step.enqueue();
    comm.synchronize();
    return { size, step, recording: comm.capture(() => step.enqueue()) };
  }
}

function filled(values: Int32Array, length: number, rest: number): Int32Array {
  const result = new Int32Array(length).fill(rest);
  result.set(values);
  return result;
}
