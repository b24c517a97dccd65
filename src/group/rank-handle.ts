/** @file A rank as its launcher knows it. */
import type { RankReport } from './program.ts';

/** What is heard of a rank: thread or process. */
export interface RankEvents {
  reported(report: RankReport): void;
  /** Nobody caught this. */
  failed(error: unknown): void;
  /** "exited with code 1", for example. */
  ended(how: string): void;
}

/** A rank that was started. */
export interface RankHandle {
  /** Ends it, and resolves when it has ended. It may do what it still wants to at its end if all ranks have `succeeded`. */
  end(succeeded: boolean): Promise<void>;
}

/** @throws CrossoverError when the rank cannot be started */
export type StartRank = (rank: number, events: RankEvents) => RankHandle;
