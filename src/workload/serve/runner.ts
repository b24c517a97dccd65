/**
 * @file What serving asks of an executor: one step over tokens of any mix of prompts and decodes, with a paged cache. The scheduler knows nothing else
 * of a model, and a test may be one.
 */
import type { VariantName } from '../variants.ts';

/** The tokens of one step. Rows are sequences; `tables[row]` has the pages of one, zeros where a row has none. */
export interface StepBatch {
  /** [tokens], and of each where it is in its sequence and which row that has. */
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  readonly rows: Int32Array;
  /** [maxSequences, ceil(places / pageSize)]. */
  readonly tables: Int32Array;
  /** Numbers of the tokens after which one is sampled. */
  readonly samples: Int32Array;
  /** Whether tokens of a prompt are among them: many neighbours of one sequence. */
  readonly prompt: boolean;
  /** [samples]: 0 takes the likeliest token; otherwise `uniforms`, from 0 to below 1, draw one. */
  readonly temperatures: Float32Array;
  readonly uniforms: Float32Array;
}

/** What an executor has room for. */
export interface StepLimits {
  /** Tokens of one step. */
  readonly maxTokens: number;
  /** Sequences at a time. */
  readonly maxSequences: number;
  /** Places of a page. */
  readonly pageSize: number;
  /** Pages in all; page 0 is reserved for padding. */
  readonly pages: number;
  /** Most places of a sequence. */
  readonly places: number;
}

export interface StepRunner extends StepLimits {
  /** One step, collective over the ranks. Returns the sampled token of each entry of `samples`, in order. */
  step(batch: StepBatch): Int32Array;
}

/** One model on all ranks, with a runner for each variant. */
export interface Runners {
  /** Tokens are numbers below this. */
  readonly vocabulary: number;
  /** Whether collectives had to be measured first, because no plan had all of them. */
  readonly measured: boolean;
  /** Why a variant cannot run here; undefined when it can. The same on all ranks. */
  refusal(variant: VariantName): string | undefined;
  /** The runner of a variant, the same one each time. Collective: ranks ask in the same order. */
  runner(variant: VariantName): StepRunner | Promise<StepRunner>;
  close(): void;
}
