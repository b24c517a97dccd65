// Flags between blocks of the same number on all ranks: "I am here" and "my data is there". A flag is a count that only grows (and wraps
// around), written by the peer it belongs to, so nothing is ever reset. Every block keeps its count in device memory: replays, other
// grids and other kernels of the family may follow in any order, as long as all ranks run the same.
#pragma once
#include "layout.cuh"
#include "wait.cuh"

// One family a kernel: kernels of different families may have blocks of the same number under way at once (programmatic launch).
enum Family : u32 {
  FAMILY_BARRIER = 0,
  FAMILY_ONE_SHOT_PULL = 1,
  FAMILY_TWO_SHOT = 2,
  FAMILY_TWO_SHOT_STAGED = 3,
  FAMILY_ALL_GATHER_DIRECT = 4,
  FAMILY_ALL_GATHER_BULK = 5,
  FAMILY_REDUCE_SCATTER_DIRECT = 6,
  FAMILY_REDUCE_SCATTER_BULK = 7,
  FAMILY_BROADCAST_DIRECT = 8,
  FAMILY_BROADCAST_SCATTER = 9,
  // 10 and 11 are free. 12 to 15: multimem, quantized.
};

DEVICE u32* block_count(const Launch& a, Family family) {
  return reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_BLOCK) + family * MAX_SIGNAL_BLOCKS + blockIdx.x;
}
// The flag that `source` sets in the block of `owner`.
DEVICE u32* signal_of(const Launch& a, Family family, u32 owner, u32 source) {
  return reinterpret_cast<u32*>(a.peers[owner] + SIGNALS + ((u64(family) * MAX_SIGNAL_BLOCKS + blockIdx.x) * MAX_WORLD + source) * SIGNAL_STRIDE);
}

// Tells every peer `count`. Orders nothing: for peers that wait before they overwrite what earlier kernels of this rank have finished with.
DEVICE void signal_relaxed(const Launch& a, Family family, u32 world, u32 count) {
  if (threadIdx.x < world && threadIdx.x != a.rank) store_relaxed(signal_of(a, family, threadIdx.x, a.rank), count);
}
// The same, after all that this block has read and written. Costs the round trip of the slowest outstanding store.
DEVICE void signal_release(const Launch& a, Family family, u32 world, u32 count) {
  __syncthreads();
  if (threadIdx.x < world && threadIdx.x != a.rank) {
    fence_system();
    store_relaxed(signal_of(a, family, threadIdx.x, a.rank), count);
  }
}
// Waits until every peer has told `count` or more; what they did before they told is visible to the whole block then. False, for
// the whole block, when it was given up.
DEVICE bool await_signals(const Launch& a, Family family, u32 world, u32 count) {
  bool given_up = false;
  if (threadIdx.x < world && threadIdx.x != a.rank) {
    const u32* flag = signal_of(a, family, a.rank, threadIdx.x);
    Deadline deadline;
    while (int(load_acquire(flag) - count) < 0) {
      if (deadline.passed(a, threadIdx.x)) {
        given_up = true;
        break;
      }
    }
  }
  return !__syncthreads_or(given_up);
}
