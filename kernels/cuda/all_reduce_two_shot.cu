// All-reduce, two-shot zero copy: rank j reads slice j of every rank's input in place, sums it and writes the sum into every rank's output in place.
// Nothing is staged, so it needs symmetric buffers. Two meetings of the block with its counterparts. Specialised by WORLD, DTYPE, REDUCE.
//
// In place it is safe: slice j of any rank's input is read by rank j alone, and overwritten by rank j after that.
#include "number.cuh"
#include "signals.cuh"

#ifndef WORLD
#define WORLD 4
#endif

// Packs a thread has under way, from each peer.
// Registers allow no more everywhere.
constexpr u32 UNROLL = DTYPE == 0 && WORLD >= 4 ? 1 : 2;

extern "C" __global__ void __launch_bounds__(512, 1) all_reduce_two_shot(const __grid_constant__ Launch a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_TWO_SHOT);
  const u32 before = *count;
  const u64 slots = (a.count + ELEMENTS - 1) / ELEMENTS;
  const u64 share = (slots + WORLD - 1) / WORLD;
  const u64 begin = share * a.rank;
  const u64 end = begin + share < slots ? begin + share : slots;
  const u64 input = a.input - a.peers[a.rank];
  const u64 output = a.output - a.peers[a.rank];
  // Peers' inputs were written by kernels that had ended when they came here; nothing needs to be flushed.
  signal_relaxed(a, FAMILY_TWO_SHOT, WORLD, before + 1);
  if (!await_signals(a, FAMILY_TWO_SHOT, WORLD, before + 1)) return;
  const u64 stride = u64(gridDim.x) * blockDim.x;
  for (u64 first = begin + u64(blockIdx.x) * blockDim.x + threadIdx.x; first < end; first += UNROLL * stride) {
    Pack box[UNROLL][WORLD];
#pragma unroll
    for (u32 u = 0; u < UNROLL; u++)
#pragma unroll
      for (u32 i = 0; i < WORLD; i++) {
        // Constant register numbers: pack r is loaded in order of r, which every rank does alike; with all loads under way at once it costs nothing.
        const u64 slot = first + u * stride;
        if (slot < end) box[u][i] = load_slot(a.peers[i] + input, slot, a.count, a.aligned);
      }
#pragma unroll
    for (u32 u = 0; u < UNROLL; u++) {
      const u64 slot = first + u * stride;
      if (slot >= end) break;
      Values sum = widen(box[u][0]);
#pragma unroll
      for (u32 r = 1; r < WORLD; r++) accumulate(sum, box[u][r]);
      finish(sum, WORLD);
      const Pack result = narrow(sum);
#pragma unroll
      for (u32 i = 0; i < WORLD; i++) {
        const u32 peer = a.rank + i < WORLD ? a.rank + i : a.rank + i - WORLD;
        store_slot(a.peers[peer] + output, slot, a.count, a.aligned, result);
      }
    }
  }
  release_next_kernel();
  signal_release(a, FAMILY_TWO_SHOT, WORLD, before + 2);
  if (!await_signals(a, FAMILY_TWO_SHOT, WORLD, before + 2)) return;
  if (threadIdx.x == 0) *count = before + 2;
}
