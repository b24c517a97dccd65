/** @file What a CUDA engine may be told, and what holds when nobody says. */
import { CrossoverError } from '../../errors.ts';
import { GRANULE } from '../../memory/allocator.ts';
import { DEFAULT_ARENA_BYTES } from './layout.ts';

export interface CudaEngineOptions {
  /** Bytes of the symmetric heap, a rank; 128 MiB by default. */
  readonly arenaBytes?: number | undefined;
  /** Where the counts that kernels meet by start, 0 by default; tests start them just below 2^32, where they wrap around. */
  readonly firstEpoch?: number | undefined;
  /** After how long a kernel that waits for a peer gives up, 8 by default. */
  readonly deadlineSeconds?: number | undefined;
  /** After how long the host gives up waiting for its device, 0 for never; by default what $CROSSOVER_STALL_SECONDS says, or 45: before the watchdog's 60. */
  readonly stallSeconds?: number | undefined;
  /** Where warnings go; stderr by default. */
  readonly warn?: ((line: string) => void) | undefined;
}

export type CudaEngineSettings = {
  readonly [K in keyof CudaEngineOptions]-?: NonNullable<CudaEngineOptions[K]>;
};

export function settingsOf(options: CudaEngineOptions): CudaEngineSettings {
  const {
    arenaBytes = DEFAULT_ARENA_BYTES,
    firstEpoch = 0,
    deadlineSeconds = 8,
    stallSeconds = stallFromEnvironment(),
    warn = (line) => console.error(`crossover: ${line}`),
  } = options;
  if (!Number.isSafeInteger(arenaBytes) || arenaBytes < GRANULE) {
    throw new CrossoverError(`arenaBytes is ${arenaBytes}; use a whole number from ${GRANULE} up`);
  }
  return { arenaBytes, firstEpoch, deadlineSeconds, stallSeconds, warn };
}

function stallFromEnvironment(): number {
  const text = process.env.CROSSOVER_STALL_SECONDS;
  const seconds = text ? Number(text) : 45;
  if (seconds >= 0) return seconds;
  throw new CrossoverError(
    `$CROSSOVER_STALL_SECONDS is "${text}"; use a number of seconds, or 0 for no bound`,
  );
}
