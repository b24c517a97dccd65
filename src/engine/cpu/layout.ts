/**
 * @file Where everything lies in the one memory that all ranks share. The kernels are told through `configure` and keep no layout
 * of their own.
 *
 *   lines      one line a rank for synchronization
 *   private    [rank] commands | rows | partials | stages: what a rank writes for itself, and stages and partials that peers read
 *   arenas     [rank] the symmetric heap
 */
import { CrossoverError } from '../../errors.ts';
import { GRANULE, roomOf } from '../../memory/allocator.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** WebAssembly's 32-bit address space. */
const ADDRESSABLE = 4096 * MIB;

/**
 * Recorded commands, one rank's: 100,000. Serving records some thirty sizes of a step for each way to dispatch, with some ten commands for each layer. Address
 * space only: pages are committed when they are touched.
 */
export const COMMANDS_BYTES: number = 16 * MIB;
/** A row in float32 between the passes of a norm: hidden sizes up to MAX_HIDDEN, or several rows' columns. */
const ROWS_BYTES = 512 * KIB;
const PARTIALS_BYTES = 128 * KIB;
/** One generation of one rank's stage. */
export const STAGE_BYTES: number = 256 * KIB;
/** Largest hidden size: a float32 row must fit a stage. */
export const MAX_HIDDEN: number = STAGE_BYTES / 4;

/** Longest row of a model's kernels that keep rows in float32: they have room for eight. */
export const MAX_COMPUTE_ROW: number = ROWS_BYTES / 32;

export const MAX_WORLD_SIZE = 16;
export const DEFAULT_ARENA_BYTES: number = 128 * MIB;

/**
 * Added to each rank's region, so that what ranks have at equal offsets does not fall into the same cache set: 36 lines apart, 16
 * ranks take 16 different sets of 64. A multiple of the heap's granule.
 */
const SKEW = 2304;

const LINES = 4 * KIB;
const PRIVATE = 16 * KIB;
const PRIVATE_STRIDE = COMMANDS_BYTES + ROWS_BYTES + PARTIALS_BYTES + 2 * STAGE_BYTES + SKEW;

export interface Layout {
  readonly memoryBytes: number;
  readonly lines: number;
  readonly commands: number;
  readonly rows: number;
  readonly rowsBytes: number;
  readonly partials: number;
  readonly partialBytes: number;
  readonly stages: number;
  readonly stageBytes: number;
  /** Bytes from one rank's private region to the next rank's. */
  readonly privateStride: number;
  readonly arena: number;
  readonly arenaBytes: number;
  readonly arenaStride: number;
}

/** Largest arena of each of so many ranks, bytes. */
export function mostArenaBytes(worldSize: number): number {
  const arenas = PRIVATE + worldSize * PRIVATE_STRIDE;
  return Math.floor(((ADDRESSABLE - arenas) / worldSize - SKEW) / GRANULE) * GRANULE;
}

/** The layout for one rank. `stages` and `partials` are rank 0's, which is what the kernels want; the others are this rank's. */
export function layoutFor(rank: number, worldSize: number, arenaBytes: number): Layout {
  const arenas = PRIVATE + worldSize * PRIVATE_STRIDE;
  const most = mostArenaBytes(worldSize);
  if (!Number.isSafeInteger(arenaBytes) || arenaBytes < GRANULE || arenaBytes > most) {
    throw new CrossoverError(
      `arenaBytes is ${arenaBytes}; with ${worldSize} ranks the CPU engine's 4 GiB allow ${GRANULE} to ${most} bytes a rank`,
    );
  }
  const rounded = roomOf(arenaBytes);
  const arenaStride = rounded + SKEW;
  const own = PRIVATE + rank * PRIVATE_STRIDE;
  return {
    memoryBytes: arenas + worldSize * arenaStride,
    lines: LINES,
    commands: own,
    rows: own + COMMANDS_BYTES,
    rowsBytes: ROWS_BYTES,
    partials: PRIVATE + COMMANDS_BYTES + ROWS_BYTES,
    partialBytes: PARTIALS_BYTES,
    stages: PRIVATE + COMMANDS_BYTES + ROWS_BYTES + PARTIALS_BYTES,
    stageBytes: STAGE_BYTES,
    privateStride: PRIVATE_STRIDE,
    arena: arenas + rank * arenaStride,
    arenaBytes: rounded,
    arenaStride,
  };
}
