/**
 * @file What `crossover decode` is asked for, as it travels to the ranks, and what it finds out.
 */
import type { Estimate } from '../../measure/statistics.ts';
import type { Layout } from '../layouts.ts';
import type { Prediction } from '../predict.ts';
import type { WayName } from '../runnable.ts';
import type { SessionBytes } from '../session/capacity.ts';
import type { SessionRequest } from '../session/open.ts';
import type { Dispatched } from '../variants.ts';

export interface DecodeRequest {
  readonly session: SessionRequest;
  /** Sequences that are decoded at a time, one row of results each. */
  readonly batches: readonly number[];
  readonly variants: readonly WayName[];
  /** The largest message that `fused-cap` fuses, bytes. */
  readonly capBytes: number;
  /** Tokens of each prompt, before the first step. */
  readonly promptTokens: number;
  /** Steps of a sample. */
  readonly steps: number;
  /** Samples of every variant. */
  readonly rounds: number;
  readonly seed: number;
  readonly progress: boolean;
}

/** One variant at one batch. */
export interface DecodeRow {
  readonly batch: number;
  readonly variant: WayName;
  /** Absent in files of 0.1.0 that were made before there were any but `own`. */
  readonly layout?: Layout | undefined;
  /** A step, us: median of the samples, each the slowest rank's. */
  readonly us: Estimate;
  readonly tokensPerSecond: number;
  /** Half of the 95 % confidence interval of the median, over it. */
  readonly spread: number;
  /**
   * Of the time of a step: by so much it is longer than one in which ranks do not meet. With experts or data-parallel attention, what measurements say that its
   * collectives take; absent where one was not measured.
   */
  readonly collectiveShare?: number | undefined;
  readonly dispatched: readonly Dispatched[];
  /** Whether all collectives promise the bits of sums in rank order. */
  readonly rankOrder: boolean;
  /** Of the tokens of all sequences and steps. Products of other layouts may round otherwise. */
  readonly tokensHash: string;
  /** What measurements of the collectives alone say of its throughput against the plan's. */
  readonly predicted?: Prediction | undefined;
  /** What was measured: throughput over the plan's, less 1. */
  readonly change?: number | undefined;
}

export interface DecodeOutcome {
  readonly rows: readonly DecodeRow[];
  readonly skipped: readonly { readonly variant: WayName; readonly reason: string }[];
  readonly bytes: SessionBytes;
  /** Whether collectives were measured in this run, because no plan had all of them. */
  readonly measured: boolean;
  /** At which a product of one row reads the largest matrix, on the slowest rank, bytes a second; absent where caches hold it. */
  readonly bytesPerSecond?: number | undefined;
  /** The first tokens of the first sequence, for people to look at. */
  readonly tokens: readonly number[];
}
