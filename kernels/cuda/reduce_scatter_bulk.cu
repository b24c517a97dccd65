// Reduce-scatter, bulk: as reduce_scatter_direct, but peers' inputs come by bulk copies into shared memory, where they are reduced: few blocks keep
// enough bytes under way to saturate NVLink, and the other multiprocessors are free for computation. Specialised by WORLD, DTYPE, REDUCE.
//
// A part that does not begin at a multiple of 16 bytes cannot be copied so; it, and all on devices without bulk copies, goes the ordinary way.
#include "bulk.cuh"
#include "parts.cuh"
#include "pull.cuh"
#include "signals.cuh"

#if HAS_BULK
// Packs of every rank's input in one stage.
constexpr u32 TILE_PACKS = STAGE_TILE / 16 / WORLD / 32 * 32;

// Starts the copies of one tile, from every rank. By one thread.
DEVICE void load_tile(const Launch& a, u8* stage, u64* arrivals, u64 from, u64 packs) {
  const u32 bytes = u32(packs < TILE_PACKS ? packs : TILE_PACKS) * 16;
  arrivals_expect(arrivals, WORLD * bytes);
#pragma unroll
  for (u32 i = 1; i <= WORLD; i++) {
    const u32 r = rotated(a.rank, i % WORLD);
    bulk_load(stage + r * TILE_PACKS * 16, a.peers[r] + from, bytes, arrivals);
  }
}

// Reduces this block's share of `packs` packs.
DEVICE void pull_tiles(const Launch& a, u8* stages, u64* arrivals, u64 from, u8* to, u64 packs) {
  const u64 all = (packs + TILE_PACKS - 1) / TILE_PACKS;
  const u32 count = all <= blockIdx.x ? 0 : u32((all - blockIdx.x + gridDim.x - 1) / gridDim.x);
  const bool aligned = is_aligned(to);
  if (threadIdx.x == 0) {
    fence_bulk();
    for (u32 t = 0; t < STAGES && t < count; t++) {
      const u64 first = (u64(t) * gridDim.x + blockIdx.x) * TILE_PACKS;
      load_tile(a, stages + t * STAGE_TILE, arrivals + t, from + first * 16, packs - first);
    }
  }
  for (u32 t = 0; t < count; t++) {
    const u64 first = (u64(t) * gridDim.x + blockIdx.x) * TILE_PACKS;
    const u32 here = packs - first < TILE_PACKS ? u32(packs - first) : TILE_PACKS;
    const u8* const stage = stages + t % STAGES * STAGE_TILE;
    arrivals_wait(arrivals + t % STAGES, t / STAGES & 1);
    for (u32 i = threadIdx.x; i < here; i += blockDim.x) {
      const Pack* const column = reinterpret_cast<const Pack*>(stage) + i;
      Values sum = widen(column[0]);
#pragma unroll
      for (u32 r = 1; r < WORLD; r++) accumulate(sum, column[r * TILE_PACKS]);
      finish(sum, WORLD);
      store_slot(to, first + i, packs * ELEMENTS, aligned, narrow(sum));
    }
    // All have read the stage; it may be filled again.
    __syncthreads();
    if (threadIdx.x == 0 && t + STAGES < count) {
      const u64 next = (u64(t + STAGES) * gridDim.x + blockIdx.x) * TILE_PACKS;
      load_tile(a, stages + t % STAGES * STAGE_TILE, arrivals + t % STAGES, from + next * 16, packs - next);
    }
  }
}
#endif

extern "C" __global__ void reduce_scatter_bulk(const __grid_constant__ Launch a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_REDUCE_SCATTER_BULK);
  const u32 before = *count;
  const u64 begin = part_offset(a, a.rank);
  const u8* const from = a.input + begin;
  u8* const to = a.input == a.output ? a.output + begin : a.output;
  const u64 elements = a.part[a.rank + 1] - a.part[a.rank];
#if HAS_BULK
  extern __shared__ __align__(128) u8 stages[];
  __shared__ u64 arrivals[STAGES];
  if (threadIdx.x == 0) {
#pragma unroll
    for (u32 i = 0; i < STAGES; i++) arrivals_init(arrivals + i);
  }
#endif
  signal_relaxed(a, FAMILY_REDUCE_SCATTER_BULK, WORLD, before + 1);
  if (!await_signals(a, FAMILY_REDUCE_SCATTER_BULK, WORLD, before + 1)) return;
#if HAS_BULK
  if (is_aligned(from)) {
    const u64 packs = elements / ELEMENTS;
    pull_tiles(a, stages, arrivals, from - a.peers[a.rank], to, packs);
    // What is less than a pack.
    pull_run(a, from, to, packs, elements);
  } else {
    pull_run(a, from, to, 0, elements);
  }
#else
  pull_run(a, from, to, 0, elements);
#endif
  release_next_kernel();
  __syncthreads();
  signal_relaxed(a, FAMILY_REDUCE_SCATTER_BULK, WORLD, before + 2);
  if (!await_signals(a, FAMILY_REDUCE_SCATTER_BULK, WORLD, before + 2)) return;
  if (threadIdx.x == 0) *count = before + 2;
}
