// All-gather, bulk: as all_gather_direct, by bulk copies: into shared memory, and from there into every rank's output. One thread of a block does it
// all, and 8 blocks saturate NVLink: the other multiprocessors are free for computation. Specialised by WORLD.
//
// Parts that do not lie alike in input and output (modulo 16) cannot be copied so; they, and all on devices without bulk copies, go the
// ordinary way.
#include "bulk.cuh"
#include "parts.cuh"
#include "signals.cuh"

#if HAS_BULK
// Tiles a block loads ahead of the one it stores; the other two stages hold what is on its way out.
constexpr u32 AHEAD = STAGES - 2;

// Tile t of a block, of `bytes` bytes that all blocks take in turn.
struct Tiles {
  u64 bytes;

  __device__ __forceinline__ u32 count() const {
    const u64 all = (bytes + STAGE_TILE - 1) / STAGE_TILE;
    return all <= blockIdx.x ? 0 : u32((all - blockIdx.x + gridDim.x - 1) / gridDim.x);
  }
  __device__ __forceinline__ u64 begin(u32 t) const { return (u64(t) * gridDim.x + blockIdx.x) * STAGE_TILE; }
  __device__ __forceinline__ u32 size(u32 t) const {
    const u64 left = bytes - begin(t);
    return left < STAGE_TILE ? u32(left) : STAGE_TILE;
  }
};

DEVICE void load_tile(u8* stages, u64* arrivals, const u8* from, const Tiles& tiles, u32 t) {
  arrivals_expect(arrivals + t % STAGES, tiles.size(t));
  bulk_load(stages + t % STAGES * STAGE_TILE, from + tiles.begin(t), tiles.size(t), arrivals + t % STAGES);
}

// By one thread. Returns when everything has been written.
DEVICE void push_tiles(const Launch& a, u8* stages, u64* arrivals, const u8* from, u8* to, u64 bytes, bool keep) {
  const Tiles tiles{bytes};
  const u32 count = tiles.count();
  for (u32 t = 0; t < AHEAD && t < count; t++) load_tile(stages, arrivals, from, tiles, t);
  for (u32 t = 0; t < count; t++) {
    const u8* const stage = stages + t % STAGES * STAGE_TILE;
    arrivals_wait(arrivals + t % STAGES, t / STAGES & 1);
#pragma unroll
    for (u32 i = 1; i < WORLD; i++) bulk_store(at_peer(a, rotated(a.rank, i), to + tiles.begin(t)), stage, tiles.size(t));
    if (keep) bulk_store(to + tiles.begin(t), stage, tiles.size(t));
    bulk_end_group();
    if (t + AHEAD < count) {
      // The stage's last tile went out with the group before the last two.
      bulk_wait_read_but_two();
      load_tile(stages, arrivals, from, tiles, t + AHEAD);
    }
  }
  bulk_wait_written();
}
#endif

extern "C" __global__ void all_gather_bulk(const __grid_constant__ Launch a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_ALL_GATHER_BULK);
  const u32 before = *count;
  const bool in_place = a.input == a.output;
  u8* const to = a.output + part_offset(a, a.rank);
  const u8* const from = in_place ? to : a.input;
  const u64 bytes = part_bytes(a, a.rank);
#if HAS_BULK
  extern __shared__ __align__(128) u8 stages[];
  __shared__ u64 arrivals[STAGES];
  if (threadIdx.x == 0) {
#pragma unroll
    for (u32 i = 0; i < STAGES; i++) arrivals_init(arrivals + i);
  }
#endif
  signal_relaxed(a, FAMILY_ALL_GATHER_BULK, WORLD, before + 1);
  if (!await_signals(a, FAMILY_ALL_GATHER_BULK, WORLD, before + 1)) return;
#if HAS_BULK
  const Run run = run_of(to, bytes);
  if (is_aligned(from + run.head)) {
    if (blockIdx.x == 0) {
      push_loose(a, from, to, run.head, !in_place);
      push_loose(a, from + run.head + run.packs * 16, to + run.head + run.packs * 16, run.tail, !in_place);
    }
    if (threadIdx.x == 0) {
      fence_bulk();
      push_tiles(a, stages, arrivals, from + run.head, to + run.head, run.packs * 16, !in_place);
    }
  } else {
    push_run(a, from, to, bytes, !in_place);
  }
#else
  push_run(a, from, to, bytes, !in_place);
#endif
  release_next_kernel();
  signal_release(a, FAMILY_ALL_GATHER_BULK, WORLD, before + 2);
  if (!await_signals(a, FAMILY_ALL_GATHER_BULK, WORLD, before + 2)) return;
  if (threadIdx.x == 0) *count = before + 2;
}
