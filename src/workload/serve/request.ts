/**
 * @file What `crossover serve-bench` is asked for, as it travels to the ranks.
 */
import type { EngineName } from '../../collective/engines.ts';
import type { VariantName } from '../variants.ts';
import type { Schedule } from './scheduler.ts';

export interface ServeRequest {
  readonly model: string;
  /** Of the model's layers, the first so many; all of them when absent. */
  readonly layers: number | undefined;
  /** Requests a second. */
  readonly rates: readonly number[];
  /** Seconds in which requests arrive, at each rate. */
  readonly seconds: number;
  /** Lengths of prompts and outputs: see lengths.ts. */
  readonly prompt: string;
  readonly seed: number;
  /** Those that are asked for; all that can run when absent. */
  readonly variants: readonly VariantName[] | undefined;
  readonly schedule: Schedule;
  /** A plan's file, if one was named. */
  readonly plan: string | undefined;
  /** The largest message that `fused-cap` fuses, MiB. */
  readonly fusionCapMb: number | undefined;
  readonly maxSequences: number | undefined;
  readonly maxTokens: number | undefined;
  readonly pageSize: number | undefined;
  readonly engine: EngineName;
  readonly progress: boolean;
}
