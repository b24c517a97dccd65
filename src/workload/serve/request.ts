/**
 * @file What `crossover serve-bench` is asked for, as it travels to the ranks.
 */
import type { SessionRequest } from '../session/open.ts';
import type { VariantName } from '../variants.ts';
import type { Schedule } from './scheduler.ts';

export interface ServeRequest {
  readonly session: SessionRequest;
  /** Requests a second. */
  readonly rates: readonly number[];
  /** Seconds in which requests arrive, at each rate. */
  readonly seconds: number;
  /** Lengths of prompts and outputs: see lengths.ts. */
  readonly prompt: string;
  readonly seed: number;
  readonly variants: readonly VariantName[];
  /** The largest message that `fused-cap` fuses, bytes. */
  readonly capBytes: number;
  readonly schedule: Schedule;
  readonly progress: boolean;
}
