// All-reduce, one-shot pull: every rank reads every rank's input and sums it, where it lies or, when the output overwrites the input, from a copy in the
// stage. Two meetings; (N-1) times the bytes enter each device. Specialised by WORLD, DTYPE, REDUCE.
#include "number.cuh"
#include "signals.cuh"

#ifndef WORLD
#define WORLD 4
#endif

extern "C" __global__ void __launch_bounds__(512) all_reduce_one_shot(const __grid_constant__ Launch a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_ONE_SHOT_PULL);
  const u32 before = *count;
  const bool staged = a.input == a.output;
  const u64 slots = (a.count + ELEMENTS - 1) / ELEMENTS;
  const u64 stride = u64(gridDim.x) * blockDim.x;
  const u64 own = u64(blockIdx.x) * blockDim.x + threadIdx.x;
  u64 source = a.input - a.peers[a.rank];
  if (staged) {
    source = STAGE;
    u8* const stage = a.peers[a.rank] + source;
    for (u64 slot = own; slot < slots; slot += stride) store_relaxed(stage + slot * 16, load_slot(a.input, slot, a.count, a.aligned));
    signal_release(a, FAMILY_ONE_SHOT_PULL, WORLD, before + 1);
  } else {
    // Peers' inputs were written by kernels that had ended when they came here; nothing needs to be flushed.
    signal_relaxed(a, FAMILY_ONE_SHOT_PULL, WORLD, before + 1);
  }
  if (!await_signals(a, FAMILY_ONE_SHOT_PULL, WORLD, before + 1)) return;
  // Copies in the stage are aligned and whole slots, whatever the input is.
  const bool aligned = staged || a.aligned;
  const u64 readable = staged ? slots * ELEMENTS : a.count;
  for (u64 slot = own; slot < slots; slot += stride) {
    Pack box[WORLD];
#pragma unroll
    for (u32 r = 0; r < WORLD; r++) box[r] = load_slot(a.peers[r] + source, slot, readable, aligned);
    Values sum = widen(box[0]);
#pragma unroll
    for (u32 r = 1; r < WORLD; r++) accumulate(sum, box[r]);
    finish(sum, WORLD);
    store_slot(a.output, slot, a.count, a.aligned, narrow(sum));
  }
  release_next_kernel();
  // Until all peers have read this rank's input or stage, what comes next must not overwrite it. They have written nothing here: no fence.
  __syncthreads();
  signal_relaxed(a, FAMILY_ONE_SHOT_PULL, WORLD, before + 2);
  if (!await_signals(a, FAMILY_ONE_SHOT_PULL, WORLD, before + 2)) return;
  if (threadIdx.x == 0) *count = before + 2;
}
