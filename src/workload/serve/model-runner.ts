/**
 * @file Steps of a served model with one way to dispatch its collectives. A step is filled up to the next of a few sizes, each of which is recorded once: what
 * fills it up belongs to a sequence of its own, whose pages are page 0.
 */
import type { Product } from '../../engine/compute.ts';
import type { Recording } from '../../engine/engine.ts';
import type { Step } from '../../graph/run/step.ts';
import { pagesPerSequence } from '../session/capacity.ts';
import type { HeldModel } from '../session/model.ts';
import type { Chooser } from '../variants.ts';
import type { StepBatch, StepLimits, StepRunner } from './runner.ts';

/** One size of a step. */
interface Bucket extends BucketSizes {
  readonly step: Step;
  readonly recording: Recording;
}

/** Sizes at which steps of single tokens are recorded, up to `most`: each a third to a half more than the one before. */
export function decodeSizes(most: number): number[] {
  const sizes = new Set<number>();
  for (let size = 1; size < most; size *= 2)
    for (const one of [size, 1.5 * size]) if (Number.isInteger(one) && one < most) sizes.add(one);
  return [...sizes, most].sort((a, b) => a - b);
}

const LEAST_PROMPT = 64;
/** From here on what fills up takes longer than a step's overhead. */
const CLOSER_PROMPTS = 256;

/** The same of steps with prompts in them: doubled each time at first, then four sizes to each doubling, so that at most a fifth of a step is filling. */
export function promptSizes(most: number): number[] {
  const sizes: number[] = [];
  for (let size = LEAST_PROMPT; size < most; ) {
    sizes.push(size);
    size += size < CLOSER_PROMPTS ? size : 2 ** Math.floor(Math.log2(size)) / 4;
  }
  return [...sizes, most];
}

export class ModelRunner implements StepRunner {
  readonly maxTokens: number;
  readonly maxSequences: number;
  readonly pageSize: number;
  readonly pages: number;
  readonly places: number;
  readonly #model: HeldModel;
  readonly #chooser: Chooser;
  readonly #decode: readonly Bucket[];
  readonly #prompt: readonly Bucket[];

  /** Collective: records all sizes. */
  constructor(model: HeldModel, limits: StepLimits, chooser: Chooser) {
    this.maxTokens = limits.maxTokens;
    this.maxSequences = limits.maxSequences;
    this.pageSize = limits.pageSize;
    this.pages = limits.pages;
    this.places = limits.places;
    this.#model = model;
    this.#chooser = chooser;
    model.write({ tables: new Int32Array(model.capacity.sequences * pagesPerSequence(model.capacity)) });
    const buckets = sizesFor(limits).map((sizes) => ({ ...sizes, ...this.#bucket(sizes) }));
    this.#decode = buckets.filter(({ prompt }) => !prompt);
    this.#prompt = buckets.filter(({ prompt }) => prompt);
  }

  step(batch: StepBatch): Int32Array {
    const { ids, samples } = batch;
    const bucket = (batch.prompt ? this.#prompt : this.#decode).find(
      (one) => one.tokens >= ids.length && one.samples >= samples.length,
    )!;
    // Filling up: token 0 at place 0 of the sequence that nobody has.
    const fill = (values: Int32Array, length: number, rest: number): Int32Array => {
      const all = new Int32Array(length).fill(rest);
      all.set(values);
      return all;
    };
    const nobody = this.maxSequences;
    const { tokens } = bucket;
    this.#model.write({
      ids: fill(ids, tokens, 0),
      positions: fill(batch.positions, tokens, 0),
      rows: fill(batch.rows, tokens, nobody),
      last: fill(samples, bucket.samples, 0),
      temperatures: batch.temperatures,
      uniforms: batch.uniforms,
      tables: batch.tables,
    });
    bucket.recording.replay();
    return this.#model.readInts(bucket.step.address(this.#model.sampled), samples.length);
  }

  close(): void {
    for (const { recording } of [...this.#decode, ...this.#prompt]) recording.close();
  }

  /** Runs once, so that everything is compiled, and records. */
  #bucket({ tokens, samples, prompt }: BucketSizes): Pick<Bucket, 'step' | 'recording'> {
    const step = this.#model.step({ tokens, samples, prompt, choose: this.#chooser.choose });
    this.#model.write({
      ids: new Int32Array(tokens),
      positions: new Int32Array(tokens),
      rows: new Int32Array(tokens).fill(this.maxSequences),
      last: new Int32Array(samples),
    });
    step.enqueue();
    this.#model.checkNumbers(step);
    return { step, recording: this.#model.comm.capture(() => step.enqueue()) };
  }
}

/** All matrix products of all sizes, each once. */
export function productsOf(model: HeldModel, limits: StepLimits): Product[] {
  const all = sizesFor(limits).flatMap((sizes) => model.step(sizes).products);
  return [...new Map(all.map((product) => [JSON.stringify(product), product])).values()];
}

interface BucketSizes {
  readonly tokens: number;
  readonly samples: number;
  readonly prompt: boolean;
}

function sizesFor({ maxTokens, maxSequences }: StepLimits): BucketSizes[] {
  return [
    ...decodeSizes(Math.min(maxSequences, maxTokens)).map((tokens) => ({
      tokens,
      samples: tokens,
      prompt: false,
    })),
    ...promptSizes(maxTokens).map((tokens) => ({
      tokens,
      samples: Math.min(tokens, maxSequences),
      prompt: true,
    })),
  ];
}
