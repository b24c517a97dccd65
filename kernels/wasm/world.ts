/**
 * @file What one instance of the kernels knows of the world: which rank it is, and where things lie in the shared memory.
 *
 * Every rank instantiates this module over the SAME shared memory, so a peer's buffer is an address like any other:
 * what lies at `p` in this rank's arena lies at `p + (peer - rank) * arenaStride` in a peer's. There is no allocation and
 * no static data here; the host side lays memory out and hands the addresses over once, through `configure`.
 */

export let rank: u32 = 0;
export let worldSize: u32 = 1;
/** Polls before a waiting rank sleeps; 0 when ranks share cores. */
export let spins: u32 = 0;
/** One line a rank: epoch, sleepers, two signatures (see sync.ts). */
export let lines: usize = 0;
/** Staging: [rank][generation 2][stageBytes], `stageStride` bytes from one rank to the next. */
export let stages: usize = 0;
export let stageBytes: u32 = 0;
export let stageStride: u32 = 0;
/** Rows kept in float32 between the passes of a norm; private to this rank. */
export let rows: usize = 0;
export let rowsBytes: u32 = 0;
/** Partial sums and maxima that ranks exchange when they share a row; `partialStride` bytes from one rank to the next. */
export let partials: usize = 0;
export let partialBytes: u32 = 0;
export let partialStride: u32 = 0;
/** Bytes from a rank's arena to the next rank's. */
export let arenaStride: u32 = 0;
export let arenaBase: usize = 0;

export function configure(
  rank_: u32,
  worldSize_: u32,
  spins_: u32,
  lines_: usize,
  stages_: usize,
  stageBytes_: u32,
  stageStride_: u32,
  rows_: usize,
  rowsBytes_: u32,
  partials_: usize,
  partialBytes_: u32,
  partialStride_: u32,
  arenaBase_: usize,
  arenaStride_: u32,
): void {
  rank = rank_;
  worldSize = worldSize_;
  spins = spins_;
  lines = lines_;
  stages = stages_;
  stageBytes = stageBytes_;
  stageStride = stageStride_;
  rows = rows_;
  rowsBytes = rowsBytes_;
  partials = partials_;
  partialBytes = partialBytes_;
  partialStride = partialStride_;
  arenaBase = arenaBase_;
  arenaStride = arenaStride_;
}

/** Where rank 0 has what this rank has at `address`. */
// @ts-ignore: decorator
@inline
export function atRank0(address: usize): usize {
  return address - rank * arenaStride;
}

/** Elements in the largest slice when `count` is split over the ranks; a multiple of 16, so that slices start on a whole vector. */
// @ts-ignore: decorator
@inline
export function sliceOf(count: u32): u32 {
  return ((count + worldSize - 1) / worldSize + 15) & ~15;
}
